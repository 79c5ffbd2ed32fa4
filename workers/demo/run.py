"""`leadloop demo`: the whole loop on one machine, with a broker of its own, on generated history or on your files.

The same parts as in production, each in a process of its own: a broker, a streams worker, an import.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition
from rich.console import Console
from rich.live import Live

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.events import LeadRecycled
from schemas.topics import TOPICS, changelog_of
from workers.demo.broker import EmbeddedBroker
from workers.demo.picture import Picture, drawn, ending, in_a_line, take
from workers.demo.publishing import Asked, Publishing, what_to_import

APP_ID = "leadloop-demo"
PARTITIONS = 4
PATIENCE_SECONDS = 60.0  # without any movement
LOOK_SECONDS = 0.3
LINE_SECONDS = 2.0
LAST_READ_SECONDS = 1.0


class DemoFailed(Exception):
    """A part of the demo ended or stood still. The text says which, with the last lines of its log."""


def run(asked: Asked, console: Console) -> Picture:
    """Run it to its end; returns the numbers at the end.

    Raises:
        DemoFailed: when a part ends before its time, or nothing moves for a minute.
        ImportFault: when the files and their mapping do not fit.
    """
    topics = {**dict.fromkeys(TOPICS, PARTITIONS), changelog_of(APP_ID).name: PARTITIONS}
    with tempfile.TemporaryDirectory(prefix="leadloop-demo-") as name, EmbeddedBroker(topics) as broker:
        folder = Path(name)
        source = what_to_import(asked, folder, console)
        console.print("starting a streams worker on a broker of its own …", style="dim")
        with _worker(broker.bootstrap, folder, asked.policy) as worker:
            publishing = Publishing(source, broker.bootstrap, asked.speed)
            picture = _Show(worker, publishing, console, broker.bootstrap).run()
            if publishing.summary is not None and publishing.summary.rejected:
                console.print(f"\n{publishing.summary}", markup=False)
            console.print(ending(picture))
            if asked.is_staying:
                _stay(console, broker.bootstrap, worker.port)
        return picture


@dataclass(frozen=True)
class Worker:
    """A streams worker in a process of its own."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-25:])


@contextmanager
def _worker(bootstrap: str, folder: Path, policy: Path | None) -> Iterator[Worker]:
    port, log = _free_port(), folder / "streams.log"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("LEADLOOP_", "KAFKA_", "SCHEMA_"))}
    env |= {
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "LEADLOOP_APP_ID": APP_ID,
        "LEADLOOP_CLOCK": "events",
        "LEADLOOP_STORE": "memory",
        "LEADLOOP_DATA_DIR": str(folder),
        "LEADLOOP_PARTITIONS": str(PARTITIONS),
        "LEADLOOP_METRICS_PORT": str(port),
        "LEADLOOP_TICK_SECONDS": "0.5",
        **({"LEADLOOP_POLICY_FILE": str(policy.resolve())} if policy else {}),
    }
    with log.open("wb") as sink:
        worker = subprocess.Popen([sys.executable, "-m", "streams"], env=env, stdout=sink, stderr=subprocess.STDOUT)
        try:
            yield Worker(worker, port, log)
        finally:
            worker.send_signal(signal.SIGTERM)
            try:
                worker.wait(20)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()


class _Show:
    """Looks at the worker while the import runs beside it."""

    def __init__(self, worker: Worker, publishing: Publishing, console: Console, bootstrap: str) -> None:
        self._worker = worker
        self._publishing = publishing
        self._console = console
        self._bootstrap = bootstrap
        self._codec = Codec(Catalogue.bundled())
        self._news: list[LeadRecycled] = []
        self._seen: object = None
        self._moved_at = time.monotonic()
        self._said_at = 0.0

    def run(self) -> Picture:
        while not (picture := take(self._worker.port)).is_ready:
            self._check(picture, "the worker does not become ready")
            time.sleep(LOOK_SECONDS)
        self._publishing.start()
        with self._recycles() as consumer, Live(console=self._console, auto_refresh=False) as live:
            while not self._is_over(picture := take(self._worker.port)):
                self._read(consumer)
                self._show(live, picture)
                self._check(picture, "nothing moves any more")
                time.sleep(LOOK_SECONDS)
            while self._read(consumer, LAST_READ_SECONDS):
                pass
            live.update(drawn(picture, self._news, "the whole history"), refresh=True)
        return picture

    def _is_over(self, picture: Picture) -> bool:
        self._publishing.check()
        summary = self._publishing.summary
        return summary is not None and picture.lag == 0 and picture.now * 1000 >= (summary.complete_until or 0)

    def _show(self, live: Live, picture: Picture) -> None:
        progress = f"{self._publishing.share:.0%} of the history published, {picture.lag:,} records to go"
        if self._console.is_terminal:
            live.update(drawn(picture, self._news, progress), refresh=True)
        elif time.monotonic() - self._said_at > LINE_SECONDS:
            self._console.print(in_a_line(picture, progress))
            self._said_at = time.monotonic()

    def _check(self, picture: Picture, otherwise: str) -> None:
        seen = picture.lag, picture.now, self._publishing.share
        if seen != self._seen:
            self._seen, self._moved_at = seen, time.monotonic()
        if (code := self._worker.process.poll()) is not None:
            raise DemoFailed(f"the streams worker ended with {code}; its log ends:\n{self._worker.tail()}")
        if time.monotonic() - self._moved_at > PATIENCE_SECONDS:
            raise DemoFailed(f"{otherwise}; the worker's log ends:\n{self._worker.tail()}")

    @contextmanager
    def _recycles(self) -> Iterator[Consumer]:
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": "leadloop-demo-view",
                "enable.auto.commit": False,
            }
        )
        consumer.assign([TopicPartition("lead-recycled", number, 0) for number in range(PARTITIONS)])
        try:
            yield consumer
        finally:
            consumer.close()

    def _read(self, consumer: Consumer, seconds: float = 0.05) -> bool:
        """Take in what was told since; whether there was anything."""
        messages = [message for message in consumer.consume(5000, timeout=seconds) if not message.error()]
        self._news += [self._codec.decode(message.value(), LeadRecycled) for message in messages]
        self._news.sort(key=lambda event: event.occurred_at)
        del self._news[:-50]
        return bool(messages)


def _stay(console: Console, bootstrap: str, port: int) -> None:
    console.print(
        f"\nstaying: broker at {bootstrap}, metrics at http://127.0.0.1:{port}/metrics. In another shell:\n"
        f"  KAFKA_BOOTSTRAP_SERVERS={bootstrap} leadloop tail lead-recycled --follow\nCtrl-C ends it."
    )
    try:
        signal.pause()
    except KeyboardInterrupt:
        console.print("bye")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
