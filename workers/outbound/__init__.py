"""Calls to addresses that others chose: only to where we may go, only as far as we want."""

from .client import Blocked, Client, HttpFailure, HttpResponse, HttpResult
from .destinations import Destination, InvalidDestination, UrlPolicy, destination_of
from .redaction import redacted

__all__ = [
    "Blocked",
    "Client",
    "Destination",
    "HttpFailure",
    "HttpResponse",
    "HttpResult",
    "InvalidDestination",
    "UrlPolicy",
    "destination_of",
    "redacted",
]
