"""The interface of traces: spans that begin and end.

    tracing = open_tracing("ingest")      # of tracing_setup; None: traces are off, and cost nothing
    span = tracing and tracing.begin("POST /v1/events", parent)
    …
    span.end()

A trace is known by its W3C `traceparent`, as it stands in the headers of requests and records.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, Protocol

SpanKind = Literal["internal", "server", "client", "producer", "consumer"]
AttributeValue = str | int | float | bool


class TraceSpan(Protocol):
    """A sampled span in progress. `traceparent` makes what follows a child of it."""

    @property
    def traceparent(self) -> bytes: ...

    def end(
        self,
        attributes: Mapping[str, AttributeValue] = {},
        *,
        error: str = "",
        name: str = "",
        links: Iterable[bytes] = (),
    ) -> None:
        """End it.

        Args:
            attributes: More about it.
            error: What failed; empty: nothing.
            name: Replaces its name, unless empty.
            links: Traceparents of other spans that belong to it.
        """
        ...


class Tracing(Protocol):
    """Begins spans."""

    def begin(
        self,
        name: str,
        parent: bytes | None = None,
        *,
        kind: SpanKind = "internal",
        began_ns: int | None = None,
    ) -> TraceSpan | None:
        """Begin a span; None if it is not sampled.

        Args:
            name: Of few: no ids.
            parent: The traceparent of the span that caused it; None: it begins a trace.
            kind: As OpenTelemetry defines it.
            began_ns: Epoch ns; None: now.
        """
        ...
