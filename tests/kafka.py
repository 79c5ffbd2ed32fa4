"""Kafka for tests: finds a broker, or starts one, and the few things that tests do with it.

In this order: the broker that KAFKA_BOOTSTRAP_SERVERS names; a real Apache Kafka out of Maven Central's
jars (tests/broker/pom.xml; needs java, and once mvn); the embedded mock. With LEADLOOP_REQUIRE_KAFKA=1
there is no falling back to the mock.
"""

from __future__ import annotations

import base64
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import uuid
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.patience import STUCK, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

HERE = Path(__file__).parent
READING = {
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 50,
    "fetch.message.max.bytes": 4_000_000,
    "log_level": 0,
}
YOUNG = {KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.LEADER_NOT_AVAILABLE}
"""What a broker says of a topic that was made a moment ago."""
VERSION = "4.1.1"
LISTENED = range(15_000, 32_000)  # below what Linux and macOS hand out for connections
REQUIRED = os.environ.get("LEADLOOP_REQUIRE_KAFKA") == "1"


class NoKafka(Exception):
    """No real broker can be had on this machine."""


def jars() -> Path:
    """The directory of the broker's jars; fetched once by Maven into the user's cache.

    Raises:
        NoKafka: java or mvn is missing, or Maven could not fetch them.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leadloop"
    found = cache / f"kafka-{VERSION}"
    if shutil.which("java") is None:
        raise NoKafka("java is not installed")
    if not found.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        _fetch_jars(found)
    return found


def _fetch_jars(target: Path) -> None:
    if shutil.which("mvn") is None:
        raise NoKafka("mvn is not installed")
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={scratch}/jars"]
        command = ["mvn", "-q", "-B", "-f", str(HERE / "broker" / "pom.xml"), *goal]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            raise NoKafka(f"mvn could not fetch Kafka: {(done.stdout + done.stderr)[-500:]}")
        with suppress(OSError):  # another run was faster
            (Path(scratch) / "jars").rename(target)


class RealKafka:
    """One KRaft node of Apache Kafka, ready in about 3 s; ends only what it started."""

    def __init__(self, directory: Path) -> None:
        self._classpath = f"{jars()}/*"
        self._directory = directory
        self._properties = directory / "server.properties"
        self._process: subprocess.Popen[bytes] | None = None
        port, controller = free_ports(2)
        self.bootstrap = f"127.0.0.1:{port}"
        text = (HERE / "broker" / "server.properties").read_text()
        for name, value in {"port": port, "controller": controller, "data": directory / "data"}.items():
            text = text.replace(f"{{{name}}}", str(value))
        directory.mkdir(parents=True, exist_ok=True)
        self._properties.write_text(text)

    def start(self, within: float = 60) -> None:
        """Start it, or start it again on the same data, and wait until it answers."""
        if not (self._directory / "data").is_dir():
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            named = f"--cluster-id={cluster}"  # with "=": one in 64 begins with a dash
            self._java("kafka.tools.StorageTool", "format", named, "-c", str(self._properties)).wait(STUCK)
        self._process = self._java("kafka.Kafka", str(self._properties))
        wait_for(self._answers, within)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(STUCK)

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STUCK)

    def _java(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", self._classpath]
        with (self._directory / "java.log").open("ab") as log:
            return subprocess.Popen([*command, *arguments], stdout=log, stderr=log, cwd=self._directory)

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise NoKafka(f"Kafka did not start, see {self._directory}/java.log")
        try:
            admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
            return bool(admin.list_topics(timeout=1).brokers)
        except KafkaException:
            return False


def free_ports(count: int) -> list[int]:
    """Ports to listen on. None that the system hands out for connections: one could be taken before it is used."""
    free: list[int] = []
    for port in random.sample(LISTENED, len(LISTENED)):
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            free.append(port)
        if len(free) == count:
            return free
    raise OSError(f"no {count} ports are free")


@dataclass(frozen=True)
class Broker:
    """A broker for tests. Topics are made with `make_topics`, whatever its kind is."""

    bootstrap: str
    kind: Literal["given", "real", "mock"]
    _stack: ExitStack = field(default_factory=ExitStack, repr=False, compare=False)

    def make_topics(self, topics: Mapping[str, int], config: Mapping[str, Mapping[str, str]] | None = None) -> Broker:
        """The broker that has these topics (name: partitions). A mock cannot add any, so it is a new one."""
        if self.kind == "mock":
            return self._stack.enter_context(mock_broker(topics))
        new = [NewTopic(name, n, 1, config=dict((config or {}).get(name, {}))) for name, n in topics.items()]
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        for future in admin.create_topics(new).values():
            future.result(30)
        wait_for(lambda: _have_leaders(admin, topics), 30, "every new partition has a leader")
        return self


def _have_leaders(admin: AdminClient, topics: Mapping[str, int]) -> bool:
    found = admin.list_topics(timeout=10).topics
    return all(
        name in found
        and len(found[name].partitions) == count
        and all(one.leader >= 0 and one.error is None for one in found[name].partitions.values())
        for name, count in topics.items()
    )


@contextmanager
def mock_broker(topics: Mapping[str, int]) -> Iterator[Broker]:
    """The demo's embedded broker, in a process of its own."""
    named = [f"{name}:{partitions}" for name, partitions in topics.items()]
    command = [sys.executable, "-m", "workers.demo.broker", *named]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
        ExitStack() as stack,
    ):
        stack.callback(process.terminate)
        assert process.stdout is not None
        bootstrap = process.stdout.readline().strip()
        assert bootstrap, "the embedded broker did not start"
        yield Broker(bootstrap, "mock", stack)


@contextmanager
def found_broker(directory: Path) -> Iterator[Broker]:
    """The best broker that can be had, for as long as the block lasts."""
    if given := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield Broker(given, "given")
        return
    try:
        real = RealKafka(directory)
        real.start()
    except NoKafka:
        if REQUIRED:
            raise
        with mock_broker({}) as mock:
            yield mock
        return
    try:
        yield Broker(real.bootstrap, "real")
    finally:
        real.kill()  # its data goes as well; a clean stop would only cost seconds


class Record(NamedTuple):
    """What tests write to Kafka, and read from it; without a partition the key decides."""

    key: bytes | None
    value: bytes | None
    partition: int = -1
    offset: int = -1
    headers: Sequence[tuple[str, bytes]] = ()


@cache
def _producer(bootstrap: str, _thread: int) -> Producer:
    """One for each thread: a flush that another thread's polls overtake ends before the errors are heard."""
    settings = {"partitioner": "murmur2_random", "enable.idempotence": True, "linger.ms": 5, "log_level": 0}
    return Producer({"bootstrap.servers": bootstrap, "queue.buffering.max.messages": 2_000_000, **settings})


def produce(bootstrap: str, topic: str, records: Iterable[Record]) -> None:
    """Write records and wait until the broker has acked them all."""
    producer, failed = _producer(bootstrap, threading.get_ident()), []
    # A partition that the client has no metadata of yet is an error at once, unlike an unknown topic.
    wait_for(lambda: producer.list_topics(topic, timeout=10).topics[topic].partitions, 30, f"metadata of {topic}")

    def heard(error: object, _: object) -> None:
        failed.extend([error] if error else [])

    for one in records:
        headers: list[tuple[str, str | bytes | None]] = [*one.headers]
        # partition -1: the key decides
        producer.produce(topic, one.value, one.key, one.partition, heard, headers=headers)
        producer.poll(0)
    assert producer.flush(120) == 0
    assert not failed, failed[:3]


def read_all(bootstrap: str, topic: str) -> list[Record]:
    """Every record of a topic up to its ends of now, by partition and offset."""
    return sorted(map(_record, messages(bootstrap, topic)), key=lambda record: (record.partition, record.offset))


def messages(bootstrap: str, topic: str) -> Iterator[Message]:
    """The same as they come, which is by offset in each partition.

    Its ends are asked for: librdkafka tells of them only where a fetch finds nothing, which is hardly ever in a topic
    that is written to all the time.
    """
    consumer = _reader(bootstrap)
    try:
        numbers = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        ends = {number: _end(consumer, TopicPartition(topic, number)) for number in numbers}
        left = {number for number, end in ends.items() if end}
        consumer.assign([TopicPartition(topic, number, 0) for number in left])
        while left:
            for message in consumer.consume(1000, 0.05):
                number, at = message.partition() or 0, message.offset() or 0
                if _is_end(message) or at + 1 >= ends[number]:
                    left.discard(number)
                if message.error() is None and at < ends[number]:
                    yield message
    finally:
        consumer.close()


def _end(consumer: Consumer, place: TopicPartition) -> int:
    """Where a partition ends now, once it has a leader."""

    def told() -> tuple[int, int] | None:
        try:
            return consumer.get_watermark_offsets(place, timeout=30)
        except KafkaException as fault:
            if fault.args[0].code() not in YOUNG:
                raise
            return None

    _, end = wait_for(told, 20) or (0, 0)
    return end


def _is_end(message: Message) -> bool:
    """What was last may have been compacted away."""
    fault = message.error()
    if fault is not None and fault.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  librdkafka's own codes
        raise KafkaException(fault)
    return fault is not None


def _record(message: Message) -> Record:
    headers: Any = message.headers() or ()
    return Record(message.key(), message.value(), message.partition() or 0, message.offset() or 0, headers)


def _reader(bootstrap: str, group: str = "tests") -> Consumer:
    return Consumer({"bootstrap.servers": bootstrap, "group.id": group, **READING})


def lag(bootstrap: str, group: str, topics: Iterable[str]) -> int:
    """Records of these topics that the group has not committed."""
    consumer = _reader(bootstrap, group)
    try:
        return sum(_behind(consumer, topic) for topic in topics)
    finally:
        consumer.close()


def _behind(consumer: Consumer, topic: str) -> int:
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    behind = 0
    for tp in consumer.committed([TopicPartition(topic, n) for n in partitions], timeout=10):
        low, high = consumer.get_watermark_offsets(tp, timeout=10)
        behind += high - max(tp.offset, low)
    return behind
