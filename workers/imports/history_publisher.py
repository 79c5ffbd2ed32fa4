"""The way out: facts in the order of events, heartbeats as they are acked, and the one that closes the history."""

import time
from collections.abc import Callable

from .conversion import RECORDS
from .errors import BrokerFailure
from .publish import Publisher
from .report import ImportSummary, ProgressReporter
from .request import ImportRequest
from .sorting import SortEntry, Sorter

_KINDS = tuple(RECORDS)
_LOOK_EVERY = 256


class HistoryPublisher:
    """Publishes what a sorter holds."""

    def __init__(
        self, request: ImportRequest, publisher: Publisher, summary: ImportSummary, now_ms: Callable[[], int]
    ) -> None:
        self._request = request
        self._publisher = publisher
        self._summary = summary
        self._now_ms = now_ms
        self._beat_at = time.monotonic() + request.beat_seconds
        self._beat_count = request.beat_facts

    def run(self, sorter: Sorter, watch: ProgressReporter) -> None:
        """Everything, acked to its end.

        Raises:
            BrokerFailure: with how far it got.
        """
        try:
            self._send(sorter, watch)
            self._close()
        except BrokerFailure as error:
            far = f"about {self._acked():,} of {sorter.count:,} facts are in"
            again = "run the same import again: facts that are in are recognised"
            raise BrokerFailure(f"{error}; {far}; {again}") from error
        self._summary.repeated = sorter.repeated
        watch.publishing(self._summary.facts, self._summary.complete_until)

    def _send(self, sorter: Sorter, watch: ProgressReporter) -> None:
        send, published = self._publisher.send, self._summary.published
        for sent, entry in enumerate(sorter.merged()):
            if sent % _LOOK_EVERY == 0:
                self._look(entry, sent, watch)
            kind = _KINDS[entry[1]]
            send(kind, entry)
            published[kind] += 1
            self._summary.last_at = entry[0]
        self._publisher.flush()

    def _look(self, following: SortEntry, sent: int, watch: ProgressReporter) -> None:
        if sent == 0:
            self._summary.first_at = following[0]
        elif sent >= self._beat_count or time.monotonic() >= self._beat_at:
            self._beat_at = time.monotonic() + self._request.beat_seconds
            self._beat_count = sent + self._request.beat_facts
            self._complete(following[0] - 1)
        watch.publishing(self._acked(), self._summary.complete_until)

    def _close(self) -> None:
        last, until = self._summary.last_at, self._request.until
        ends = [end for end in (None if last is None else last + 1, until) if end is not None]
        if ends:
            self._complete(max(ends))
        self._publisher.flush()

    def _complete(self, until: int) -> None:
        if self._request.part or until <= (self._summary.complete_until or 0):
            return
        self._publisher.complete(until, self._now_ms())
        self._summary.heartbeats += self._publisher.partitions
        self._summary.complete_until = until

    def _acked(self) -> int:
        return min(self._publisher.acked, self._summary.facts)
