"""Traces of a chunk: one span for all its records, and one for what follows from each sampled record.

Records of traces that are not sampled get no span; their traceparent is passed on as it is. What follows from a
deadline, or from a record without a trace, belongs to the trace of the chunk, if that is sampled: asking for each would
cost more than the decision itself.
"""

import time
from collections.abc import Iterable

from schemas.headers import is_sampled, traceparent_of
from streams.runtime.tracing import AttributeValue, TraceSpan, Tracing

MOST_LINKS = 128  # as many as the SDK keeps of a span, if nothing else is set
_NAME = "streams chunk"


class ChunkTrace:
    """Of one chunk of one partition; `end` must be called."""

    def __init__(self, tracing: Tracing, partition: int) -> None:
        self._tracing = tracing
        self._partition = partition
        self._began_ns = time.time_ns()
        self._sampled: list[bytes] = []
        self._decided: list[tuple[TraceSpan, int]] = []
        self._is_begun = False
        self._chunk: TraceSpan | None = None

    def follow(self, headers: Iterable[tuple[str, bytes | None]], emissions: int) -> bytes | None:
        """Take note of a fact or a deadline, and return the traceparent of what is emitted.

        Args:
            headers: Of the record; of a deadline, none.
            emissions: How many events follow.
        """
        parent = traceparent_of(headers)
        if parent is None:
            return self._of_chunk() if emissions else None
        if not is_sampled(parent):
            return parent
        if len(self._sampled) < MOST_LINKS:
            self._sampled.append(parent)
        span = self._tracing.begin("streams decide", parent, began_ns=self._began_ns) if emissions else None
        if span is None:
            return parent
        self._decided.append((span, emissions))
        return span.traceparent

    def end(self, records: int) -> None:
        """End the spans, when the chunk has been processed."""
        about: dict[str, AttributeValue] = {
            "messaging.destination.partition.id": str(self._partition),
            "messaging.batch.message_count": records,
        }
        for span, emissions in self._decided:
            span.end({**about, "leadloop.events": emissions})
        links = self._sampled
        if self._chunk is None and self._sampled:
            first, *links = self._sampled
            self._chunk = self._tracing.begin(_NAME, first, kind="consumer", began_ns=self._began_ns)
        if self._chunk is not None:
            self._chunk.end(about, links=links)

    def _of_chunk(self) -> bytes | None:
        if not self._is_begun:
            self._is_begun = True
            self._chunk = self._tracing.begin(_NAME, kind="consumer", began_ns=self._began_ns)
        return None if self._chunk is None else self._chunk.traceparent
