"""Watches the demo while the import runs beside it, until everything has come to its end outside as well."""

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
from .figures import FunnelSnapshot, HttpClient, look, reads_the_same, take
from .processes import PARTITIONS, DemoProcesses
from .publishing import Publishing
from .screen import drawn, in_a_line

PATIENCE_SECONDS = 60.0  # without any movement
LOOK_SECONDS = 0.5
LINE_SECONDS = 2.0


class Show:
    """`run` ends when history is in, all that follows is decided, delivered and taken, and can be read."""

    def __init__(self, crew: DemoProcesses, publishing: Publishing, console: Console) -> None:
        self._crew = crew
        self._publishing = publishing
        self._console = console
        self._codec = Codec(Catalogue.bundled())
        self._news: list[LeadRecycled] = []
        self._told = 0  # recycle events
        self._later = 0  # of these, those that marketing is to get on a day to come
        self._seen: object = None
        self._moved_at = time.monotonic()
        self._said_at = 0.0

    def run(self) -> tuple[FunnelSnapshot, HttpClient]:
        """The numbers at the end. Raises DemoFailed, and what the import raises."""
        for part in (self._crew.streams, self._crew.deliver):  # so that what is handed back is seen to arrive
            part.wait_ready()
        self._publishing.start()
        with self._recycles() as consumer, Live(console=self._console, auto_refresh=False) as live:
            while True:
                self._read(consumer)
                picture, outside = take(self._crew.streams.address), look(self._crew)
                doing = self._doing(picture, outside)
                if not doing:
                    break
                self._show(live, picture, outside, doing)
                self._check(picture, outside, doing)
                time.sleep(LOOK_SECONDS)
            live.update(drawn(picture, outside, self._news, "the whole history"), refresh=True)
        return picture, outside

    @property
    def waiting(self) -> int:
        """Recycles of which the day has not come yet."""
        return self._later

    def _doing(self, picture: FunnelSnapshot, outside: HttpClient) -> str:
        """What is still to be done, in words; nothing at the end."""
        self._publishing.check()
        summary = self._publishing.summary
        if summary is None or picture.lag or picture.now * 1000 < (summary.complete_until or 0):
            return f"{self._publishing.share:.0%} of the history published, {picture.lag:,} records to go"
        if self._told < picture.decided("RECYCLE") + picture.decided("REVOKE"):
            return "reading what was decided"
        if outside.settled < self._told - self._later:
            return f"{self._told - self._later - outside.settled:,} deliveries to go"
        return "" if reads_the_same(self._crew, picture) else "the read model is catching up"

    def _show(self, live: Live, picture: FunnelSnapshot, outside: HttpClient, doing: str) -> None:
        if self._console.is_terminal:
            live.update(drawn(picture, outside, self._news, doing), refresh=True)
        elif time.monotonic() - self._said_at > LINE_SECONDS:
            self._console.print(in_a_line(picture, outside, doing), soft_wrap=True)
            self._said_at = time.monotonic()

    def _check(self, picture: FunnelSnapshot, outside: HttpClient, doing: str) -> None:
        self._crew.check()
        seen = picture.lag, picture.now, self._publishing.share, outside.settled, doing
        if seen != self._seen:
            self._seen, self._moved_at = seen, time.monotonic()
        if time.monotonic() - self._moved_at > PATIENCE_SECONDS:
            tails = "\n".join(f"the log of {part.name} ends:\n{part.tail()}" for part in self._crew.parts)
            raise DemoFailed(f"nothing moves any more ({doing})\n{tails}")

    @contextmanager
    def _recycles(self) -> Iterator[Consumer]:
        consumer = Consumer(
            {
                "bootstrap.servers": self._crew.bootstrap,
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
        """Take in what was told since."""
        messages = [message for message in consumer.consume(5000, timeout=0.05) if not message.error()]
        events = [self._codec.decode(message.value(), LeadRecycled) for message in messages]
        now = time.time() * 1000
        self._told += len(events)
        self._later += sum(event.action == "RECYCLE" and (event.not_before or 0) > now for event in events)
        self._news = sorted([*self._news, *events], key=lambda event: event.occurred_at)[-50:]
