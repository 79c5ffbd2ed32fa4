"""The engine's word about itself: readiness, and how it ends the process."""

from __future__ import annotations

import logging
import time
from typing import Any, NoReturn

import faust
import pytest

from streams.engine import FAUST_SETTINGS, Engine, MemoryStore, PartitionStatus, Status


class Left(BaseException):
    pass


def leave(code: int) -> NoReturn:
    raise Left(code)


class FakeConsumer:
    def __init__(self, status: Status) -> None:
        self._status = status

    def status(self) -> Status:
        return self._status


def an_engine(status: Status | None = None) -> Engine:
    engine = Engine(
        faust.App("unit", **FAUST_SETTINGS),
        changelog="unit-changelog",
        partitions=1,
        store=MemoryStore,
        decode=lambda _: (0, None),
        client={},
        leave=leave,
    )
    fake: Any = FakeConsumer(status) if status else None
    engine.consumer = fake
    return engine


def a_partition(**overrides: Any) -> PartitionStatus:
    now = int(time.time() * 1000)
    fields = {"number": 0, "is_ready": True, "remaining": 0, "positions": {}, "ends": {}, "keys": 0}
    return PartitionStatus(**{**fields, "moved_at": now, "chunk_at": now, **overrides})


def a_status(*partitions: PartitionStatus, is_member: bool = True) -> Status:
    return Status(is_assigned=True, is_member=is_member, partitions=partitions)


def test_an_engine_that_has_not_started_is_not_ready() -> None:
    assert not an_engine().is_ready()


def test_assigned_recovered_and_moving_is_ready() -> None:
    assert an_engine(a_status(a_partition(), a_partition(number=1))).is_ready()


def test_a_member_without_a_partition_is_a_ready_stand_by() -> None:
    assert an_engine(a_status()).is_ready()


@pytest.mark.parametrize(
    "status",
    [
        Status(is_assigned=False, is_member=True),
        a_status(a_partition(), a_partition(is_ready=False, remaining=9)),
        a_status(a_partition(moved_at=int(time.time() * 1000) - 60_000)),
        a_status(a_partition(), is_member=False),
    ],
    ids=["rebalancing", "recovering", "stuck", "cut off"],
)
def test_less_than_that_is_not_ready(status: Status) -> None:
    assert not an_engine(status).is_ready()


def test_lag_counts_what_is_known_and_not_yet_done() -> None:
    partition = a_partition(positions={"a": 3, "b": 9}, ends={"a": 10, "b": 8})
    assert [partition.lag(topic) for topic in ("a", "b", "c")] == [7, 0, 0]


def test_dying_says_where_once_and_exits_70(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), pytest.raises(Left, match="70"):
        an_engine().die(ValueError("a bug"), where="lead-created[3]@17")
    (record,) = caplog.records
    assert record.levelname == "CRITICAL"
    assert "lead-created[3]@17: ValueError('a bug')" in record.getMessage()
