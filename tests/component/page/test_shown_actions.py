"""What an operator did is in the log when their request is answered, so that the next page shows it."""

import asyncio

import pytest

from tests.kafka import Broker
from tests.waiting import TIMEOUT
from tests.world import CODEC, World
from workers.delivery.operator_actions import OperatorActs
from workers.report import actions
from workers.report.access.reader import PageReader

ROUNDS = 5
STATES: dict[OperatorActs, str] = {"pause": "paused", "resume": "active"}

pytestmark = pytest.mark.kafka


def test_what_was_done_is_shown_when_the_request_is_answered(
    kafka: Broker, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kafka.kind == "mock":
        pytest.skip("needs a real Kafka: install java and mvn, or set KAFKA_BOOTSTRAP_SERVERS")
    monkeypatch.setattr(actions, "SHOWN_SECONDS", TIMEOUT)
    world = World.on_real(kafka.bootstrap, tmp_path_factory.mktemp("actions"), partitions=2)
    asyncio.run(_pause_and_resume(world))


async def _pause_and_resume(world: World) -> None:
    acting = actions.Actions({"bootstrap.servers": world.bootstrap}, CODEC, world.prefix)
    acting.start()
    operator = PageReader("ops", "operator", "key", "session")
    try:
        for number in range(ROUNDS):
            for action, expected in STATES.items():
                await acting.act(operator, action, "nurture", f"round {number}")
                state, newest = acting.log.state("nurture"), acting.log.actions()[0]
                assert state is not None
                assert (state.state, state.why) == (expected, f"round {number}")
                assert (newest.action, newest.outcome, newest.why) == (action, "done", f"round {number}")
        await acting.act(operator, "replay", "nurture", "")
        assert "replay" in {one.action for one in acting.log.actions()}
    finally:
        await acting.stop()
