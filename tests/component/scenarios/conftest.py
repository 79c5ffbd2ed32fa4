"""One live loop for all scenarios of a module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.component.scenarios.live_loop import PARTITIONS, LiveLoop
from tests.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kafka import Broker

POLICY = """
version: scenarios
promises: {never_contacted: off, no_follow_up: off, no_progress: off, max_attempts: off}
rules:
  - when: {segment: promised}
    promises: {never_contacted: 2 days, no_follow_up: 7 days}
  - when: {segment: escalated}
    promises: {never_contacted: 1 hour}
reasons:
  never_contacted: {track: introduce-again, escalate: 1 hour}
  no_follow_up: {track: keep-warm}
  bad_timing: {track: right-time}
  no_budget: {track: value, cooldown: 1 minute}
  price: {track: offer, delay: 1 hour}
  invalid: never
limits: {cooldown: 0 days}
"""
"""Only leads of two segments are promised anything. ESCALATE gives sales an hour; only `no_budget` has a cooldown."""


@pytest.fixture(scope="module")
def loop(real_kafka: Broker, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveLoop]:
    world = World.on_real(real_kafka.bootstrap, tmp_path_factory.mktemp("scenarios"), PARTITIONS)
    loop = LiveLoop(world, redis_url, POLICY)
    try:
        loop.wait_ready()
        yield loop
        assert world.dead_letters() == []
        audit = loop.audit()
        assert audit.differences == []
        assert [stall for stall in audit.open_stalls if stall.waits_for == "nothing"] == []
        assert audit.result.not_judged == {}
    finally:
        loop.close()
