"""An agent pauses an endpoint on a real Kafka: only with the scope, and what it did is recorded with its name."""

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
import yaml

from tests.as_user import environment, worker
from tests.component.mcp_server.test_mcp import OPERATOR, READER, call, over_http, refused
from tests.kafka import Broker
from tests.waiting import wait_for
from tests.world import CODEC, World
from workers.http.keys import digest_of
from workers.report.operator_log import OperatorLog

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

pytestmark = pytest.mark.kafka


@pytest.fixture
def world(kafka: Broker, tmp_path: Path) -> Iterator[World]:
    if kafka.kind == "mock":
        pytest.skip("needs a real Kafka: install java and mvn, or set KAFKA_BOOTSTRAP_SERVERS")
    world = World.on_real(kafka.bootstrap, tmp_path, partitions=2)
    yield world
    world.close()


@pytest.fixture
def address(world: World, redis_url: str, tmp_path: Path) -> Iterator[str]:
    keys = {
        "agent": {"keys": [digest_of(READER)], "scopes": ["read"]},
        "boss": {"keys": [digest_of(OPERATOR)], "scopes": ["read", "operate"]},
    }
    endpoint = {
        "kind": "webhook",
        "url": "http://127.0.0.1:9/",
        "allow_http": True,
        "ports": [9],
        "secrets": [{"env": "LEADLOOP_TEST_SECRET"}],
    }
    documents = {
        "keys.yml": {"sources": keys},
        "endpoints.yml": {"allow_networks": ["127.0.0.0/8"], "endpoints": {"nurture": endpoint}},
    }
    for name, document in documents.items():
        (tmp_path / name).write_text(yaml.safe_dump(document), encoding="utf-8")
    settings = world.env(
        REDIS_URL=redis_url,
        LEADLOOP_KEYS_FILE=str(tmp_path / "keys.yml"),
        LEADLOOP_ENDPOINTS_FILE=str(tmp_path / "endpoints.yml"),
        LEADLOOP_TEST_SECRET=SECRET,
        LEADLOOP_MCP_PORT="0",
    )
    env = environment(**settings)
    log = tmp_path / "mcp.log"
    with worker(env, log, "workers.cli", "mcp", "--http", "--operate"):
        wait_for(lambda: "leadloop mcp: http" in log.read_text(encoding="utf-8"), 60)
        yield log.read_text(encoding="utf-8").split("leadloop mcp: ")[1].split()[0]


def test_an_agent_with_the_scope_pauses_an_endpoint_and_that_is_recorded(world: World, address: str) -> None:
    async def talk() -> None:
        async with over_http(address, READER) as session:
            assert "operate" in await refused(session, "set_endpoint", name="nurture", state="paused", why="no")
        async with over_http(address, OPERATOR) as session:
            done = await call(session, "set_endpoint", name="nurture", state="paused", why="maintenance")
            assert done["data"]["state"] == "paused"
            said = await refused(session, "set_endpoint", name="unknown", state="paused", why="x")
            assert "there is no endpoint unknown; there are: nurture" in said
            trial = await call(session, "replay_deliveries", endpoint="nurture")
            assert trial["data"] == {"replayed": 0, "events_no_longer_kept": 0, "is_trial": True}

    anyio.run(talk)
    log = OperatorLog({"bootstrap.servers": world.bootstrap}, CODEC, world.prefix)
    log.start()
    try:
        wait_for(lambda: [one for one in log.actions() if one.outcome == "done"], 60, "the action is recorded")
        (action,) = log.actions()
        assert (action.action, action.endpoint, action.by, action.why) == (
            *("pause", "nurture", "mcp:boss", "maintenance"),
        )
        state = log.state("nurture")
        assert state is not None
        assert state.state == "paused"
    finally:
        log.stop()
