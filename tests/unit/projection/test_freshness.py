"""Who holds more and gives nothing, and who only has to wait: for his turn, for an answer, for a paused process."""

from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import KafkaException

from workers.projection import freshness
from workers.projection.freshness import UNRESPONSIVE_AFTER, Freshness
from workers.read_model.generation import PartitionId

SILENT, WELL = PartitionId("lead-created", 0), PartitionId("lead-created", 1)


class Ends:
    """A log with both places, of which each holds a hundred records; `fault`: what it says of the first instead."""

    assigned = frozenset({SILENT, WELL})
    fault: Exception | None = None
    refreshed = 0

    def request_ends(self, places: Iterable[PartitionId]) -> dict[PartitionId, Future[Any]]:
        futures: dict[PartitionId, Future[Any]] = {place: Future() for place in places}
        for place, future in futures.items():
            if place == SILENT and self.fault is not None:
                future.set_exception(self.fault)
            else:
                future.set_result(type("End", (), {"offset": 100})())
        return futures

    def refresh_leaders(self) -> None:
        self.refreshed += 1


@pytest.fixture(autouse=True)
def asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "REQUEST_EVERY_SECONDS", 0.0)


def responses(fresh: Freshness, answers: int, at: int = 10) -> None:
    for _ in range(answers):
        assert fresh.poll({SILENT: at, WELL: 100}) is None  # it asks
        assert fresh.poll({SILENT: at, WELL: 100}) is not None


def a_freshness(ends: Ends) -> Freshness:
    log: Any = ends
    return Freshness(log)


def test_who_stands_where_he_stood_in_so_many_answers_is_still() -> None:
    fresh = a_freshness(Ends())
    responses(fresh, UNRESPONSIVE_AFTER)
    assert fresh.unresponsive() == []
    responses(fresh, 1)
    assert fresh.unresponsive() == [SILENT]


def test_who_moves_or_is_at_his_end_or_is_read_anew_is_not() -> None:
    fresh = a_freshness(Ends())
    for at in range(UNRESPONSIVE_AFTER * 2):
        responses(fresh, 1, at=10 + at)
    responses(fresh, UNRESPONSIVE_AFTER, at=80)
    responses(fresh, 1, at=100)
    responses(fresh, UNRESPONSIVE_AFTER, at=80)
    fresh.reset()
    responses(fresh, UNRESPONSIVE_AFTER, at=80)
    assert fresh.unresponsive() == []


def test_while_more_waits_than_is_taken_at_once_nobody_is() -> None:
    fresh = a_freshness(Ends())
    for _ in range(UNRESPONSIVE_AFTER * 2):
        responses(fresh, 1)
        fresh.clear_unmoved()
    assert fresh.unresponsive() == []


def test_of_whom_nothing_is_known_nothing_is_said() -> None:
    ends = Ends()
    fresh = a_freshness(ends)
    responses(fresh, UNRESPONSIVE_AFTER)
    ends.fault = KafkaException("no leader")
    responses(fresh, 1)
    assert ends.refreshed == 1  # otherwise librdkafka never learns who leads
    ends.fault = None
    responses(fresh, UNRESPONSIVE_AFTER)
    assert fresh.unresponsive() == []


def test_what_was_asked_before_a_rebalance_is_not_heard_after_it() -> None:
    fresh = a_freshness(Ends())
    assert fresh.poll({SILENT: 10, WELL: 100}) is None
    fresh.reset()
    assert fresh.poll({WELL: 100}) is None
