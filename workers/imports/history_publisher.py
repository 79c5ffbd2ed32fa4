"""Publishes the sorted facts, heartbeats as the broker acknowledges them, and the final heartbeat."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from streams.runtime.tracing_setup import open_tracing

from .errors import BrokerFailure
from .publish import Publisher
from .records import RECORDS
from .report import ImportSummary, ProgressReporter
from .request import ImportRequest
from .sorting import SortEntry, Sorter

if TYPE_CHECKING:
    from streams.runtime.tracing import TraceSpan

_KINDS = tuple(RECORDS)
_CHECK_EVERY = 256


class HistoryPublisher:
    """Publishes the facts of a sorter."""

    def __init__(
        self, request: ImportRequest, publisher: Publisher, summary: ImportSummary, now_ms: Callable[[], int]
    ) -> None:
        self._request = request
        self._publisher = publisher
        self._summary = summary
        self._now_ms = now_ms
        self._beat_at = time.monotonic() + request.beat_seconds
        self._beat_count = request.beat_facts
        self._tracing = open_tracing("import")
        self._span: TraceSpan | None = None

    def run(self, sorter: Sorter, reporter: ProgressReporter) -> None:
        """Publish all facts, and wait until they are acknowledged.

        Raises:
            BrokerFailure: with how many facts were acknowledged.
        """
        try:
            self._send(sorter, reporter)
            self._send_final_heartbeat()
        except BrokerFailure as error:
            progress = f"about {self._acked():,} of {sorter.count:,} facts are published"
            again = "run the same import again: published facts are recognised"
            raise BrokerFailure(f"{error}; {progress}; {again}") from error
        self._summary.take(sorter)
        reporter.publishing(self._summary.facts, self._summary.complete_until)

    def _send(self, sorter: Sorter, reporter: ProgressReporter) -> None:
        send, published = self._publisher.send, self._summary.published
        for sent, entry in enumerate(sorter.merged()):
            if sent % _CHECK_EVERY == 0:
                self._report(entry, sent, reporter)
            kind = _KINDS[entry[1]]
            send(kind, entry)
            published[kind] += 1
            self._summary.last_at = entry[0]
        self._publisher.flush()
        self._end_span()

    def _report(self, following: SortEntry, sent: int, reporter: ProgressReporter) -> None:
        if self._tracing is not None:  # a trace for so many facts
            self._end_span()
            self._span = self._tracing.begin("import", kind="producer")
            self._publisher.traceparent = None if self._span is None else self._span.traceparent
        if sent == 0:
            self._summary.first_at = following[0]
        elif sent >= self._beat_count or time.monotonic() >= self._beat_at:
            self._beat_at = time.monotonic() + self._request.beat_seconds
            self._beat_count = sent + self._request.beat_facts
            self._complete(following[0] - 1)
        reporter.publishing(self._acked(), self._summary.complete_until)

    def _end_span(self) -> None:
        if self._span is not None:
            self._span.end()
            self._span = None

    def _send_final_heartbeat(self) -> None:
        last, until = self._summary.last_at, self._request.until
        ends = [end for end in (None if last is None else last + 1, until) if end is not None]
        if ends:
            self._complete(max(ends))
        self._publisher.flush()

    def _complete(self, until: int) -> None:
        if self._request.part or self._summary.rejects_most or until <= (self._summary.complete_until or 0):
            return
        self._publisher.complete(until, self._now_ms())
        self._summary.heartbeats += self._publisher.partitions
        self._summary.complete_until = until

    def _acked(self) -> int:
        return min(self._publisher.acked, self._summary.facts)
