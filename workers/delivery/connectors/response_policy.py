"""What an answer that is no success comes to, where a kind has nothing more to say about it.

Credentials that are not taken, and places that are not there, are faults of the configuration: they are mended, and
what was to be delivered meanwhile is then delivered. So they are tried again; only what is wrong with the one event
is refused.
"""

from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, TypeVar, assert_never

import msgspec

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
    return isinstance(reply, HttpResponse) and reply.status in _SUCCESS


def failure_outcome(reply: HttpResult, now: float) -> Retry | Rejected:
    """What a reply that is no success comes to. `now`: seconds since 1970."""
    match reply:
        case Blocked(detail):
            return Retry(f"not dialled: {detail}")
        case HttpFailure(detail):
            return Retry(detail)
        case HttpResponse():
            return transient_failure(reply, now) or Rejected(reply.status, summary_of(reply))
        case never:
            assert_never(never)


def transient_failure(answer: HttpResponse, now: float) -> Retry | None:
    """When to come again, if the answer is about the moment or about us, and not about what was sent."""
    status, after = answer.status, retry_after_seconds(answer, now)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Retry("asks for less (429)", status, after, throttled=True)
    if status in _OVERLOADED:
        # Who says when to come again is alive; who does not is tried by the schedule, and may be taken for dead.
        return Retry(summary_of(answer), status, after, throttled=after is not None)
    if status in _DENIED:
        return Retry(f"does not take our credentials: {summary_of(answer)}", status)
    if status in _ELSEWHERE:
        return Retry(f"answers {status} with another place, which is not followed: write that as its url", status)
    if status in _TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Retry(summary_of(answer), status, after)
    return None


def retry_after_seconds(answer: HttpResponse, now: float) -> float | None:
    """Seconds from now as `Retry-After` says them (a number, or a date of HTTP), at most a day."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), MAX_RETRY_AFTER_SECONDS))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):  # it reads years, hours and zones of any length
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(0.0, at.timestamp() - now), MAX_RETRY_AFTER_SECONDS)


def summary_of(answer: HttpResponse) -> str:
    return f"{answer.status}: {answer.text}" if answer.text else str(answer.status)


def decode_body(answer: HttpResponse, kind: type[T]) -> T | None:
    """The body as this type; None if it is not, or was cut."""
    if answer.is_cut:
        return None
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def to_json(value: Any) -> bytes:
    return msgspec.json.encode(value)
