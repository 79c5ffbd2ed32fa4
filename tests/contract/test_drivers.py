"""One suite on every driver: what streams.engine.driver says that it does."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from aiokafka.structs import TopicPartition
from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as Place

from tests.contract.driver_job import PARTITIONS, Written
from tests.kafka_records import Record, produce, read_all
from tests.memory_driver import MemoryBroker, MemoryDriver
from tests.waiting import STREAMS_GRACE, TIMEOUT, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.kafka import Broker

ROOT = Path(__file__).parents[2]


class Rig(Protocol):
    """A driver that can be started and stopped, and its topics."""

    directory: Path

    def feed(self, topic: str, number: int, *values: str) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> int: ...
    def ended(self) -> int: ...
    def committed(self, topic: str, number: int) -> int: ...
    def values(self, topic: str) -> dict[int, list[bytes]]: ...


class MemoryRig:
    """In this process."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._broker = MemoryBroker(PARTITIONS)

    def feed(self, topic: str, number: int, *values: str) -> None:
        for value in values:
            self._broker.append(TopicPartition(f"job-{topic}", number), b"k%d" % number, value.encode())

    def start(self) -> None:
        self._driver = MemoryDriver(Written("job", self.directory / "seen").job, self._broker)
        self._codes: list[object] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._driver.run()
        except SystemExit as end:
            self._codes.append(end.code)

    def stop(self) -> int:
        self._driver.shut_down()
        return self.ended()

    def ended(self) -> int:
        self._thread.join(TIMEOUT)
        (code,) = self._codes
        assert isinstance(code, int)
        return code

    def committed(self, topic: str, number: int) -> int:
        return self._broker.committed.get(TopicPartition(f"job-{topic}", number), 0)

    def values(self, topic: str) -> dict[int, list[bytes]]:
        logs = ((n, self._broker.logs[TopicPartition(f"job-{topic}", n)]) for n in range(PARTITIONS))
        return {n: [record.value or b"" for record in log] for n, log in logs}


class FaustRig:
    """In a process of its own, on a real broker."""

    def __init__(self, directory: Path, broker: Broker) -> None:
        self.directory = directory
        self._name = f"driver-{uuid.uuid4().hex[:8]}"
        topics = [f"{self._name}-{topic}" for topic in ("a", "b", "out", "changelog")]
        self._bootstrap = broker.make_topics(dict.fromkeys(topics, PARTITIONS)).bootstrap

    def feed(self, topic: str, number: int, *values: str) -> None:
        records = [Record(b"k%d" % number, value.encode(), number) for value in values]
        produce(self._bootstrap, f"{self._name}-{topic}", records)

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.contract.driver_job", self._bootstrap, self._name, str(self.directory)]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def stop(self) -> int:
        self._process.terminate()
        return self._process.wait(STREAMS_GRACE)

    def ended(self) -> int:
        return self._process.wait(TIMEOUT)

    def committed(self, topic: str, number: int) -> int:
        consumer = Consumer({"bootstrap.servers": self._bootstrap, "group.id": self._name})
        try:
            (place,) = consumer.committed([Place(f"{self._name}-{topic}", number)], timeout=30)
            return max(0, int(place.offset))
        except KafkaException as error:
            if error.args[0].code() != KafkaError.NOT_COORDINATOR:
                raise
            return 0  # a broker that has just started loads its groups
        finally:
            consumer.close()

    def values(self, topic: str) -> dict[int, list[bytes]]:
        found: dict[int, list[bytes]] = {n: [] for n in range(PARTITIONS)}
        for record in read_all(self._bootstrap, f"{self._name}-{topic}"):
            found[record.partition or 0].append(record.value or b"")
        return found

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@pytest.fixture(params=["memory", pytest.param("faust", marks=pytest.mark.kafka)])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    if request.param == "memory":
        yield MemoryRig(tmp_path)
        return
    faust_rig = FaustRig(tmp_path, request.getfixturevalue("real_kafka"))
    yield faust_rig
    faust_rig.end()


def seen(rig: Rig) -> list[tuple[str, int]]:
    """What happened to the job, in order: hooks and chunks, with the partition."""
    path = rig.directory / "seen"
    return [(what, number) for what, number, _ in map(json.loads, path.read_text().splitlines())]


def start_and_take(rig: Rig, topic: str, number: int, position: int) -> None:
    rig.start()
    wait_for(lambda: rig.committed(topic, number) >= position, TIMEOUT)


def order_of(values: Sequence[bytes]) -> str:
    return b"".join(values).decode()


def test_inputs_are_merged_by_event_time_and_every_offset_is_committed(rig: Rig) -> None:
    rig.feed("a", 0, "1:a", "3:c")
    rig.feed("b", 0, "2:b", "4:d")
    rig.feed("b", 1, "1:x")
    rig.start()
    wait_for(lambda: all(rig.committed(*place) for place in (("a", 0), ("b", 0), ("b", 1))), TIMEOUT)
    assert rig.stop() == 0
    assert {n: order_of(values) for n, values in rig.values("out").items()} == {0: "abcd", 1: "x"}
    assert rig.values("changelog")[0][-1] == b"abcd"
    assert [rig.committed(*place) for place in (("a", 0), ("b", 0), ("a", 1), ("b", 1))] == [2, 2, 0, 1]


def test_a_restart_continues_at_the_committed_offsets_with_the_restored_state(rig: Rig) -> None:
    rig.feed("a", 0, "1:a")
    start_and_take(rig, "a", 0, 1)
    assert rig.stop() == 0
    rig.feed("a", 0, "2:b")
    start_and_take(rig, "a", 0, 2)
    assert rig.stop() == 0
    assert order_of(rig.values("out")[0]) == "ab"
    assert rig.values("changelog")[0][-1] == b"ab"


def test_an_error_of_the_agent_ends_the_process_and_commits_nothing_of_the_chunk(rig: Rig) -> None:
    rig.feed("a", 0, "1:a")
    start_and_take(rig, "a", 0, 1)
    rig.feed("a", 0, "2:bug")
    assert rig.ended() == 70
    assert rig.committed("a", 0) == 1
    assert rig.values("out")[0] == [b"a"]


def test_a_partition_is_recovered_before_its_first_chunk_and_revoked_after_its_last(rig: Rig) -> None:
    rig.feed("a", 0, "1:a")
    rig.feed("a", 1, "1:a")
    rig.start()
    wait_for(lambda: rig.committed("a", 0) and rig.committed("a", 1), TIMEOUT)
    assert rig.stop() == 0
    for number in range(PARTITIONS):
        mine = [what for what, one in seen(rig) if one == number]
        assert (mine[0], mine[-1]) == ("recovered", "revoked")
        assert set(mine[1:-1]) == {"chunk"}
