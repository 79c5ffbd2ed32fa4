"""A span for each request. What follows becomes its child: the span's `traceparent` replaces that of the request."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.headers import traceparent_of
from streams.runtime.tracing import Tracing

from .metrics import UNMATCHED

_TRACEPARENT = b"traceparent"


class TracedRequests:
    """The outermost middleware while traces are on.

    Args:
        app: What answers.
        tracing: Begins the spans.
        untraced: Paths that get none, such as probes.
    """

    def __init__(self, app: ASGIApp, tracing: Tracing, untraced: frozenset[str]) -> None:
        self._app = app
        self._tracing = tracing
        self._untraced = untraced

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_traced = scope["type"] == "http" and scope["path"] not in self._untraced
        span = self._tracing.begin(scope["method"], trace_of(scope), kind="server") if is_traced else None
        if span is None:
            await self._app(scope, receive, send)
            return
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        kept = [(name, value) for name, value in scope["headers"] if name != _TRACEPARENT]
        inner = {**scope, "headers": [*kept, (_TRACEPARENT, span.traceparent)]}
        try:
            await self._app(inner, receive, watched)
        finally:
            route = getattr(inner.get("route"), "path", UNMATCHED)
            attributes = {
                "http.request.method": scope["method"],
                "http.route": route,
                "http.response.status_code": status,
            }
            error = f"status {status}" if status >= 500 else ""  # noqa: PLR2004
            span.end(attributes, error=error, name=f"{scope['method']} {route}")


def trace_of(scope: Scope) -> bytes | None:
    """The trace that the client names; None if it names none."""
    for name, value in scope["headers"]:
        if name == _TRACEPARENT:
            return traceparent_of([("traceparent", value)])
    return None
