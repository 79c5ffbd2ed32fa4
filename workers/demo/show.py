"""Shows the demo while the import runs in parallel, until every decision is delivered and readable."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, TopicPartition
from rich.console import Console, RenderableType
from rich.live import Live

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.events import LeadRecycled
from schemas.names import DEMO_VIEW_GROUP
from workers.report.funnel_models import FunnelRow

from .child_process import DemoFailed
from .ending import DemoResult
from .figures import ExternalFigures, FunnelSnapshot, external_figures, is_same_funnel, read_totals, take
from .processes import PARTITIONS, DemoProcesses
from .publishing import Publishing
from .screen import render_line, render_screen

PATIENCE_SECONDS = 60.0  # without any progress
POLL_SECONDS = 0.5
LINE_SECONDS = 2.0
QUIET_SECONDS = 2.5


class Show:
    """`run` ends when the history is processed, every recycle event is delivered, and the read model shows it."""

    def __init__(self, processes: DemoProcesses, publishing: Publishing, console: Console) -> None:
        self._processes = processes
        self._publishing = publishing
        self._console = console
        self._codec = Codec(Catalogue.bundled())
        self._news: list[LeadRecycled] = []
        self._consumed = 0  # recycle events
        self._scheduled: set[str] = set()  # recycle ids: `not_before` is in the future, and they are not revoked
        self._totals: FunnelRow | None = None
        self._progress: object = None
        self._moved_at = time.monotonic()
        self._printed_at = 0.0
        self._outcomes: Counter[str] = Counter()
        self._quiet_since = 0.0

    def run(self) -> DemoResult:
        """The final figures. Raises DemoFailed, and what the import raises."""
        for process in (self._processes.streams, self._processes.deliver):  # deliveries are visible from the start
            process.wait_ready()
        self._publishing.start()
        with self._recycles() as consumer, Live(console=self._console, auto_refresh=False) as live:
            while True:
                self._read(consumer)
                snapshot, external = take(self._processes.streams.address), external_figures(self._processes)
                work = self._remaining_work(snapshot, external)
                if not work:
                    break
                self._show(live, snapshot, external, work)
                self._check(snapshot, external, work)
                time.sleep(POLL_SECONDS)
            live.update(self._screen(snapshot, external, "the whole history"), refresh=True)
        return DemoResult(snapshot, external, self._totals or FunnelRow(value=""), len(self._scheduled))

    def _remaining_work(self, snapshot: FunnelSnapshot, external: ExternalFigures) -> str:
        """A description of the work left; empty at the end."""
        self._publishing.check()
        summary = self._publishing.summary
        if summary is None or snapshot.lag or snapshot.now * 1000 < (summary.complete_until or 0):
            return f"{self._publishing.share:.0%} of the history published, {snapshot.lag:,} records to go"
        if self._consumed < snapshot.decided("RECYCLE") + snapshot.decided("REVOKE"):
            return "reading the decisions"
        if external.settled < self._consumed:
            return f"{self._consumed - external.settled:,} deliveries to go"
        if external.unfinished or not self._is_quiet(external):
            return "the last deliveries"
        self._totals = read_totals(self._processes)
        is_current = self._totals is not None and is_same_funnel(self._totals, snapshot)
        return "" if is_current else "the read model is catching up"

    def _is_quiet(self, external: ExternalFigures) -> bool:
        """Whether deliver has ended nothing for longer than its figures may be old."""
        if external.outcomes != self._outcomes:
            self._outcomes, self._quiet_since = external.outcomes, time.monotonic()
        return time.monotonic() - self._quiet_since > QUIET_SECONDS

    def _show(self, live: Live, snapshot: FunnelSnapshot, external: ExternalFigures, work: str) -> None:
        if self._console.is_terminal:
            live.update(self._screen(snapshot, external, work), refresh=True)
        elif time.monotonic() - self._printed_at > LINE_SECONDS:
            self._console.print(render_line(snapshot, external, work), soft_wrap=True)
            self._printed_at = time.monotonic()

    def _screen(self, snapshot: FunnelSnapshot, external: ExternalFigures, work: str) -> RenderableType:
        return render_screen(snapshot, external, self._news, work, self._console.height)

    def _check(self, snapshot: FunnelSnapshot, external: ExternalFigures, work: str) -> None:
        self._processes.check()
        created = self._totals.created if self._totals else 0
        progress = snapshot.lag, snapshot.now, self._publishing.share, external.settled, work, created
        if progress != self._progress:
            self._progress, self._moved_at = progress, time.monotonic()
        if time.monotonic() - self._moved_at > PATIENCE_SECONDS:
            tails = "\n".join(f"the log of {part.name} ends:\n{part.tail()}" for part in self._processes.all)
            raise DemoFailed(f"no progress any more ({work})\n{tails}")

    @contextmanager
    def _recycles(self) -> Iterator[Consumer]:
        consumer = Consumer(
            {
                "bootstrap.servers": self._processes.bootstrap,
                "group.id": DEMO_VIEW_GROUP,
                "enable.auto.commit": False,
            }
        )
        consumer.assign([TopicPartition("lead-recycled", number, 0) for number in range(PARTITIONS)])
        try:
            yield consumer
        finally:
            consumer.close()

    def _read(self, consumer: Consumer) -> None:
        """Consume the recycle events published since."""
        messages = [message for message in consumer.consume(5000, timeout=0.05) if not message.error()]
        events = [self._codec.decode(message.value(), LeadRecycled) for message in messages]
        self._consumed += len(events)
        now = time.time() * 1000
        for event in events:
            if event.action == "RECYCLE" and (event.not_before or 0) > now:
                self._scheduled.add(event.recycle_id)
            elif event.action == "REVOKE":
                self._scheduled.discard(event.recycle_id)
        self._news = sorted([*self._news, *events], key=lambda event: event.occurred_at)[-50:]
