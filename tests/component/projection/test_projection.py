"""The read side on a real Kafka and a real Redis: what streams told is what is read, whatever breaks meanwhile."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from redis import Redis
from redis.exceptions import RedisError

from schemas.topics import INPUTS
from streams.domain.funnel import STEPS
from tests.audited import audit_of
from tests.builders import T0, a_created
from tests.component.projection.crash import EXIT, POINTS, SWEPT, WRITES
from tests.component.projection.harness import CHECKS, KEY, Process, copied, env, filled, project, said, whole
from tests.component.projection.histories import POLICY, deliver_some, histories
from tests.kafka import Broker
from tests.projected import content
from tests.redis import RealRedis
from tests.waiting import TIMEOUT, wait_for
from tests.world import CODEC, World

LEADS = 300
ARMED = "tests.component.projection"

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def processed(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world in which streams has processed every input; its worker still runs."""
    if kafka.kind == "mock":
        pytest.skip("needs a real Kafka: install java and mvn, or set KAFKA_BOOTSTRAP_SERVERS")
    world = World.on_real(kafka.bootstrap, tmp_path_factory.mktemp("processed"), partitions=3)
    policy = world.folder / "policy.yml"
    policy.write_text(POLICY, encoding="utf-8")
    histories(world, LEADS)
    world.streams(LEADLOOP_POLICY_FILE=str(policy)).wait_ready(60)
    world.settle(120, INPUTS)
    deliver_some(world)
    yield world
    world.close()


@pytest.fixture(scope="module")
def rebuilt(processed: World, redis_url: str) -> tuple[str, dict[str, Any]]:
    """The app that one clean pass over the log was made for, and what Redis holds of it."""
    app_id = f"clean{uuid4().hex[:8]}"
    filled(processed, redis_url, app_id)
    return app_id, content(Redis.from_url(redis_url), app_id)


@pytest.fixture(scope="module")
def report(processed: World, redis_url: str, rebuilt: Any) -> Iterator[Process]:
    settings = env(processed, redis_url, rebuilt[0])
    report = Process(processed.folder / "report.log", settings, "workers.cli", "report")
    try:
        report.wait_ready()
        yield report
    finally:
        report.kill()


def test_every_lead_has_its_newest_snapshot_and_its_whole_timeline(processed: World, rebuilt: Any) -> None:
    _, found = rebuilt
    assert len([name for name in found if name.startswith("lead:")]) == LEADS
    stages = processed.published().stages
    assert {n.removeprefix("list:stage:"): len(m) for n, m in found.items() if n.startswith("list:stage:")} == stages


def test_the_audit_finds_in_redis_what_the_topics_say(processed: World, redis_url: str, rebuilt: Any) -> None:
    """What crashed or began again is compared with this read model, so all of them are as the topics say."""
    env = {"REDIS_URL": redis_url, "LEADLOOP_APP_ID": rebuilt[0]}
    found = audit_of(processed, processed.folder / "policy.yml", more=env)
    assert [str(one) for one in found.differences if one.kind == "read_model"] == []
    assert dict(found.result.read_model) == {"compared": LEADS}


def test_the_funnel_has_the_numbers_that_streams_exports(processed: World, report: Process) -> None:
    rows = {
        (label, row["value"] or "unknown", step): float(count)
        for label in ("1", "2", "3", "4+")
        for row in json.loads(report.get(f"/v1/funnel?by=origin&pass={label.replace('+', '%2B')}", KEY)[1])["rows"]
        for step, count in row.items()
        if step in STEPS and count
    }
    exported = re.findall(
        r'^leadloop_funnel_leads\{origin="([^"]*)",pass="([^"]*)",step="([^"]*)"\} (\S+)$',
        processed.workers[0].metrics(),
        re.MULTILINE,
    )
    assert rows == {(label, origin, step): float(n) for origin, label, step, n in exported if float(n)}
    assert len(rows) > 20


@pytest.mark.parametrize("examples", [20, pytest.param(200, marks=pytest.mark.soak)])
def test_schemathesis_finds_no_5xx_and_no_undocumented_answer(processed: World, report: Process, examples: int) -> None:
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "st"),
            *("run", f"{report.address()}/openapi.json", "--max-examples", str(examples), "--seed", "1", "--no-color"),
            *("-H", f"Authorization: Bearer {KEY}", "--checks", ",".join(CHECKS)),
        ],
        capture_output=True,
        text=True,
        cwd=processed.folder,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr


def test_the_command_line_shows_a_lead_and_the_funnel(processed: World, redis_url: str, rebuilt: Any) -> None:
    app_id, _ = rebuilt
    code, text = said(processed, redis_url, app_id, "lead", "lead-1", "--json")
    assert code == 0
    assert json.loads(text)["timeline"][0]["kind"] == "created"
    code, text = said(processed, redis_url, app_id, "lead", "lead-1")
    assert (code, "lead-1: " in text, "created" in text) == (0, True, True)
    code, text = said(processed, redis_url, app_id, "funnel", "--by", "owner")
    assert (code, "ann" in text, "won back" in text) == (0, True, True)


def test_the_command_line_says_what_is_not_there(processed: World, redis_url: str, rebuilt: Any) -> None:
    app_id, _ = rebuilt
    assert said(processed, redis_url, app_id, "lead", "nobody") == (2, "no lead nobody is known\n")
    code, text = said(processed, redis_url, "never", "funnel")
    assert (code, "`leadloop project` makes it" in text) == (2, True)
    code, text = said(processed, "redis://127.0.0.1:1/0", app_id, "funnel")
    assert (code, "Redis does not answer" in text) == (2, True)


def _generations(redis_url: str, app_id: str) -> int:
    """Generations of which anything is left."""
    keys = Redis.from_url(redis_url).scan_iter(match=f"leadloop:{app_id}:g*:*", count=5000)
    return len({key.split(b":")[2] for key in keys})


def test_every_write_to_redis_has_its_crash_points(processed: World, redis_url: str, rebuilt: Any) -> None:
    app_id, file, redis = f"noted{uuid4().hex[:8]}", processed.folder / "noted", Redis.from_url(redis_url)
    copied(redis_url, rebuilt[0], app_id)
    process = project(processed, redis_url, app_id, ARMED, f"note:{file}", "--rebuild")
    try:
        whole(process, 120)
        wait_for(lambda: _generations(redis_url, app_id) == 1, 30, "what was before is gone")
    finally:
        process.kill()
    commands: Any = redis.command()
    sent = {line.partition("_")[2] for line in file.read_text(encoding="ascii").splitlines()}
    writing = {name for name in sent if "write" in commands.get(name, {}).get("flags", ())}
    assert writing | {"exec"} == set(WRITES)
    assert content(redis, app_id) == rebuilt[1]


@pytest.fixture(scope="module")
def crashed(processed: World, redis_url: str, rebuilt: Any) -> dict[str, tuple[int, dict[str, Any]]]:
    """By point: how the process that had it armed ended, and what the next one made of it.

    All crash first: the group has then forgotten most of those who did when the next ones join it.
    """
    apps = {point: f"crash{uuid4().hex[:8]}" for point in POINTS}

    def crash(point: str) -> int:
        is_swept = point.partition("_")[2].partition(":")[0] in SWEPT
        if is_swept:
            copied(redis_url, rebuilt[0], apps[point])
        process = project(processed, redis_url, apps[point], ARMED, point, *(["--rebuild"] if is_swept else []))
        try:
            return process.ended()
        finally:
            process.kill()

    def go_on(point: str) -> dict[str, Any]:
        process = project(processed, redis_url, apps[point], ARMED, "")
        try:
            whole(process, 120)
            wait_for(lambda: _generations(redis_url, apps[point]) == 1, 30, "what is read no longer is gone")
        finally:
            process.kill()
        return content(Redis.from_url(redis_url), apps[point])

    with ThreadPoolExecutor(6) as pool:
        ended = list(pool.map(crash, POINTS))
        found = list(pool.map(go_on, POINTS))
    return dict(zip(POINTS, zip(ended, found, strict=True), strict=True))


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_changes_nothing_in_the_end(crashed: Any, rebuilt: Any, point: str) -> None:
    ended, found = crashed[point]
    assert ended == EXIT
    assert found == rebuilt[1]


def test_a_redis_that_is_killed_and_comes_back_empty_is_filled_again(
    processed: World, own_redis: RealRedis, rebuilt: Any
) -> None:
    app_id = f"killed{uuid4().hex[:8]}"
    process = project(processed, own_redis.url, app_id)
    report = Process(processed.folder / "killed.log", env(processed, own_redis.url, app_id), "workers.cli", "report")
    try:
        wait_for(lambda: _leads(own_redis, app_id) > 20, 60, "some leads are in")
        own_redis.kill()
        wait_for(lambda: process.metric("project_waiting", what="redis") == 1, 30, "it waits for Redis")
        assert process.get("/readyz")[0] == 503
        status, body = report.get("/v1/leads", KEY)
        assert (status, json.loads(body)["status"]) == (503, 503)
        own_redis.start()
        whole(process)
        assert content(own_redis.client(), app_id) == rebuilt[1]
        report.wait_ready()
        assert report.get("/v1/leads/lead-1", KEY)[0] == 200
    finally:
        process.kill()
        report.kill()


def _leads(redis: RealRedis, app_id: str) -> int:
    try:
        return len(list(redis.client().scan_iter(match=f"leadloop:{app_id}:g*:lead:*", count=5000)))
    except RedisError:
        return 0


def test_a_redis_that_lacks_its_replicas_is_waited_for(processed: World, own_redis: RealRedis, rebuilt: Any) -> None:
    app_id, client = f"alone{uuid4().hex[:8]}", own_redis.client()
    client.config_set("min-replicas-to-write", "1")
    process = project(processed, own_redis.url, app_id)
    try:
        process.address()
        wait_for(lambda: process.metric("project_waiting", what="redis") == 1, 60, "it waits for Redis")
        client.config_set("min-replicas-to-write", "0")
        whole(process)
        assert content(client, app_id) == rebuilt[1]
    finally:
        process.kill()


def test_a_redis_without_memory_is_waited_for_and_said(processed: World, own_redis: RealRedis, rebuilt: Any) -> None:
    app_id, client = f"full{uuid4().hex[:8]}", own_redis.client()
    client.config_set("maxmemory", "2500kb")
    process = project(processed, own_redis.url, app_id)
    try:
        process.address()
        wait_for(lambda: process.metric("project_waiting", what="redis_full") == 1, 60, "Redis is full")
        assert "no memory left" in process.said()
        client.config_set("maxmemory", "0")
        whole(process)
        assert content(client, app_id) == rebuilt[1]
    finally:
        process.kill()


def test_a_redis_that_may_drop_keys_is_refused(processed: World, own_redis: RealRedis) -> None:
    own_redis.client().config_set("maxmemory-policy", "allkeys-lru")
    process = project(processed, own_redis.url, f"lru{uuid4().hex[:8]}")
    assert process.ended() == 2
    assert "maxmemory-policy allkeys-lru" in process.said()


def test_a_transaction_that_an_upstream_leaves_open_holds_nothing_up(
    real_kafka: Broker, tmp_path: Path, redis_url: str
) -> None:
    world = World.on_real(real_kafka.bootstrap, tmp_path, partitions=1)
    patient = {"transactional.id": f"open{uuid4().hex}", "transaction.timeout.ms": 900_000}
    upstream = Producer({"bootstrap.servers": real_kafka.bootstrap, **patient})
    upstream.init_transactions(60)
    upstream.begin_transaction()
    upstream.produce(world.prefix + "lead-created", CODEC.encode(a_created("lead-1", T0)), "lead-1")
    upstream.flush(60)
    process = project(world, redis_url, f"open{uuid4().hex[:8]}")
    try:
        whole(process)  # streams has taken it in as well
    finally:
        process.kill()
        upstream.abort_transaction(60)


def test_two_members_share_the_work_and_one_takes_over(processed: World, redis_url: str, rebuilt: Any) -> None:
    app_id = f"two{uuid4().hex[:8]}"
    first, second = project(processed, redis_url, app_id), project(processed, redis_url, app_id)
    try:
        wait_for(lambda: Redis.from_url(redis_url).exists(f"leadloop:{app_id}:current") == 1, 240, "it is whole")
        first.process.terminate()
        assert first.ended() == 0
        whole(second)
        assert content(Redis.from_url(redis_url), app_id) == rebuilt[1]
    finally:
        first.kill()
        second.kill()
