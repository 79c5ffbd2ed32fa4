"""With the rights of deploy/, on a Kafka that enforces them: all views, and everything that an operator does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import anyio
import pytest
import yaml

from schemas.events import EndpointState
from tests.as_user import worker
from tests.component.mcp_server.test_acting import SECRET
from tests.component.mcp_server.test_mcp import call, over_http
from tests.component.page.served_page import DEAD, LEAD_IDS, OPERATOR, Visitor, served
from tests.component.projection.harness import KEY
from tests.guarded_kafka import GuardedKafka
from tests.kafka_records import read_all
from tests.started import started
from tests.waiting import TIMEOUT, wait_for
from tests.world import APP_ID, World
from workers.delivery.operator_actions import who
from workers.report.page.frame import VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.component.projection.harness import Process

pytestmark = [pytest.mark.kafka, pytest.mark.soak]  # a broker of its own, and all processes


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    kafka = started(lambda: GuardedKafka(tmp_path_factory.mktemp("guarded")))
    try:
        kafka.grant()
        yield kafka
    finally:
        kafka.kill()


@pytest.fixture(scope="module")
def world(guarded: GuardedKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The topics and the group that the rights are for; events and streams come in as the superuser."""
    world = World(guarded.bootstrap, tmp_path_factory.mktemp("acting"), partitions=2)
    world.prefix, world.app_id = "", APP_ID
    guarded.run("topics", "topics", "create", cwd=world.folder)
    yield world
    world.close()


@pytest.fixture(scope="module")
def report(guarded: GuardedKafka, world: World, redis_url: str) -> Iterator[Process]:
    """`leadloop report` and `leadloop project`, each as its user."""
    projecting, reporting = guarded.credentials("project"), guarded.credentials("report")
    with served(world, redis_url, APP_ID, projecting, **reporting) as process:
        yield process


@pytest.fixture
def operator(report: Process) -> Iterator[Visitor]:
    visitor = Visitor(report.address()).signed_in(OPERATOR)
    yield visitor
    visitor.close()


def outcomes(world: World, by: str) -> list[tuple[str, str, str]]:
    """The actions of somebody, and how they ended."""
    records = [json.loads(one.value or b"") for one in read_all(world.bootstrap, "operator-actions")]
    return [(one["action"], one["endpoint"], one["outcome"]) for one in records if one["by"] == by]


def state(world: World, endpoint: str) -> str:
    """The newest word about an endpoint."""
    states = [one for one in world.decoded("endpoint-states") if isinstance(one, EndpointState)]
    return next((one.state for one in reversed(states) if one.endpoint == endpoint), "active")


def test_every_view_answers_with_what_kafka_says(operator: Visitor, report: Process) -> None:
    for path in [*(path for path, _ in VIEWS), f"/lead?id={LEAD_IDS[0]}", "/leads", "/v1/leads", "/v1/overview"]:
        answer = operator.get(path)
        assert answer.status_code == 200, (path, answer.text)
        assert "cannot be read" not in answer.text, path
    wait_for(lambda: "State of the tools" in operator.get("/delivery").text, TIMEOUT, "the tools are shown")
    wait_for(lambda: "being read" not in operator.get("/delivery").text, TIMEOUT, "the states are read")
    assert "uthorization" not in report.said()


def test_an_operator_pauses_resumes_and_replays_with_the_rights_of_report(operator: Visitor, world: World) -> None:
    for action, expected in (("pause", "paused"), ("resume", "active")):
        assert operator.act(action, DEAD, "with its rights").status_code == 303
        assert state(world, DEAD) == expected
    assert operator.act("replay", DEAD).status_code == 303
    wait_for(lambda: ("replay", DEAD, "done") in outcomes(world, "key:ops"), TIMEOUT, "the replay is recorded")
    assert {one for one in outcomes(world, "key:ops") if one[2] == "done"} == {
        (action, DEAD, "done") for action in ("pause", "resume", "replay")
    }
    assert read_all(world.bootstrap, "delivery-wait-1s")
    wait_for(lambda: "with its rights" in operator.get("/delivery").text, TIMEOUT, "the page shows what was done")


def test_who_may_only_read_is_refused_before_kafka_is_asked(report: Process, world: World) -> None:
    viewer = Visitor(report.address()).signed_in(KEY)
    assert viewer.post("/delivery/act", action="pause", endpoint=DEAD, token="x").status_code == 403  # noqa: S106
    assert outcomes(world, "key:test") == []
    viewer.close()


@pytest.fixture
def endpoints(world: World) -> dict[str, str]:
    """Settings of whoever names endpoints by a file."""
    webhook = {"kind": "webhook", "url": "http://127.0.0.1:9/", "allow_http": True, "ports": [9]}
    named = {DEAD: {**webhook, "secrets": [{"env": "LEADLOOP_TEST_SECRET"}]}}
    path = world.folder / "endpoints.yml"
    path.write_text(yaml.safe_dump({"allow_networks": ["127.0.0.0/8"], "endpoints": named}), encoding="utf-8")
    return {"LEADLOOP_ENDPOINTS_FILE": str(path), "LEADLOOP_TEST_SECRET": SECRET}


@pytest.mark.usefixtures("report")
def test_an_agent_acts_with_the_rights_of_report(
    guarded: GuardedKafka, world: World, redis_url: str, endpoints: dict[str, str]
) -> None:
    reading = {"REDIS_URL": redis_url, "LEADLOOP_KEYS_FILE": str(world.folder / "keys.yml"), "LEADLOOP_MCP_PORT": "0"}
    env, log = guarded.env("report", **reading, **endpoints), world.folder / "mcp.log"

    async def act(address: str) -> None:
        async with over_http(address, OPERATOR) as session:
            assert (await call(session, "find_leads", filters={}))["total"] == len(LEAD_IDS)
            for state in ("paused", "active"):
                done = await call(session, "set_endpoint", name=DEAD, state=state, why="an agent")
                assert done["data"]["state"] == state
            trial = await call(session, "replay_deliveries", endpoint=DEAD)
            assert trial["data"]["replayed"] > 0
            await call(session, "replay_deliveries", endpoint=DEAD, is_trial=False)

    with worker(env, log, "workers.cli", "mcp", "--http", "--operate"):
        wait_for(lambda: "leadloop mcp: http" in log.read_text(encoding="utf-8"), 60)
        anyio.run(act, log.read_text(encoding="utf-8").split("leadloop mcp: ")[1].split()[0])
    done = [action for action, _, outcome in outcomes(world, "mcp:ops") if outcome == "done"]
    assert done == ["pause", "resume", "replay"]


@pytest.mark.usefixtures("report")
def test_the_command_line_acts_with_the_rights_of_operate(
    guarded: GuardedKafka, world: World, endpoints: dict[str, str]
) -> None:
    before = len(read_all(world.bootstrap, "delivery-wait-1s"))

    def said(*arguments: str) -> str:
        done = guarded.tried("operate", *arguments, cwd=world.folder, **endpoints)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    said("endpoints", "pause", DEAD, "--why", "by hand")
    assert "paused" in said("endpoints", "list")
    assert state(world, DEAD) == "paused"
    said("endpoints", "resume", DEAD)
    assert DEAD in said("deliveries", "list")
    said("deliveries", "replay", "--endpoint", DEAD)
    assert len(read_all(world.bootstrap, "delivery-wait-1s")) > before
    by_hand = [action for action, _, outcome in outcomes(world, who()) if outcome == "done"]
    assert by_hand == ["pause", "resume", "replay"]
