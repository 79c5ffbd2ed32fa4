"""The environment of a test of whole processes: its own topics on a broker, streams workers, and their outputs."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.request import urlopen
from uuid import uuid4

from confluent_kafka import Producer

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.events import FactRecord, Heartbeat, LeadSnapshot
from schemas.headers import cloudevents_headers
from schemas.topics import INPUTS, TOPICS, changelog_of
from tests.kafka_records import lag, messages
from tests.published import OUTPUT_RECORDS, Published
from tests.waiting import STREAMS_GRACE, wait_for
from workers import admin
from workers.demo.broker import EmbeddedBroker

APP_ID = "leadloop"
CODEC = Codec(Catalogue.bundled())
TOPIC_OF = {topic.record: name for name, topic in TOPICS.items() if topic.record is not None}


class World:
    """Topics with a prefix of their own, on a given broker."""

    def __init__(self, bootstrap: str, folder: Path, partitions: int = 4, *, app_id: str = APP_ID) -> None:
        self.bootstrap = bootstrap
        self.folder = folder
        self.partitions = partitions
        self.prefix = f"t{uuid4().hex[:8]}-"
        self.app_id = self.prefix + app_id
        self.workers: list[Streams] = []
        self._producer: Producer | None = None

    @classmethod
    def on_real(cls, bootstrap: str, folder: Path, partitions: int = 4, replication: int = 1) -> "World":
        world = cls(bootstrap, folder, partitions)
        report = admin.create_topics(
            {"bootstrap.servers": bootstrap},
            partitions=partitions,
            replication=replication,
            prefix=world.prefix,
            app_id=world.app_id,
        )
        assert not report.faults
        return world

    @classmethod
    def on_embedded(cls, broker: EmbeddedBroker, folder: Path, partitions: int = 4) -> "World":
        """For a broker that was started with `topics_of(partitions)`."""
        world = cls(broker.bootstrap, folder, partitions)
        world.prefix, world.app_id = "", APP_ID
        return world

    # -- inputs ------------------------------------------------------------------------------------

    @property
    def producer(self) -> Producer:
        if self._producer is None:
            self._producer = Producer(
                {
                    "bootstrap.servers": self.bootstrap,
                    "partitioner": "murmur2_random",
                    "enable.idempotence": True,
                    "message.max.bytes": 2_000_000,
                    "queue.buffering.max.messages": 2_000_000,  # a bench sends as fast as it can
                }
            )
        return self._producer

    def send(self, *records: FactRecord, partition: int = -1, key: str | None = None) -> None:
        for record in records:
            topic = TOPIC_OF[type(record)]
            self.send_raw(
                topic,
                key if key is not None else record.lead_id,
                CODEC.encode(record),
                partition=partition,
                headers=cloudevents_headers(record, topic, None),
            )
        self.flush()

    def send_raw(
        self,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        *,
        partition: int = -1,
        headers: Any = None,
    ) -> None:
        self.producer.produce(self.prefix + topic, key=key, value=value, partition=partition, headers=headers)
        self.producer.poll(0)

    def heartbeat(self, until: int) -> None:
        beat = CODEC.encode(Heartbeat(occurred_at=until, recorded_at=until, source="test", says="complete"))
        for number in range(self.partitions):
            self.send_raw("stream-heartbeats", None, beat, partition=number)
        self.flush()

    def flush(self) -> None:
        assert self.producer.flush(60) == 0

    # -- workers -------------------------------------------------------------------------------

    def env(self, **more: str) -> dict[str, str]:
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "LEADLOOP_APP_ID": self.app_id,
            "LEADLOOP_TOPIC_PREFIX": self.prefix,
            "LEADLOOP_PARTITIONS": str(self.partitions),
            "LEADLOOP_CLOCK": "events",
            "LEADLOOP_SESSION_SECONDS": "15",  # a broker that is short of CPU must answer a commit within it
            "LEADLOOP_COMMIT_SECONDS": "0.3",
            "LEADLOOP_TICK_SECONDS": "0.3",
            "LEADLOOP_METRICS_PORT": "0",
            **more,
        }

    def streams(self, name: str = "a", *, module: str = "streams", **more: str) -> "Streams":
        """Start a worker; the same name has the same data directory."""
        worker = Streams(self.folder / self.app_id / name, self.env(**more), module)
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()

    # -- outputs -----------------------------------------------------------------------------------

    def lag(self, topics: Iterable[str] = INPUTS) -> int:
        """Records that the streams workers have not committed."""
        return lag(self.bootstrap, self.app_id, (self.prefix + topic for topic in topics))

    def settle(self, within: float = 120.0, topics: Collection[str] = INPUTS) -> None:
        """Wait until every input is processed and committed, records of streams itself included, and stays so.

        In live operation, name the topics: a heartbeat is published every second.
        """
        times_without_lag = 0

        def is_settled() -> bool:
            nonlocal times_without_lag
            for worker in self.workers:
                assert worker.is_alive() or worker.is_expected_dead, f"worker ended: {worker.tail()}"
            times_without_lag = times_without_lag + 1 if self.lag(topics) == 0 else 0
            return times_without_lag >= 4

        wait_for(is_settled, within, "every input processed and committed")

    def read(self, topic: str) -> Iterable[Any]:
        """All records of a topic, as messages."""
        return messages(self.bootstrap, self.prefix + topic)

    def decoded(self, topic: str) -> list[Any]:
        record = TOPICS[topic].record
        assert record is not None
        return [CODEC.decode(message.value(), record) for message in self.read(topic)]

    def published(self) -> Published:
        """What streams has published so far."""
        published = Published()
        for topic, record in OUTPUT_RECORDS.items():
            for message in self.read(topic):
                published.add(CODEC.decode(message.value(), record), message.value())
        for message in self.read("lead-snapshots"):
            published.stage_of[message.key().decode()] = CODEC.decode(message.value(), LeadSnapshot).stage
        return published

    def dead_letters(self) -> list[dict[str, str]]:
        return [
            {name: (value or b"").decode() for name, value in message.headers() or ()}
            for message in self.read("lead-dead-letters")
        ]


class Streams:
    """One `python -m streams`, as a user runs it."""

    def __init__(self, folder: Path, env: Mapping[str, str], module: str = "streams") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "log"
        self.is_expected_dead = False
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("LEADLOOP_", "KAFKA_"))}
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module],
                env={**clean, "LEADLOOP_DATA_DIR": str(folder), **env},
                stdout=sink,
                stderr=subprocess.STDOUT,
            )

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL: without any clean-up."""
        self.is_expected_dead = True
        self.process.kill()
        self.process.wait()

    def term(self) -> int:
        self.is_expected_dead = True
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STREAMS_GRACE)

    def port(self) -> int | None:
        """The port of its metrics, once it has logged it."""
        log = self.log.read_bytes()[self._log_start :].decode(errors="replace")
        found = re.search(r"metrics at http://127\.0\.0\.1:(\d+)/", log)
        return int(found[1]) if found else None

    def is_ready(self) -> bool:
        port = self.port()
        if port is None:
            return False
        try:
            with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as response:
                return bool(response.status == HTTPStatus.OK)
        except OSError:
            return False

    def wait_ready(self, within: float = 120.0) -> None:
        wait_for(lambda: self.is_ready() or not self.is_alive(), within, "the worker is ready")
        assert self.is_alive(), self.tail()

    def metrics(self) -> str:
        with urlopen(f"http://127.0.0.1:{self.port()}/metrics", timeout=5) as response:
            return str(response.read().decode())

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])


def topics_of(partitions: int) -> dict[str, int]:
    """The topics that an embedded broker has to be started with."""
    return {**dict.fromkeys(TOPICS, partitions), changelog_of(APP_ID).name: partitions}
