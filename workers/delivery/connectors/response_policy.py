"""Maps unsuccessful HTTP results to outcomes, where a vendor needs no rule of its own.

Rejected credentials and missing resources are configuration errors: once they are fixed, waiting deliveries succeed.
So they are retried; only an error of the one event is final.
"""

from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeVar, assert_never

import msgspec

from schemas.json_value import JsonValue
from workers.outbound import Blocked, HttpFailure, HttpResponse, HttpResult

from ..attempts import Rejected, Retry

T = TypeVar("T")

MAX_RETRY_AFTER_SECONDS = 86_400.0
_SUCCESS = range(200, 300)
_ELSEWHERE = range(300, 400)
_OVERLOADED = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
_DENIED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED)
_TRANSIENT = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY)


def is_success(reply: HttpResult) -> bool:
    """Whether the result is a 2xx response."""
    return isinstance(reply, HttpResponse) and reply.status in _SUCCESS


def failure_outcome(reply: HttpResult, now: float) -> Retry | Rejected:
    """Map a result that is not a success to an outcome. `now`: seconds since 1970, for dates in Retry-After."""
    match reply:
        case Blocked(detail):
            return Retry(f"not dialled: {detail}")
        case HttpFailure(detail):
            return Retry(detail)
        case HttpResponse():
            return transient_failure(reply, now) or Rejected(reply.status, summary_of(reply))
        case never:
            assert_never(never)


def transient_failure(response: HttpResponse, now: float) -> Retry | None:
    """Return a retry if the response concerns the moment or our configuration; None if it concerns the request."""
    status, after = response.status, retry_after_seconds(response, now)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Retry("too many requests (429)", status, after, throttled=True)
    if status in _OVERLOADED:
        # With Retry-After, the endpoint is alive; without it, the schedule applies, and the circuit may open.
        return Retry(summary_of(response), status, after, throttled=after is not None)
    if status in _DENIED:
        return Retry(f"rejects our credentials: {summary_of(response)}", status)
    if status in _ELSEWHERE:
        return Retry(f"redirects ({status}), which is not followed: configure the new location as its url", status)
    if status in _TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Retry(summary_of(response), status, after)
    return None


def retry_after_seconds(response: HttpResponse, now: float) -> float | None:
    """Return the seconds of `Retry-After` (a number, or an HTTP date), at most a day; None without a valid one."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), MAX_RETRY_AFTER_SECONDS))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):  # it accepts years, hours and zones of any length
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(0.0, at.timestamp() - now), MAX_RETRY_AFTER_SECONDS)


def summary_of(response: HttpResponse) -> str:
    """Summarise a response for messages: status and the redacted beginning of the body."""
    return f"{response.status}: {response.text}" if response.text else str(response.status)


def decode_body(response: HttpResponse, kind: type[T]) -> T | None:
    """Decode the body as `kind`; None if it does not conform, or was truncated."""
    if response.is_cut:
        return None
    try:
        return msgspec.json.decode(response.body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def to_json(value: JsonValue) -> bytes:
    """Encode a request body."""
    return msgspec.json.encode(value)
