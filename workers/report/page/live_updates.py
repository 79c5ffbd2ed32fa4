"""Server-sent events: how old the figures are, and the figures of Today that changed.

All readers share two looks at the read model per second. A stream ends with the session, and after an hour; browsers
connect again by themselves.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from workers.http.problems import Problem, retry_later
from workers.report.generation_reader import ReadModelUnavailable

from .page_access import PageAccess
from .page_source import Source
from .today_view import figures

PERIOD_SECONDS = 0.5
MOST_STREAMS = 500
STREAM_SECONDS = 3600.0
LIVE_PATH = "/live"


class LiveUpdates:
    """The streams of one process. `is_ending`: whether it is about to end, so that streams must."""

    def __init__(self, access: PageAccess, is_ending: Callable[[], bool]) -> None:
        self._access = access
        self._is_ending = is_ending
        self._streams = 0
        self._looking = asyncio.Lock()
        self._seen: tuple[float, str] = (-PERIOD_SECONDS, "")

    def add_route(self, router: APIRouter, source: Callable[[], Source]) -> None:
        @router.get(LIVE_PATH)
        async def live(request: Request) -> Response:
            if self._streams >= MOST_STREAMS:
                raise retry_later("unavailable", "too many pages are open", 60)
            headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
            return StreamingResponse(self._stream(request, source), headers=headers, media_type="text/event-stream")

    async def _stream(self, request: Request, source: Callable[[], Source]) -> AsyncIterator[str]:
        self._streams += 1
        ends = time.monotonic() + STREAM_SECONDS
        try:
            yield "retry: 5000\n\n"
            while time.monotonic() < ends and not self._is_ending() and await self._is_signed_in(request):
                yield f"event: figures\ndata: {await self._look(source)}\n\n"
                await asyncio.sleep(PERIOD_SECONDS)
        finally:
            self._streams -= 1

    async def _is_signed_in(self, request: Request) -> bool:
        """Whether the reader may still see the page; while Redis does not answer, nobody is signed out."""
        try:
            return await self._access.reader(request) is not None
        except ReadModelUnavailable:
            return True
        except Problem:
            return False

    async def _look(self, source: Callable[[], Source]) -> str:
        """The newest figures as JSON, at most half a second old; `age` is null while they cannot be read."""
        async with self._looking:
            if time.monotonic() - self._seen[0] >= PERIOD_SECONDS / 2:
                self._seen = time.monotonic(), await _news(source())
            return self._seen[1]


async def _news(source: Source) -> str:
    try:
        revision, as_of = await source.model.revision()
        overview = await source.overview()
    except ReadModelUnavailable:
        return json.dumps({"age": None, "revision": None, "figures": {}})
    age = None if as_of.at is None else source.clock.age(as_of.at)
    return json.dumps({"age": age, "revision": revision, "figures": figures(overview)})
