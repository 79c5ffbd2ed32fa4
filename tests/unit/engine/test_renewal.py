"""A claim that is renewed while the partition works; on a real Kafka: tests/component/engine/test_claims.py."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from aiokafka.structs import TopicPartition

from streams.engine import partition
from streams.engine.fencing import OWNER_KEY
from tests.contract.driver_job import PARTITIONS, Written
from tests.memory_driver import MemoryBroker, MemoryDriver, MemoryIdentity
from tests.waiting import TIMEOUT, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHANGELOG, INPUT = TopicPartition("job-changelog", 0), TopicPartition("job-a", 0)


class Coordinator(MemoryBroker):
    """A broker whose transaction coordinator may be away."""

    def __init__(self) -> None:
        super().__init__(PARTITIONS)
        self.is_away = False
        self.asked = 0

    async def new_identity(self, transactional_id: str) -> MemoryIdentity:
        self.asked += transactional_id == "job-changelog-0"
        if self.is_away:
            await asyncio.Event().wait()
        return await super().new_identity(transactional_id)

    def claims(self) -> int:
        return sum(record.key == OWNER_KEY for record in self.logs[CHANGELOG])

    def feed(self, text: str) -> None:
        for topic in ("job-a", "job-b"):
            self.append(TopicPartition(topic, 0), b"k", text.encode())

    def is_done(self) -> bool:
        return self.committed.get(INPUT, 0) == len(self.logs[INPUT])


@contextmanager
def working(broker: Coordinator, directory: Path) -> Iterator[None]:
    driver = MemoryDriver(Written("job", directory / "seen").job, broker)

    def run() -> None:
        with suppress(SystemExit):
            driver.run()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    driver.shut_down()
    thread.join(TIMEOUT)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Coordinator:
    monkeypatch.setattr(partition, "RENEW_AFTER", 0.2)
    monkeypatch.setattr(partition, "_RENEWAL_PATIENCE", 0.05)
    return Coordinator()


def test_a_partition_claims_itself_again_and_goes_on(broker: Coordinator, tmp_path: Path) -> None:
    with working(broker, tmp_path):
        wait_for(lambda: broker.claims() >= 3, TIMEOUT)
        broker.feed("1:a")
        wait_for(broker.is_done, TIMEOUT)


def test_a_partition_goes_on_while_there_is_no_coordinator_and_claims_itself_again_afterwards(
    broker: Coordinator, tmp_path: Path
) -> None:
    with working(broker, tmp_path):
        wait_for(lambda: broker.claims() >= 1, TIMEOUT)
        broker.is_away, asked = True, broker.asked
        wait_for(lambda: broker.asked >= asked + 2, TIMEOUT)
        claims = broker.claims()
        broker.feed("1:a")
        wait_for(broker.is_done, TIMEOUT)
        assert broker.claims() == claims
        broker.is_away = False
        wait_for(lambda: broker.claims() > claims, TIMEOUT)
