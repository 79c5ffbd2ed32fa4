"""Notifications of operators about an endpoint, and what counts for it: over all workers, on real servers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest

from tests.component.delivery.harness import World, a_recycle, of, stopped, until
from tests.component.delivery.test_replay import DIES_AT_ONCE, leadloop
from tests.redis import RealRedis
from tests.simulators.receiver import Behaviour
from tests.unit.delivery.builders import a_delivery
from workers.delivery.attempts import Accepted, Gone, Outcome, Retry
from workers.delivery.core.health import FailureLimit
from workers.delivery.core.outcomes import Resolution, after_attempt, given_up
from workers.delivery.core.schedule import Schedule
from workers.delivery.endpoint_events import EndpointEvent, decoded
from workers.delivery.limits.failures import AGAIN_MS, FailureCounts
from workers.delivery.limits.shared import RedisScripts
from workers.delivery.runtime.endpoint_health import EndpointHealth

FAILED, WORKED = Retry("500 from the endpoint", 500), Accepted(200)
NOW = 1_780_000_000_000


class Killed(Exception):
    """A worker ends."""


@dataclass
class Workers:
    """Two workers that deliver to one endpoint, and of what operators were notified."""

    redis: RealRedis
    stack: AsyncExitStack
    notified: list[EndpointEvent] = field(default_factory=list)
    disabled: list[str] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    now: int = NOW
    resumed_at: int = 0
    disables: bool = False
    is_killed: bool = False

    def __post_init__(self) -> None:
        self.workers = [self.joined(), self.joined()]

    def joined(self) -> EndpointHealth:
        scripts = RedisScripts(self.redis.url)
        self.stack.push_async_callback(scripts.close)
        return EndpointHealth(
            "nurture",
            FailureLimit(20, self.disables),
            FailureCounts(scripts, "test"),
            publish=self._publish,
            disable=self._disable,
            ratio=self.ratios.append,
            resumed_at=lambda: self.resumed_at,
            now=lambda: self.now,
        )

    async def _publish(self, event: EndpointEvent) -> None:
        self.notified.append(event)
        if self.is_killed:
            raise Killed

    async def _disable(self, why: str, _: int) -> None:
        self.disabled.append(why)

    async def attempt(self, worker: int, times: int, outcome: Outcome, *, is_manual: bool = False) -> None:
        """So many attempts with this outcome, of which the worker then reports."""
        for _ in range(times):
            self.now += 1000
            self.workers[worker].settled(_resolution(outcome), outcome, is_manual=is_manual)
        await self.workers[worker].report()

    async def give_up(self, worker: int, times: int) -> None:
        for _ in range(times):
            self.workers[worker].settled(given_up(a_delivery(), "no answer", 10, self.now))
        await self.workers[worker].report()

    @property
    def labels(self) -> list[str]:
        return [one.label for one in self.notified]


def _resolution(outcome: Outcome) -> Resolution:
    return after_attempt(a_delivery(first_at=NOW), outcome, NOW, Schedule())


@pytest.fixture
async def two(redis: RealRedis) -> AsyncIterator[Workers]:
    async with AsyncExitStack() as stack:
        yield Workers(redis, stack)


async def test_operators_are_notified_once_at_each_share_of_the_failures_of_all_workers(two: Workers) -> None:
    await two.attempt(0, 5, FAILED)
    assert two.labels == []
    await two.attempt(1, 5, FAILED)
    assert two.labels == ["failing_50"]
    for worker in (0, 1, 0, 1, 0):
        await two.attempt(worker, 2, FAILED)
    assert two.labels == ["failing_50", "failing_70", "failing_90", "failing_100"]
    await two.attempt(1, 7, FAILED)
    assert len(two.notified) == 4
    assert len({one.event_id for one in two.notified}) == 4
    assert (two.notified[-1].failures, two.notified[-1].limit, two.notified[-1].status) == (20, 20, 500)
    assert two.notified[-1].since == NOW + 1000
    assert two.ratios[-1] == 27 / 20
    assert two.disabled == []


async def test_a_success_of_any_worker_ends_it_and_is_notified_if_the_failures_were(two: Workers) -> None:
    await two.attempt(0, 9, FAILED)
    await two.attempt(1, 1, WORKED)
    await two.attempt(1, 9, FAILED)
    assert two.labels == []
    await two.attempt(0, 1, WORKED)
    await two.attempt(0, 10, FAILED)
    await two.attempt(1, 1, WORKED)
    assert two.labels == ["failing_50", "recovered"]
    assert two.notified[-1].failures == 10
    assert two.ratios[-1] == 0


async def test_what_says_nothing_about_the_endpoint_does_not_count(two: Workers) -> None:
    await two.attempt(0, 9, FAILED)
    await two.attempt(0, 30, FAILED, is_manual=True)
    await two.attempt(0, 30, Retry("429", 429, throttled=True))
    await two.attempt(0, 30, Gone(410, "gone"))
    assert two.labels == []
    await two.attempt(0, 1, FAILED)
    assert two.labels == ["failing_50"]


async def test_an_endpoint_that_counts_as_dead_is_disabled_if_that_is_wanted_and_starts_again_when_resumed(
    two: Workers,
) -> None:
    two.disables = True
    two.workers = [two.joined(), two.joined()]
    await two.attempt(0, 19, FAILED)
    assert two.disabled == []
    await two.attempt(1, 1, FAILED)
    assert two.labels == ["failing_90", "failing_100"]
    (why,) = two.disabled
    assert why.startswith("20 failures in a row")
    two.now += 1000
    two.resumed_at = two.now
    await two.attempt(1, 9, FAILED)
    await two.attempt(0, 1, FAILED)
    assert two.labels[2:] == ["failing_50"]
    assert len(two.disabled) == 1


async def test_one_event_names_all_deliveries_that_were_given_up_and_the_next_comes_an_hour_later(two: Workers) -> None:
    await two.give_up(0, 3)
    await two.give_up(1, 40)
    await two.give_up(0, 2)
    assert [(one.label, one.given_up) for one in two.notified] == [("exhausted", 3)]
    two.now += AGAIN_MS
    await two.give_up(1, 1)
    assert [one.given_up for one in two.notified] == [3, 43]
    assert two.notified[1].since == two.notified[0].at


async def test_a_worker_that_is_killed_while_it_notifies_is_followed_by_one_that_notifies_with_the_same_id(
    two: Workers,
) -> None:
    two.is_killed = True
    with pytest.raises(Killed):
        await two.attempt(0, 10, FAILED)
    two.is_killed = False
    two.workers[0] = two.joined()
    await two.attempt(1, 1, FAILED)
    assert [one.label for one in two.notified] == ["failing_50", "failing_50"]
    assert len({one.event_id for one in two.notified}) == 1
    await two.attempt(1, 1, FAILED)
    assert len(two.notified) == 2


async def test_nothing_is_forgotten_while_redis_is_away_or_has_lost_its_data(two: Workers) -> None:
    await two.attempt(0, 9, FAILED)
    two.redis.kill()
    await two.attempt(0, 4, FAILED)
    assert two.ratios[-1] == 13 / 20
    assert two.labels == []
    two.redis.start()  # without its data
    await two.attempt(0, 1, FAILED)
    assert two.labels == ["failing_70"]
    assert two.notified[-1].failures == 14


def events_of(world: World) -> list[EndpointEvent]:
    return [one for record in world.read("endpoint-events") if (one := decoded(record.value)) is not None]


async def test_operators_are_notified_in_a_topic_and_in_metrics_and_a_replay_is_signed_with_the_secret_of_today(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    nurture = await world.endpoint("nurture", failures="{in_a_row: 4, disable: true}")
    nurture.behave(Behaviour("status", 500))
    metrics = world.directory / "metrics"
    first = world.start(world.job(delays=DIES_AT_ONCE, breaker={"at_least": 1000}, metrics_file=str(metrics)))
    lost = [a_recycle(number) for number in range(5)]
    world.publish(lost[:4])
    await until(lambda: {"failing", "disabled", "exhausted"} <= {one.event for one in events_of(world)}, 40, world.logs)
    assert sum(one.event == "exhausted" for one in events_of(world)) == 1
    assert {one.status for one in events_of(world) if one.event in ("failing", "exhausted")} == {500}
    assert "disabled" in await leadloop(world, "endpoints", "list")
    world.publish(lost[4:])
    assert await stopped(first) == 0
    said = metrics.read_text()
    assert 'leadloop_delivery_attempts_total{endpoint="nurture",kind="first"} 4.0' in said
    assert 'leadloop_endpoint_failures_ratio{endpoint="nurture"} 1.0' in said
    assert 'leadloop_endpoint_events_total{endpoint="nurture",event="disabled"} 1.0' in said

    ids = {one.message_id for one in nurture.tries}
    today = "whsec_" + "B" * 32
    monkeypatch.setenv("LEADLOOP_TEST_SECRET", today)
    nurture.secrets[:] = [today]
    await leadloop(world, "endpoints", "resume", "nurture")
    second = world.start(world.job(delays=(0.0, 600.0), breaker={"at_least": 1000}, metrics_file=str(metrics)))
    await until(lambda: len(nurture.tries) == 5, 40, world.logs)  # what had waited for the endpoint
    nurture.behave(Behaviour())
    assert "replayed 4" in await leadloop(world, "deliveries", "replay", "--endpoint", "nurture")
    await world.wait_finished(of(["nurture"], lost[:4]))
    await until(lambda: len(nurture.messages) == 4)
    assert set(nurture.messages) == ids
    assert not any(one.error for one in nurture.tries)
    await until(lambda: sum(one.outcome == "accepted" for one in world.results()) == 4)
    assert await stopped(second) == 0
    assert 'leadloop_delivery_attempts_total{endpoint="nurture",kind="manual"} 4.0' in metrics.read_text()
