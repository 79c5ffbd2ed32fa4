"""A policy with shorter promises makes many leads due at once: nothing is dropped, and endpoints keep their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import a_created, a_reply
from tests.component.delivery.days import noon
from tests.component.projection.harness import said
from tests.component.scenarios.live_loop import PARTITIONS, WAITING, LiveLoop, ScenarioLead, ago, now
from tests.waiting import wait_for
from tests.world import World
from workers.delivery.core.model import RetryState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kafka import Broker

pytestmark = pytest.mark.kafka

LEADS = [f"lead-{n}" for n in range(500)]
PER_SECOND, BURST, PER_DAY = 50, 5, 120
LIMITS: dict[str, dict[str, Any]] = {
    "paced": {"per_second": PER_SECOND, "burst": BURST},
    "budgeted": {"per_second": 1_000, "burst": 100, "per_day": PER_DAY, "timezone": noon().key},
}
POLICY = """version: "{version}"
promises: {{ never_contacted: {hours} hours, no_follow_up: off, no_progress: off, max_attempts: off }}
reasons: {{ never_contacted: {{ track: introduce-again }} }}
"""
BEFORE, AFTER = POLICY.format(version="before", hours=10), POLICY.format(version="after", hours=2)


@pytest.fixture
def loop(real_kafka: Broker, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveLoop]:
    world = World.on_real(real_kafka.bootstrap, tmp_path_factory.mktemp("at-once"), PARTITIONS)
    loop = LiveLoop(world, redis_url, BEFORE, LIMITS)
    try:
        loop.wait_ready()
        yield loop
        assert world.dead_letters() == []
    finally:
        loop.close()


def test_what_falls_due_at_once_reaches_endpoints_at_the_pace_of_their_limits_and_nothing_is_dropped(
    loop: LiveLoop, redis_url: str
) -> None:
    world = loop.world
    world.send(*(a_created(lead, ago(3)) for lead in LEADS))
    foreseen_to_fall_due_at_once(world, redis_url)

    (world.folder / "policy.yml").write_text(AFTER, encoding="utf-8")
    wait_for(lambda: len(loop.received("paced")) == len(LEADS), 60, "the endpoint without a budget has all")
    arrivals = loop.arrivals("paced")
    assert arrivals[-1] - arrivals[0] > (len(LEADS) - BURST) / PER_SECOND - 1
    assert {one["lead_id"] for one in loop.received("paced")} == set(LEADS)
    wait_for(lambda: len(waiting_for_tomorrow(loop)) == len(LEADS) - PER_DAY, 60, "the rest waits for the next day")
    sent = {one["lead_id"] for one in loop.received("budgeted")}
    assert len(sent) == len(loop.arrivals("budgeted")) == PER_DAY
    assert sent.isdisjoint(waiting_for_tomorrow(loop))
    assert {result.outcome for lead in LEADS for result in loop.outputs.of("delivery-results", lead)} == {"accepted"}

    contacted, waiting = ScenarioLead(loop, min(sent)), ScenarioLead(loop, min(waiting_for_tomorrow(loop)))
    world.send(*(a_reply(lead.lead_id, now()) for lead in (contacted, waiting)))
    wait_for(
        lambda: len(loop.received("budgeted")) == PER_DAY + 1, 60, "the REVOKE is sent although the budget is spent"
    )
    assert [(one["lead_id"], one["action"]) for one in loop.received("budgeted")][-1] == (contacted.lead_id, "REVOKE")
    wait_for(lambda: sorted(waiting.outcomes("REVOKE")) == ["accepted", "no_op"], 60, "only one of the two has it")


def foreseen_to_fall_due_at_once(world: World, redis_url: str) -> None:
    """A preview before: all leads that the read model knows."""
    (world.folder / "before.yml").write_text(BEFORE, encoding="utf-8")
    (world.folder / "after.yml").write_text(AFTER, encoding="utf-8")
    files = [str(world.folder / name) for name in ("before.yml", "after.yml")]

    def is_foreseen() -> bool:
        code, text = said(world, redis_url, world.app_id, "policy", "diff", *files, "--read-model")
        return code == 1 and f"{len(LEADS)} would fall due at once" in text

    wait_for(is_foreseen, 60, "the preview counts all leads", every=1)


def waiting_for_tomorrow(loop: LiveLoop) -> set[str]:
    """The leads of which a RECYCLE waits for the next day's budget."""
    found = set()
    for name in WAITING:
        for message in loop.world.read(name):
            retry = RetryState.of(message.headers())
            if (retry.endpoint, retry.why) == ("budgeted", "day") and retry.held_until:
                found.add(message.key().decode())
    return found
