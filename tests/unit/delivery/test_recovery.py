"""What a partition that is taken over is found to have under way."""

from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from tests.unit.delivery.builders import NOW, a_delivery, a_recycle, an_escalation
from workers.delivery.core.model import Takeover
from workers.delivery.core.recovered_index import CLOCK_SKEW_MS, RecoveredIndex
from workers.delivery.events import DeliveredEvent
from workers.delivery.runtime import recovery
from workers.delivery.runtime.recovery import IndexRecovery

CODEC = Codec(Catalogue.bundled())
WAIT = "delivery-wait-1s"


class Waits:
    """A record of a waiting topic."""

    def __init__(self, event: DeliveredEvent, offset: int, due_at: int = 0) -> None:
        self._event, self._offset, self._due_at = event, offset, due_at

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return WAIT

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def headers(self) -> list[tuple[str, bytes]]:
        return a_delivery(due_at=self._due_at).retry.headers()

    def value(self) -> bytes:
        return CODEC.encode(self._event)


class FakeConsumer:
    """Has these records, and no results."""

    def __init__(self, records: Sequence[Waits]) -> None:
        self._records, self._at = records, 0

    def get_watermark_offsets(self, _: TopicPartition, **__: Any) -> tuple[int, int]:
        return 0, 0

    def assign(self, _: Sequence[TopicPartition]) -> None:
        """There is but one partition."""

    def consume(self, _: int, __: float) -> Sequence[Waits]:
        self._at = len(self._records)
        return self._records

    def position(self, places: Sequence[TopicPartition]) -> list[TopicPartition]:
        return [TopicPartition(one.topic, one.partition, self._at) for one in places]

    def close(self) -> None:
        """Nothing is open."""


def recovered(monkeypatch: pytest.MonkeyPatch, *waiting: DeliveredEvent) -> RecoveredIndex:
    records = [Waits(event, offset) for offset, event in enumerate(waiting)]
    return recovered_from(monkeypatch, records, is_sure=True)


def recovered_from(monkeypatch: pytest.MonkeyPatch, records: Sequence[Waits], *, is_sure: bool) -> RecoveredIndex:
    monkeypatch.setattr(recovery, "Consumer", lambda _: FakeConsumer(records))
    takeover = Takeover(0, {WAIT: 0}, {WAIT: len(records)}, is_sure)
    return IndexRecovery({}, CODEC, "delivery-results", [WAIT]).run([takeover], NOW, lambda: True)[0]


def test_a_waiting_delivery_is_open_and_due(monkeypatch: pytest.MonkeyPatch) -> None:
    found = recovered(monkeypatch, a_recycle())
    assert found.index.due.by_age(NOW) == {("nurture", "under_15s"): 1}
    assert found.waiting == {"nurture": 1}


def test_a_waiting_escalation_is_open_and_due(monkeypatch: pytest.MonkeyPatch) -> None:
    found = recovered(monkeypatch, an_escalation())
    assert found.index.due.by_age(NOW) == {("nurture", "under_15s"): 1}
    assert found.index.under_way(an_escalation(), a_delivery().retry) is not None


@pytest.mark.parametrize("event", [a_recycle("UNKNOWN"), a_recycle(recycle_id=""), an_escalation("UNKNOWN")])
def test_a_future_dead_letter_is_neither_open_nor_due(monkeypatch: pytest.MonkeyPatch, event: DeliveredEvent) -> None:
    found = recovered(monkeypatch, event)
    assert not +found.index.due.by_age(NOW)
    assert (found.index.sizes, found.waiting) == ((0, 0), {})


@pytest.mark.parametrize(("is_sure", "below"), [(False, 2), (True, 0)])
def test_after_a_crash_what_was_due_may_have_been_begun_and_what_was_not_due_was_not(
    monkeypatch: pytest.MonkeyPatch, is_sure: bool, below: int
) -> None:
    later = NOW + CLOCK_SKEW_MS + 1  # the clock of the other worker may have been ahead
    dues = {"r0": later, "r1": NOW, "r2": later}
    records = [Waits(a_recycle(recycle_id=name), offset, due) for offset, (name, due) in enumerate(dues.items())]
    found = recovered_from(monkeypatch, records, is_sure=is_sure)
    assert found.unsure_below == {WAIT: below}
    opened = [found.index.under_way(a_recycle(recycle_id=name), a_delivery().retry) for name in dues]
    assert [one is not None and one.may_have_arrived for one in opened] == [False, not is_sure, False]
