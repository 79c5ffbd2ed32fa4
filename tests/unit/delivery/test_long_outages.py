"""What hours and days do to parcels, on a clock that jumps: deliver's own decisions, one parcel after the other."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import assert_never

from tests.unit.delivery.builders import NOW, a_delivery, a_partition
from workers.delivery.attempts import Accepted, Outcome, Retry
from workers.delivery.core.admission import Attempt, Drop, GiveUp, Settle, Wait, admit
from workers.delivery.core.breaker import Breaker
from workers.delivery.core.model import Availability
from workers.delivery.core.outcomes import Resolution, after_attempt, given_up, without_attempt
from workers.delivery.core.owned_partition import Delivery
from workers.delivery.core.schedule import Schedule
from workers.delivery.core.wait_topics import WaitTopics
from workers.delivery.events import id_of

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
DOWN = Retry("down", 503)


@dataclass
class Simulation:
    """`endpoint` answers by the time since the beginning (ms). `ends`: when and how each parcel ended."""

    endpoint: Callable[[int], Outcome]
    tries: list[int] = field(default_factory=list)
    ends: dict[str, tuple[int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._partition, self._breaker = a_partition(), Breaker()
        self._schedule, self._tiers = Schedule(), WaitTopics()
        self._queue: list[tuple[int, int, Delivery]] = []
        self._count = count()

    def run(self, arrivals: list[int], **event: int) -> None:
        for number, at in enumerate(arrivals):
            delivery = a_delivery(event={"recycle_id": f"r{number}"} | event, first_at=NOW + at)
            self._push(at, replace(delivery, partition=self._partition))
        while self._queue:
            at, _, delivery = heapq.heappop(self._queue)
            self._step(at, delivery)

    def _push(self, at: int, delivery: Delivery) -> None:
        heapq.heappush(self._queue, (at, next(self._count), delivery))

    def _step(self, at: int, delivery: Delivery) -> None:
        availability = Availability.OPEN if self._breaker.capacity(at / 1000) == 0 else Availability.ACTIVE
        match admit(delivery, availability, NOW + at, self._schedule):
            case Attempt():
                self._settle(at, delivery, self._try(at, delivery))
            case Wait(retry):
                self._wait(at, replace(delivery, retry=retry))
            case GiveUp(detail, attempts):
                self._settle(at, delivery, given_up(delivery, detail, attempts, NOW + at))
            case Settle(outcome, attempts):
                self._settle(at, delivery, without_attempt(delivery, outcome, attempts, NOW + at))
            case Drop():
                pass
            case never:
                assert_never(never)

    def _try(self, at: int, delivery: Delivery) -> Resolution:
        self.tries.append(at)
        outcome = self.endpoint(at)
        self._breaker.begun(at / 1000)
        is_success = None if isinstance(outcome, Retry) and outcome.throttled else isinstance(outcome, Accepted)
        self._breaker.ended(at / 1000, is_success)
        return after_attempt(delivery, outcome, NOW + at, self._schedule)

    def _settle(self, at: int, delivery: Delivery, what: Resolution) -> None:
        self._partition.index.result(what.result)
        if what.retry is None:
            self.ends[id_of(delivery.event)] = at, what.result.outcome
        else:
            self._wait(at, replace(delivery, retry=what.retry))

    def _wait(self, at: int, delivery: Delivery) -> None:
        delay = self._tiers.delays[self._tiers.of_event(delivery.event, delivery.retry.due_at, NOW + at)]
        self._push(at + delay, delivery)

    def share_ended_by(self, at: int) -> float:
        return sum(when <= at for when, _ in self.ends.values()) / len(self.ends)


def test_an_endpoint_that_is_down_for_a_day_receives_everything_and_few_attempts_meanwhile() -> None:
    world = Simulation(lambda at: DOWN if at < DAY else Accepted(200))
    world.run([number * 2 * MINUTE for number in range(720)])
    assert {how for _, how in world.ends.values()} == {"accepted"}
    assert sum(at < DAY for at in world.tries) < DAY / 30_000  # at most a probe for each half minute
    assert world.share_ended_by(DAY + 15 * MINUTE) > 0.5  # those that were probes wait by the schedule
    assert world.share_ended_by(DAY + 24 * HOUR) == 1


def test_an_endpoint_that_stays_down_is_given_up_after_the_schedule() -> None:
    world = Simulation(lambda _: DOWN)
    world.run([number * MINUTE for number in range(100)])
    assert {how for _, how in world.ends.values()} == {"dead"}
    assert len(world.ends) == 100
    assert max(at for at, _ in world.ends.values()) <= Schedule().span_ms + 2 * HOUR + 100 * MINUTE


def test_ten_minutes_of_429_use_no_attempt() -> None:
    def answer(at: int) -> Outcome:
        return Retry("slow down", 429, (10 * MINUTE - at) / 1000, throttled=True) if at < 10 * MINUTE else Accepted(200)

    world = Simulation(answer)
    world.run([number * 1_000 for number in range(600)])
    assert {how for _, how in world.ends.values()} == {"accepted"}
    assert sum(at < 10 * MINUTE for at in world.tries) == 600  # one 429 each, and no further attempt
    assert world.share_ended_by(13 * MINUTE) == 1


def test_what_expires_during_an_outage_is_not_sent_after_it_and_ends_at_once() -> None:
    world = Simulation(lambda at: DOWN if at < DAY else Accepted(200))
    world.run([number * 2 * MINUTE for number in range(60)], expires_at=NOW + 6 * HOUR)
    assert {how for _, how in world.ends.values()} == {"expired"}
    assert max(world.tries) < 6 * HOUR
    assert world.share_ended_by(6 * HOUR + 1_000) == 1
