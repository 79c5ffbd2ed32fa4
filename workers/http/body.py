"""Reads request bodies, bounded in size and in time, with a supported media type only."""

import asyncio
from collections.abc import Collection
from email.message import Message
from functools import lru_cache

from starlette.requests import ClientDisconnect, Request

from .problems import Problem, retry_later

MAX_BYTES = 1_048_576
BODY_SECONDS = 10.0  # for the whole body: a slow client must not occupy a slot
MAX_UNAUTHENTICATED = 32  # a quarter of all requests
_CLOSE = {"Connection": "close"}  # the rest of the body is not read


async def read_body(request: Request, *, max_bytes: int = MAX_BYTES, within: float = BODY_SECONDS) -> bytes:
    """Read the whole body.

    Raises:
        Problem: 413 beyond `max_bytes`, whatever Content-Length says; 408 after `within` seconds; 415 if it is
            compressed; 400 if the client disconnects.
    """
    _reject_compressed(request.headers.get("content-encoding", ""))
    _reject_announced(request.headers.get("content-length", ""), max_bytes)
    try:
        async with asyncio.timeout(within):
            return await _collect(request, max_bytes)
    except TimeoutError:
        raise Problem("timeout", f"the body did not arrive within {within:g} seconds", headers=_CLOSE) from None
    except ClientDisconnect:
        raise Problem("malformed", "the connection was closed before the end of the body") from None


class UnauthenticatedBodies:
    """Reads bodies of clients not yet authenticated, whose signature covers the body; limits how many at a time."""

    def __init__(self, most: int = MAX_UNAUTHENTICATED) -> None:
        self._most = most
        self._reading = 0

    async def read(self, request: Request) -> bytes:
        """Read the whole body.

        Raises:
            Problem: as `read_body`, and 503 if too many are being read.
        """
        if self._reading >= self._most:
            raise retry_later("unavailable", "too many requests that are not yet authenticated", 1)
        self._reading += 1
        try:
            return await read_body(request)
        finally:
            self._reading -= 1


def media_type_of(content_type: str, allowed: Collection[str]) -> str:
    """Return the media type, in lower case.

    Raises:
        Problem: 415, it is not one of `allowed` or its charset is not UTF-8; the detail names the allowed ones.
    """
    found, charset = _parse_content_type(content_type)
    if found not in allowed:
        cause = f"Content-Type {content_type[:100]!r} is not supported" if content_type else "Content-Type is missing"
        raise Problem("unsupported-media-type", f"{cause}: send {' or '.join(sorted(allowed))}")
    if charset not in ("", "utf-8", "utf8"):
        raise Problem("unsupported-media-type", f"charset {charset[:40]!r} is not supported: send UTF-8")
    return found


@lru_cache(maxsize=256)
def _parse_content_type(content_type: str) -> tuple[str, str]:
    """Return media type and charset of a header. Cached: clients send the same few again and again."""
    message = Message()
    message["content-type"] = content_type
    charset = message.get_param("charset", "")
    return message.get_content_type() if content_type else "", str(charset).lower()


def _reject_compressed(encoding: str) -> None:
    if encoding.strip().lower() not in ("", "identity"):
        raise Problem(
            "unsupported-media-type",
            f"Content-Encoding {encoding[:40]!r} is not supported: send the body uncompressed",
            headers={"Accept-Encoding": "identity", **_CLOSE},
        )


def _reject_announced(length: str, max_bytes: int) -> None:
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
