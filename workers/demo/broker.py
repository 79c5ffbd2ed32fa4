"""A Kafka broker for the demo and for tests: librdkafka's mock cluster, from confluent-kafka's wheel, as a process.

It keeps the newest 5 MiB and 100,000 batches of each partition, in memory. It compacts nothing, and does not support
the creation of topics over the protocol, so every topic is named at the start:

    python -m workers.demo.broker lead-created:4 deal-closed:4      prints host:port, runs until SIGTERM
"""

import argparse
import ctypes
import ctypes.util
import importlib.util
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import IO, Self

from schemas.errors import UserError

_LAYOUTS = (  # where wheels put the library: auditwheel's, delocate's
    "confluent_kafka.libs/librdkafka*.so*",
    "confluent_kafka/.dylibs/librdkafka*.dylib",
    "confluent_kafka.libs/librdkafka*.dylib",
)
_SIGNATURES: tuple[tuple[str, type | None, list[type]], ...] = (
    ("rd_kafka_conf_new", ctypes.c_void_p, []),
    ("rd_kafka_new", ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]),
    ("rd_kafka_mock_cluster_new", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_int]),
    ("rd_kafka_mock_cluster_bootstraps", ctypes.c_char_p, [ctypes.c_void_p]),
    ("rd_kafka_mock_cluster_destroy", None, [ctypes.c_void_p]),
    (
        "rd_kafka_mock_topic_create",
        ctypes.c_int,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int],
    ),
    ("rd_kafka_mock_group_initial_rebalance_delay_ms", None, [ctypes.c_void_p, ctypes.c_int32]),
)
_CHECK_SECONDS = 1.0
_PRODUCER = 0


class NoEmbeddedBroker(UserError):
    """The embedded broker did not start: no librdkafka, a topic that it refuses, or no address in time."""


class EmbeddedBroker:
    """The broker as a child process, up inside `with`. It ends with this process, however this one ends.

    Args:
        topics: Partitions by topic name.
        within: Seconds that the start may take.
    """

    def __init__(self, topics: Mapping[str, int], *, within: float = 20.0) -> None:
        self._topics = dict(topics)
        self._within = within
        self._process: subprocess.Popen[str] | None = None
        self.bootstrap = ""

    def start(self) -> Self:
        """Start it and wait for its address. Raises NoEmbeddedBroker with its output."""
        process = subprocess.Popen(
            # By path, isolated from it: runs from a bare checkout, whatever the working directory is.
            [sys.executable, "-P", __file__, "--with-parent", *_arguments(self._topics)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C must not end the broker before its users
        )
        self._process = process
        self.bootstrap = _first_line(process.stdout, self._within)
        if not self.bootstrap:
            reason = self._end() or f"no address within {self._within:g} s"
            raise NoEmbeddedBroker(f"the embedded broker did not start: {reason}")
        _drain(process.stderr)
        return self

    def stop(self) -> None:
        """End it; a second call does nothing."""
        if self._process is not None:
            self._process.terminate()
            self._end()

    def kill(self) -> None:
        """End it like a crash; its records are lost."""
        if self._process is not None:
            self._process.kill()
            self._end()

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process is not None else None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _end(self) -> str:
        process, self._process = self._process, None
        if process is None:
            return ""
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
        errors = _stderr_of(process)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        return errors


def library_path() -> str:
    """Where librdkafka is: in the wheel on Linux and macOS, else the system's. Raises NoEmbeddedBroker."""
    spec = importlib.util.find_spec("confluent_kafka")
    site = Path(spec.origin).parents[1] if spec is not None and spec.origin else Path()
    for layout in _LAYOUTS:
        for path in sorted(site.glob(layout)):
            return str(path)
    system = ctypes.util.find_library("rdkafka")
    if system is None:
        raise NoEmbeddedBroker(f"found no librdkafka under {site}: install the confluent-kafka wheel")
    return system


class _Cluster:
    """The mock cluster in this process."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(library_path())
        for name, result, arguments in _SIGNATURES:
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, arguments
        client = self._library.rd_kafka_new(
            _PRODUCER, self._library.rd_kafka_conf_new(), ctypes.create_string_buffer(512), 512
        )
        self._cluster = self._library.rd_kafka_mock_cluster_new(client, 1)
        # By default the first member of a group waits for three seconds.
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 50)

    def create(self, topic: str, partitions: int) -> None:
        fault = self._library.rd_kafka_mock_topic_create(self._cluster, topic.encode(), partitions, 1)
        if fault:
            what = f"{topic} with {partitions} partitions"
            raise NoEmbeddedBroker(f"cannot create {what}: librdkafka error {fault}")

    @property
    def bootstrap(self) -> str:
        address: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        return address.decode()

    def close(self) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)


def main(argv: list[str] | None = None) -> int:
    """Run a broker with the named topics until SIGTERM, SIGINT or, with --with-parent, the end of the parent."""
    parser = argparse.ArgumentParser(prog="python -m workers.demo.broker", description=__doc__)
    parser.add_argument("topics", nargs="*", metavar="TOPIC:PARTITIONS", type=_topic)
    parser.add_argument("--with-parent", action="store_true", help="end when stdin closes or the parent dies")
    given = parser.parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)
    try:
        _serve(given.topics, with_parent=given.with_parent)
    except NoEmbeddedBroker as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    return 0


def _serve(topics: Iterable[tuple[str, int]], *, with_parent: bool) -> None:
    parent = os.getppid()
    cluster = _Cluster()
    for topic, partitions in topics:
        cluster.create(topic, partitions)
    sys.stdout.write(f"{cluster.bootstrap}\n")
    sys.stdout.flush()
    try:
        _wait_for_end(parent if with_parent else None)
    finally:
        cluster.close()


def _wait_for_end(parent: int | None) -> None:
    # Check both: a process that the parent forked may hold the pipe, and the parent may have ended before this check.
    watched = [sys.stdin] if parent is not None else []
    while parent is None or os.getppid() == parent:
        readable, _, _ = select.select(watched, [], [], _CHECK_SECONDS)
        if readable and not os.read(sys.stdin.fileno(), 1024):
            return


def _exit(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _topic(text: str) -> tuple[str, int]:
    name, _, partitions = text.rpartition(":")
    if not name or not partitions.isdecimal() or int(partitions) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not TOPIC:PARTITIONS, such as lead-created:4")
    return name, int(partitions)


def _arguments(topics: Mapping[str, int]) -> Iterator[str]:
    return (f"{name}:{partitions}" for name, partitions in topics.items())


def _first_line(pipe: IO[str] | None, within: float) -> str:
    if pipe is None or not select.select([pipe], [], [], within)[0]:
        return ""
    return pipe.readline().strip()


def _stderr_of(process: subprocess.Popen[str]) -> str:
    return process.stderr.read().strip() if process.stderr is not None and not process.stderr.closed else ""


def _drain(pipe: IO[str] | None) -> None:
    # librdkafka logs to stderr; a full pipe would stop the broker.
    if pipe is not None:
        threading.Thread(target=pipe.read, name="embedded-broker-stderr", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
