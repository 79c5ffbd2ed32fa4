"""Reads a request's body, bounded in size and in time, and only if it is what it says it is."""

import asyncio
from collections.abc import Collection
from email.message import Message
from functools import lru_cache

from starlette.requests import ClientDisconnect, Request

from .problems import Problem, retry_later

MAX_BYTES = 1_048_576
BODY_SECONDS = 10.0  # for the whole body: a client that drips must not hold a place
MAX_UNAUTHENTICATED = 32  # a quarter of all requests
_CLOSE = {"Connection": "close"}  # what is left of the body is not read


async def read_body(request: Request, *, max_bytes: int = MAX_BYTES, within: float = BODY_SECONDS) -> bytes:
    """The whole body.

    Raises:
        Problem: 413 beyond `max_bytes`, whatever was announced; 408 after `within` seconds; 415 if it is packed.
    """
    _refuse_compressed(request.headers.get("content-encoding", ""))
    _refuse_announced(request.headers.get("content-length", ""), max_bytes)
    try:
        async with asyncio.timeout(within):
            return await _collect(request, max_bytes)
    except TimeoutError:
        raise Problem("timeout", f"the body did not arrive within {within:g} seconds", headers=_CLOSE) from None
    except ClientDisconnect:
        raise Problem("malformed", "the body ended before its end") from None


class UnauthenticatedBodies:
    """Reads bodies of whom nobody knows yet: their signature is about the body. They must not take all places."""

    def __init__(self, most: int = MAX_UNAUTHENTICATED) -> None:
        self._most = most
        self._reading = 0

    async def read(self, request: Request) -> bytes:
        """As `read_body`. Raises Problem 503 too, where too many are being read."""
        if self._reading >= self._most:
            raise retry_later("unavailable", "as many bodies of unknown senders as may be are being read", 1)
        self._reading += 1
        try:
            return await read_body(request)
        finally:
            self._reading -= 1


def media_type_of(content_type: str, allowed: Collection[str]) -> str:
    """The media type, in lower case, if it is allowed and its text is UTF-8.

    Raises:
        Problem: 415, saying what would be right.
    """
    found, charset = _parse_content_type(content_type)
    if found not in allowed:
        said = f"Content-Type {content_type[:100]!r} is not read" if content_type else "there is no Content-Type"
        raise Problem("unsupported-media-type", f"{said}: send {' or '.join(sorted(allowed))}")
    if charset not in ("", "utf-8", "utf8"):
        raise Problem("unsupported-media-type", f"charset {charset[:40]!r} is not read: send UTF-8")
    return found


@lru_cache(maxsize=256)
def _parse_content_type(content_type: str) -> tuple[str, str]:
    """Media type and charset of a header. Remembered: clients send few of them, again and again."""
    message = Message()
    message["content-type"] = content_type
    charset = message.get_param("charset", "")
    return message.get_content_type() if content_type else "", str(charset).lower()


def _refuse_compressed(encoding: str) -> None:
    if encoding.strip().lower() not in ("", "identity"):
        raise Problem(
            "unsupported-media-type",
            f"Content-Encoding {encoding[:40]!r} is not unpacked: send the body as it is",
            headers={"Accept-Encoding": "identity", **_CLOSE},
        )


def _refuse_announced(length: str, max_bytes: int) -> None:
    if length.isdecimal() and (len(length) > len(str(max_bytes)) or int(length) > max_bytes):
        raise _too_large(max_bytes)


async def _collect(request: Request, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > max_bytes:
            raise _too_large(max_bytes)
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(max_bytes: int) -> Problem:
    return Problem("too-large", f"a body has at most {max_bytes:,} bytes: send several requests", headers=_CLOSE)
