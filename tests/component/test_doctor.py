"""`leadloop doctor` on a real Kafka and a real Redis: what is well, what is not, and what it says to do."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from schemas.events import Heartbeat
from schemas.topics import TOPICS, changelog_of
from tests.kafka import Broker, RealKafka
from tests.redis import RealRedis
from tests.started import started
from tests.waiting import TIMEOUT
from tests.world import CODEC, World
from workers.http.keys import digest_of, new_key

NOBODY = "127.0.0.1:9"
SECRET = "whsec_" + "A" * 32  # the one thing that must never be shown
ENDPOINTS = """
allow_networks: [127.0.0.0/8]
endpoints:
  nurture: {kind: webhook, url: "http://127.0.0.1:8030", allow_http: true, ports: [8030], secrets: [{env: THE_SECRET}]}
"""


class Seen:
    """What doctor said: its exit code, and its findings."""

    def __init__(self, done: "subprocess.CompletedProcess[str]") -> None:
        self.code = done.returncode
        self.text = done.stdout + done.stderr
        self.rows: list[dict[str, str]] = [json.loads(line) for line in done.stdout.splitlines()]

    def one(self, about: str, verdict: str) -> dict[str, str]:
        """The finding about something, with this verdict."""
        found = [row for row in self.rows if (row["about"], row["verdict"]) == (about, verdict)]
        assert found, (self.code, self.text)
        return found[0]

    @property
    def failed(self) -> list[str]:
        return [row["about"] for row in self.rows if row["verdict"] == "fail"]


def run(env: Mapping[str, str], *options: str) -> "subprocess.CompletedProcess[str]":
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LEADLOOP_", "KAFKA_", "SCHEMA_", "REDIS_"))}
    command = [sys.executable, "-m", "workers.cli", "doctor", *options]
    return subprocess.run(command, env={**clean, **env}, capture_output=True, text=True, timeout=TIMEOUT, check=False)


def examine(env: Mapping[str, str], *options: str) -> Seen:
    return Seen(run(env, "--json", *options))


@pytest.fixture
def world(real_kafka: Broker, tmp_path: Path) -> Iterator[World]:
    world = World.on_real(real_kafka.bootstrap, tmp_path)
    yield world
    world.close()


class SmallKafka(RealKafka):
    """One node with the settings of three, which therefore cannot create `__transaction_state`."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        with self._properties.open("a") as properties:
            properties.write("transaction.state.log.replication.factor=3\nproducer.id.expiration.ms=600000\n")


@pytest.fixture
def small_kafka(tmp_path: Path) -> Iterator[RealKafka]:
    kafka = started(lambda: SmallKafka(tmp_path / "kafka"))
    yield kafka
    kafka.kill()


@pytest.fixture
def env(world: World, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """Everything set, and everything well."""
    (tmp_path / "keys.yml").write_text(f"sources:\n  crm:\n    keys: [{digest_of(new_key())}]\n")
    (tmp_path / "endpoints.yml").write_text(ENDPOINTS)
    files = {name: str(tmp_path / f"{name}.yml") for name in ("keys", "endpoints")}
    return world.env(
        REDIS_URL=redis_url,
        LEADLOOP_KEYS_FILE=files["keys"],
        LEADLOOP_ENDPOINTS_FILE=files["endpoints"],
        THE_SECRET=SECRET,
    )


def test_where_all_is_well_nothing_fails(world: World, env: dict[str, str]) -> None:
    worker = world.streams()
    worker.wait_ready()
    seen = examine(env, "--probe", f"http://127.0.0.1:{worker.port()}")
    assert (seen.code, seen.failed) == (0, []), seen.text
    well = (
        "settings",
        "policy",
        "keys",
        "kafka",
        "topics",
        "transactions",
        "redis",
        "data dir",
        "clock",
        "dead letters",
    )
    for about in (*well, "endpoint nurture"):
        seen.one(about, "ok")
    assert seen.one("group of streams", "ok")["found"].startswith("1 member of version ")
    assert seen.one(f"probe 127.0.0.1:{worker.port()}", "ok")["found"] == "ready"
    assert "leadloop project" in seen.one("group of project", "warn")["todo"]
    assert "LEADLOOP_REPLICATION=3" in seen.one("replication", "warn")["todo"]
    assert SECRET not in seen.text


def test_a_table_is_for_people(env: dict[str, str]) -> None:
    done = run(env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failed" in done.stdout
    assert SECRET not in done.stdout


def test_it_makes_nothing_and_changes_nothing(real_kafka: Broker, tmp_path: Path, env: dict[str, str]) -> None:
    def known() -> dict[str, int]:
        topics = AdminClient({"bootstrap.servers": real_kafka.bootstrap}).list_topics(timeout=20).topics
        return {name: len(topic.partitions) for name, topic in topics.items() if not name.startswith("__")}

    before = known()
    examine(World(real_kafka.bootstrap, tmp_path).env(LEADLOOP_DATA_DIR=str(tmp_path / "none" / "such")))
    examine(env)
    assert known() == before
    assert not (tmp_path / "none").exists()


@pytest.mark.kafka
def test_a_cluster_that_nobody_has_used_yet_has_no_fault(own_kafka: RealKafka, tmp_path: Path, redis_url: str) -> None:
    world = World.on_real(own_kafka.bootstrap, tmp_path)
    seen = examine(world.env(REDIS_URL=redis_url))
    world.close()
    assert (seen.code, seen.failed) == (0, []), seen.text
    for process in ("streams", "deliver", "project"):
        assert "it has never run" in seen.one(f"group of {process}", "warn")["found"]


@pytest.mark.kafka
def test_a_cluster_that_cannot_have_transaction_coordinators_is_recognised(
    small_kafka: RealKafka, tmp_path: Path, redis_url: str
) -> None:
    world = World.on_real(small_kafka.bootstrap, tmp_path)
    seen = examine(world.env(REDIS_URL=redis_url))
    world.close()
    finding = seen.one("transactions", "fail")
    assert f"{world.prefix}{changelog_of(world.app_id).name}-0" in finding["found"]
    assert "transaction.state.log.replication.factor" in finding["todo"]
    assert "producer.id.expiration.ms=600000" in seen.one("transactions", "warn")["found"]


def test_topics_that_are_missing_are_named_with_the_command_that_makes_them(
    real_kafka: Broker, tmp_path: Path, redis_url: str
) -> None:
    world = World(real_kafka.bootstrap, tmp_path)
    seen = examine(world.env(REDIS_URL=redis_url))
    finding = seen.one("topics", "fail")
    assert (seen.code, seen.failed) == (1, ["topics"]), seen.text
    assert f"{world.prefix}lead-created" in finding["found"]
    assert finding["todo"] == "run `leadloop topics create`"


def test_other_numbers_of_partitions_are_named(env: dict[str, str]) -> None:
    seen = examine(env | {"LEADLOOP_PARTITIONS": "6"})
    finding = seen.one("topics", "fail")
    assert (seen.code, seen.failed) == (1, ["topics"]), seen.text
    assert "have 4 partitions, not LEADLOOP_PARTITIONS=6" in finding["found"]
    assert "set LEADLOOP_PARTITIONS=4" in finding["todo"]


def test_a_topic_that_is_unlike_the_others_is_named(real_kafka: Broker, tmp_path: Path, redis_url: str) -> None:
    world = World(real_kafka.bootstrap, tmp_path)
    odd = {"lead-created": 3}
    names = {world.prefix + one: odd.get(one, TOPICS[one].partitions or 4) for one in TOPICS}
    names[world.prefix + changelog_of(world.app_id).name] = 4
    config: dict[str, dict[str, str]] = {world.prefix + one: TOPICS[one].config for one in TOPICS}
    config[world.prefix + changelog_of(world.app_id).name] = {"cleanup.policy": "delete"}
    real_kafka.make_topics(names, config)
    seen = examine(world.env(REDIS_URL=redis_url))
    assert "has 3 partitions, not 4" in seen.one(f"{world.prefix}lead-created", "fail")["found"]
    changelog = seen.one(world.prefix + changelog_of(world.app_id).name, "fail")
    assert "cleanup.policy=delete, not compact" in changelog["found"]
    assert changelog["todo"].startswith("run kafka-configs --alter")
    assert seen.code == 1


def test_a_redis_that_drops_keys_is_not_fit(own_redis: RealRedis, env: dict[str, str]) -> None:
    client: Any = own_redis.client()
    client.config_set("maxmemory-policy", "allkeys-lru")
    seen = examine(env | {"REDIS_URL": own_redis.url})
    finding = seen.one("redis", "fail")
    assert (seen.code, seen.failed) == (1, ["redis"]), seen.text
    assert "allkeys-lru" in finding["found"]
    assert "noeviction" in finding["todo"]


def test_a_broker_that_is_away_keeps_nothing_else_from_being_looked_at(env: dict[str, str]) -> None:
    seen = examine(env | {"KAFKA_BOOTSTRAP_SERVERS": NOBODY})
    assert (seen.code, seen.failed) == (1, ["kafka"]), seen.text
    assert "Connection refused" in seen.one("kafka", "fail")["found"]
    assert "KAFKA_BOOTSTRAP_SERVERS" in seen.one("kafka", "fail")["todo"]
    seen.one("redis", "ok")
    seen.one("endpoint nurture", "ok")
    assert "groups" in seen.one("left out", "warn")["found"]


def test_a_redis_that_is_away_keeps_nothing_else_from_being_looked_at(env: dict[str, str]) -> None:
    seen = examine(env | {"REDIS_URL": f"redis://:{SECRET}@{NOBODY}/0"})
    assert (seen.code, seen.failed) == (1, ["redis"]), seen.text
    seen.one("topics", "ok")
    assert SECRET not in seen.text


def test_a_registry_that_is_away_keeps_nothing_else_from_being_looked_at(env: dict[str, str]) -> None:
    seen = examine(env | {"SCHEMA_REGISTRY_URL": f"http://{NOBODY}"})
    assert (seen.code, set(seen.failed)) == (1, {"registry"}), seen.text
    assert "SCHEMA_REGISTRY_URL" in seen.one("registry", "fail")["todo"]
    seen.one("topics", "ok")


def test_a_slip_in_the_policy_is_named_with_its_line(env: dict[str, str], tmp_path: Path) -> None:
    policy = tmp_path / "policy.yml"
    policy.write_text("version: mine\npromises: {never_contacted: soon}\n")
    seen = examine(env | {"LEADLOOP_POLICY_FILE": str(policy)})
    assert (seen.code, seen.failed) == (1, ["policy"]), seen.text
    assert "policy.yml:2" in seen.one("policy", "fail")["found"]


def test_a_clock_that_is_minutes_away_from_a_workers_is_wrong(world: World, env: dict[str, str]) -> None:
    ahead = int(time.time() + 180) * 1000  # of a worker's machine; or ours is behind
    beat = CODEC.encode(Heartbeat(occurred_at=ahead, recorded_at=ahead, source="test"))
    world.producer.produce(f"{world.prefix}stream-heartbeats", beat, partition=0, timestamp=ahead)
    world.flush()
    seen = examine(env)
    finding = seen.one("clock", "fail")
    assert (seen.code, seen.failed) == (1, ["clock"]), seen.text
    assert "ahead of this machine" in finding["found"]
    assert "NTP" in finding["todo"]


def test_tls_where_none_is_spoken_is_told_as_such(env: dict[str, str]) -> None:
    seen = examine(env | {"KAFKA_SECURITY_PROTOCOL": "SSL"})
    finding = seen.one("kafka", "fail")
    assert "SSL" in finding["found"]
    assert "speaks SSL (KAFKA_SECURITY_PROTOCOL)" in finding["todo"]


@pytest.mark.parametrize(
    ("text", "about", "found", "todo"),
    [
        (ENDPOINTS.replace("webhook", "webhok"), "endpoints", "endpoints.yml:4", "fix these lines"),
        (ENDPOINTS.replace("127.0.0.0/8", "10.0.0.0/8"), "endpoint nurture", "this machine", "allow_networks"),
        (ENDPOINTS.replace("127.0.0.1", "no.such.invalid"), "endpoint nurture", "cannot be resolved", "DNS"),
    ],
    ids=["a slip", "an address that must not be dialled", "a name that nobody knows"],
)
def test_endpoints_that_do_not_fit_are_named(env: dict[str, str], text: str, about: str, found: str, todo: str) -> None:
    Path(env["LEADLOOP_ENDPOINTS_FILE"]).write_text(text)
    seen = examine(env)
    finding = seen.one(about, "fail")
    assert (seen.code, seen.failed) == (1, [about]), seen.text
    assert found in finding["found"]
    assert todo in finding["todo"]


def test_a_worker_that_was_stopped_is_missed(world: World, env: dict[str, str]) -> None:
    worker = world.streams()
    worker.wait_ready()
    assert worker.term() == 0
    seen = examine(env, "--probe", "127.0.0.1:9")
    assert (seen.code, seen.failed) == (1, ["probe 127.0.0.1:9", "group of streams"]), seen.text
    assert "start `leadloop streams`" in seen.one("group of streams", "fail")["todo"]


def test_settings_that_cannot_be_used_end_with_2() -> None:
    assert run({}).returncode == 2
    done = run({"KAFKA_BOOTSTRAP_SERVERS": NOBODY, "LEADLOOP_PARTITIONS": "many"})
    assert (done.returncode, "LEADLOOP_PARTITIONS=many is not a number" in done.stderr) == (2, True)
