"""HTTP calls to URLs that users configured: only to permitted addresses, with bounded time and size."""

from .addresses import ForbiddenAddress
from .client import Blocked, Client, HttpFailure, HttpResponse, HttpResult
from .destinations import Destination, InvalidDestination, UrlPolicy, destination_of
from .redaction import redacted

__all__ = [
    "Blocked",
    "Client",
    "Destination",
    "ForbiddenAddress",
    "HttpFailure",
    "HttpResponse",
    "HttpResult",
    "InvalidDestination",
    "UrlPolicy",
    "destination_of",
    "redacted",
]
