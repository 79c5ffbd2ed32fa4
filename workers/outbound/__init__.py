"""Calls to addresses that others chose: only to where we may go, only as far as we want."""

from .client import Answer, Blocked, Client, Failed, Reply
from .destinations import Destination, Reach, Unfit, destination_of
from .wording import scrubbed

__all__ = [
    "Answer",
    "Blocked",
    "Client",
    "Destination",
    "Failed",
    "Reach",
    "Reply",
    "Unfit",
    "destination_of",
    "scrubbed",
]
