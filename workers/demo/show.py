"""Shows the demo while the import runs in parallel, until every decision is delivered and readable."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, TopicPartition
from rich.console import Console
from rich.live import Live

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.events import LeadRecycled
from schemas.names import DEMO_VIEW_GROUP

from .child_process import DemoFailed
from .figures import ExternalFigures, FunnelSnapshot, external_figures, reads_the_same, take
from .processes import PARTITIONS, DemoProcesses
from .publishing import Publishing
from .screen import render_line, render_screen

PATIENCE_SECONDS = 60.0  # without any progress
POLL_SECONDS = 0.5
LINE_SECONDS = 2.0


class Show:
    """`run` ends when the history is processed, every recycle event is delivered, and the read model shows it."""

    def __init__(self, processes: DemoProcesses, publishing: Publishing, console: Console) -> None:
        self._processes = processes
        self._publishing = publishing
        self._console = console
        self._codec = Codec(Catalogue.bundled())
        self._news: list[LeadRecycled] = []
        self._consumed = 0  # recycle events
        self._later = 0  # of these, RECYCLEs whose `not_before` is in the future
        self._seen: object = None
        self._moved_at = time.monotonic()
        self._printed_at = 0.0

    def run(self) -> tuple[FunnelSnapshot, ExternalFigures]:
        """The final figures. Raises DemoFailed, and what the import raises."""
        for part in (
            self._processes.streams,
            self._processes.deliver,
        ):  # the screen should show deliveries from the start
            part.wait_ready()
        self._publishing.start()
        with self._recycles() as consumer, Live(console=self._console, auto_refresh=False) as live:
            while True:
                self._read(consumer)
                picture, outside = take(self._processes.streams.address), external_figures(self._processes)
                doing = self._doing(picture, outside)
                if not doing:
                    break
                self._show(live, picture, outside, doing)
                self._check(picture, outside, doing)
                time.sleep(POLL_SECONDS)
            live.update(render_screen(picture, outside, self._news, "the whole history"), refresh=True)
        return picture, outside

    @property
    def waiting(self) -> int:
        """RECYCLEs whose date has not come yet."""
        return self._later

    def _doing(self, picture: FunnelSnapshot, outside: ExternalFigures) -> str:
        """A description of the work left; empty at the end."""
        self._publishing.check()
        summary = self._publishing.summary
        if summary is None or picture.lag or picture.now * 1000 < (summary.complete_until or 0):
            return f"{self._publishing.share:.0%} of the history published, {picture.lag:,} records to go"
        if self._consumed < picture.decided("RECYCLE") + picture.decided("REVOKE"):
            return "reading the decisions"
        if outside.settled < self._consumed - self._later:
            return f"{self._consumed - self._later - outside.settled:,} deliveries to go"
        return "" if reads_the_same(self._processes, picture) else "the read model is catching up"

    def _show(self, live: Live, picture: FunnelSnapshot, outside: ExternalFigures, doing: str) -> None:
        if self._console.is_terminal:
            live.update(render_screen(picture, outside, self._news, doing), refresh=True)
        elif time.monotonic() - self._printed_at > LINE_SECONDS:
            self._console.print(render_line(picture, outside, doing), soft_wrap=True)
            self._printed_at = time.monotonic()

    def _check(self, picture: FunnelSnapshot, outside: ExternalFigures, doing: str) -> None:
        self._processes.check()
        seen = picture.lag, picture.now, self._publishing.share, outside.settled, doing
        if seen != self._seen:
            self._seen, self._moved_at = seen, time.monotonic()
        if time.monotonic() - self._moved_at > PATIENCE_SECONDS:
            tails = "\n".join(f"the log of {part.name} ends:\n{part.tail()}" for part in self._processes.parts)
            raise DemoFailed(f"no progress any more ({doing})\n{tails}")

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
        now = time.time() * 1000
        self._consumed += len(events)
        self._later += sum(event.action == "RECYCLE" and (event.not_before or 0) > now for event in events)
        self._news = sorted([*self._news, *events], key=lambda event: event.occurred_at)[-50:]
