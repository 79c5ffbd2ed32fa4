"""A Kafka broker for tests: find one, or start one.

In this order: the broker that KAFKA_BOOTSTRAP_SERVERS names; a real Apache Kafka from Maven Central's jars
(tests/broker/pom.xml; needs java, and mvn the first time; LEADLOOP_TEST_KAFKA_VERSION names another version); the
embedded mock. With LEADLOOP_REQUIRE_KAFKA=1 the mock is not used.
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
import uuid
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # documented, but not exported
from confluent_kafka.cimpl import NewTopic

from tests.waiting import TIMEOUT, wait_for

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator, Mapping, Sequence

HERE = Path(__file__).parent
VERSION = os.environ.get("LEADLOOP_TEST_KAFKA_VERSION", "4.1.1")
PORTS = range(15_000, 32_000)  # below the ephemeral ports of Linux and macOS
REQUIRED = os.environ.get("LEADLOOP_REQUIRE_KAFKA") == "1"


class NoKafka(Exception):
    """There is no real broker on this machine, and none can be started."""


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
        command = ["mvn", "-q", "-B", f"-Dkafka.version={VERSION}", "-f", str(HERE / "broker" / "pom.xml"), *goal]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            raise NoKafka(f"mvn could not fetch Kafka: {(done.stdout + done.stderr)[-500:]}")
        with suppress(OSError):  # another test run has fetched them meanwhile
            (Path(scratch) / "jars").rename(target)


class RealKafka:
    """One KRaft node of Apache Kafka, ready in about 3 s.

    Args:
        directory: For its configuration, logs and data.
        ports: Of its clients and of its controller; free ones if None.
        changes: Properties that replace those of the file, or are added to them.
        heap: Of Java.
        cluster: The id of its cluster; a new one if empty.
    """

    def __init__(
        self,
        directory: Path,
        ports: Sequence[int] | None = None,
        changes: Mapping[str, str] = MappingProxyType({}),
        heap: str = "512m",
        cluster: str = "",
    ) -> None:
        self._classpath = f"{jars()}/*"
        self._directory = directory
        self._properties = directory / "server.properties"
        self._process: subprocess.Popen[bytes] | None = None
        self._heap, self._cluster = heap, cluster or new_cluster_id()
        port, controller = ports or free_ports(2)
        self.bootstrap = f"127.0.0.1:{port}"
        text = (HERE / "broker" / "server.properties").read_text()
        for name, value in {"port": port, "controller": controller, "data": directory / "data"}.items():
            text = text.replace(f"{{{name}}}", str(value))
        lines = [line for line in text.splitlines() if line.partition("=")[0] not in changes]
        directory.mkdir(parents=True, exist_ok=True)
        self._properties.write_text("\n".join([*lines, *(f"{name}={value}" for name, value in changes.items()), ""]))

    def start(self, within: float = 60) -> None:
        """Start it, or start it again with the same data, and wait until it answers."""
        self.begin()
        wait_for(self._answers, within)

    def begin(self) -> None:
        """Start it; do not wait."""
        if not (self._directory / "data").is_dir():
            named = f"--cluster-id={self._cluster}"  # with "=": one in 64 begins with a dash
            self._java("kafka.tools.StorageTool", "format", named, "-c", str(self._properties)).wait(TIMEOUT)
        self._process = self._java("kafka.Kafka", str(self._properties))

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(TIMEOUT)

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP: it holds its connections, and answers nothing."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, as in a power cut."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(TIMEOUT)

    def _java(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = ["java", f"-Xmx{self._heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", self._classpath]
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


def new_cluster_id() -> str:
    """As Kafka's own tool makes them."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def free_ports(count: int) -> list[int]:
    """Ports to listen on. None is an ephemeral port: the system could assign one to a connection before it is used."""
    free: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            free.append(port)
        if len(free) == count:
            return free
    raise OSError(f"no {count} ports are free")


@dataclass(frozen=True)
class Broker:
    """A broker for tests. Topics are created with `make_topics`, whatever its kind."""

    bootstrap: str
    kind: Literal["given", "real", "mock"]
    replication: int = 1
    _stack: ExitStack = field(default_factory=ExitStack, repr=False, compare=False)

    def make_topics(self, topics: Mapping[str, int], config: Mapping[str, Mapping[str, str]] | None = None) -> Broker:
        """Create topics (name: partitions); returns the broker that has them: a new one if it is a mock."""
        if self.kind == "mock":
            return self._stack.enter_context(mock_broker(topics))
        new = [
            NewTopic(name, n, self.replication, config=dict((config or {}).get(name, {}))) for name, n in topics.items()
        ]
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        for future in admin.create_topics(new).values():
            future.result(30)
        wait_for(lambda: _have_leaders(admin, topics), 30, "every new partition has a leader")
        wait_for(lambda: _answer(admin, topics), 30, "every new partition answers")
        return self


def _have_leaders(admin: AdminClient, topics: Mapping[str, int]) -> bool:
    found = admin.list_topics(timeout=10).topics
    return all(
        name in found
        and len(found[name].partitions) == count
        and all(one.leader >= 0 and one.error is None for one in found[name].partitions.values())
        for name, count in topics.items()
    )


def _answer(admin: AdminClient, topics: Mapping[str, int]) -> bool:
    """Whether all partitions can be read: a broker lists itself as the leader before it accepts that it is."""
    places = [TopicPartition(name, number) for name, count in topics.items() for number in range(count)]
    latest: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    futures = admin.list_offsets(dict.fromkeys(places, latest), request_timeout=10)
    return not any(future.exception() for future in futures.values())


@contextmanager
def mock_broker(topics: Mapping[str, int]) -> Iterator[Broker]:
    """The demo's embedded broker, in its own process."""
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
        yield Broker(bootstrap, "mock", _stack=stack)


@contextmanager
def found_broker(directory: Path) -> Iterator[Broker]:
    """The best available broker, for as long as the block lasts."""
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
        real.kill()  # its data is deleted as well: a clean stop would only take time
