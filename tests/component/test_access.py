"""The access lists of deploy/, on a Kafka that enforces them: every process works with what it is granted."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from schemas.topics import TOPICS
from tests.guarded_kafka import STRANGER, GuardedKafka
from tests.kafka import free_ports
from tests.kafka_records import read_all
from tests.started import started
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.redis import RealRedis

HISTORY = "lead,when,what\nada,2026-03-02T09:00:00Z,form\n"
MAPPING = """
source: example
tables:
  ada:
    files: "ada*.csv"
    facts:
      - {kind: lead-created, when: {what: form}, lead_id: lead, occurred_at: when, origin: {constant: website}}
"""
KEYS = f"sources:\n  crm:\n    keys: [sha256:{'0' * 64}]\n    scopes: [ingest]\n"
ENDPOINTS = "endpoints:\n  copy:\n    kind: kafka\n    topic: copy\n"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    kafka = started(lambda: GuardedKafka(tmp_path_factory.mktemp("guarded")))
    try:
        kafka.grant()
        yield kafka
    finally:
        kafka.kill()


@pytest.mark.kafka
def test_topics_import_streams_tail_and_audit_work_with_their_acls(guarded: GuardedKafka, tmp_path: Path) -> None:
    created = guarded.run("topics", "topics", "create", cwd=tmp_path)
    assert "lead-created" in created
    assert "exists" in guarded.run("topics", "topics", "create", cwd=tmp_path)
    (tmp_path / "ada.csv").write_text(HISTORY)
    (tmp_path / "ada.yml").write_text(MAPPING)
    with guarded.worker("streams", "streams", cwd=tmp_path, LEADLOOP_DATA_DIR=str(tmp_path)) as streams:
        guarded.run("import", "import", "ada.csv", "--mapping", "ada.yml", cwd=tmp_path)

        def snapshots() -> int:
            assert streams.poll() is None, (tmp_path / "streams.log").read_text()
            return len(read_all(guarded.bootstrap, "lead-snapshots"))

        assert wait_for(snapshots, within=60)
    assert streams.returncode == 0, (tmp_path / "streams.log").read_text()
    assert "ada" in guarded.run("operate", "tail", "lead-snapshots", cwd=tmp_path)
    for who in ("audit", "operate"):
        assert "everything balances" in guarded.run(who, "audit", cwd=tmp_path)


@pytest.mark.kafka
@pytest.mark.parametrize("who", ["ingest", "deliver", "project"])
def test_the_other_processes_become_ready_with_their_acls(
    guarded: GuardedKafka, own_redis: RealRedis, who: str, tmp_path: Path
) -> None:
    guarded.run("topics", "topics", "create", cwd=tmp_path)
    env = settings_of(own_redis, tmp_path)
    port = env["LEADLOOP_METRICS_PORT"]
    with guarded.worker(who, "workers.cli", who, cwd=tmp_path, **env) as process:

        def is_ready() -> bool:
            assert process.poll() is None, (tmp_path / f"{who}.log").read_text()
            return answers(f"http://127.0.0.1:{port}/readyz")

        wait_for(is_ready, within=60)
    assert process.returncode == 0, (tmp_path / f"{who}.log").read_text()


def settings_of(redis: RealRedis, folder: Path) -> dict[str, str]:
    """What processes need beside Kafka, on a port that is free."""
    (folder / "keys.yml").write_text(KEYS)
    (folder / "endpoints.yml").write_text(ENDPOINTS)
    (port,) = free_ports(1)
    return {
        "REDIS_URL": redis.url,
        "LEADLOOP_KEYS_FILE": str(folder / "keys.yml"),
        "LEADLOOP_ENDPOINTS_FILE": str(folder / "endpoints.yml"),
        "LEADLOOP_INGEST_PORT": str(port),
        "LEADLOOP_METRICS_PORT": str(port),
    }


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:  # noqa: S310  an address of this test
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def refusals(guarded: GuardedKafka, who: str, *topics: str) -> dict[str, int]:
    """Why each of these topics refuses a record of this user; those that accept one are left out."""
    env = guarded.env(who)
    producer = Producer(
        {
            "bootstrap.servers": env["KAFKA_BOOTSTRAP_SERVERS"],
            "security.protocol": env["KAFKA_SECURITY_PROTOCOL"],
            "sasl.mechanism": env["KAFKA_SASL_MECHANISM"],
            "sasl.username": env["KAFKA_SASL_USERNAME"],
            "sasl.password": env["KAFKA_SASL_PASSWORD"],
            "log_level": 0,
        }
    )
    errors: dict[str, KafkaError | None] = {}
    for topic in topics:
        try:
            producer.produce(
                topic, b"x", on_delivery=lambda fault, message: errors.update({message.topic() or "": fault})
            )
            producer.flush(30)
        except KafkaException as fault:
            errors[topic] = fault.args[0]
    assert set(errors) == set(topics)
    return {topic: error.code() for topic, error in errors.items() if error}


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("who", "topic"),
    [
        ("ingest", "lead-decisions"),
        ("deliver", "lead-recycled"),
        ("operate", "lead-snapshots"),
        ("project", "lead-snapshots"),
        ("report", "lead-recycled"),
        ("report", "delivery-results"),
        ("producer", "lead-recycled"),
        ("producer", "stream-heartbeats"),
    ],
)
def test_nobody_can_write_to_a_topic_that_is_not_its_output(
    guarded: GuardedKafka, who: str, topic: str, tmp_path: Path
) -> None:
    guarded.run("topics", "topics", "create", cwd=tmp_path)
    assert refusals(guarded, who, topic) == {topic: KafkaError.TOPIC_AUTHORIZATION_FAILED}


@pytest.mark.kafka
def test_a_producer_of_an_upstream_system_can_write_every_fact(guarded: GuardedKafka, tmp_path: Path) -> None:
    guarded.run("topics", "topics", "create", cwd=tmp_path)
    facts = [topic.name for topic in TOPICS.values() if "upstream" in topic.written_by]
    assert len(facts) == 5
    assert refusals(guarded, "producer", *facts) == {}


@pytest.mark.kafka
def test_doctor_says_what_whoever_asks_has_no_right_to_see(guarded: GuardedKafka, tmp_path: Path) -> None:
    guarded.run("topics", "topics", "create", cwd=tmp_path)
    found = {}
    for who in (STRANGER, "operate"):
        done = guarded.tried(who, "doctor", "--json", cwd=tmp_path)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        found[who] = {row["about"]: row for row in rows if row["verdict"] == "fail"}
    assert "lead-created" in found[STRANGER]["rights"]["found"], found
    assert found[STRANGER]["rights"]["todo"]
    assert not {"rights", "topics"} & set(found["operate"]), found


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("process", "words"),
    [
        ("streams", "lets this user write nothing: grant what deploy/acls.yml lists"),
        ("ingest", "Cluster authorization failed"),
        ("deliver", "no topic lead-recycled, lead-escalated, delivery-results"),
        ("project", "Group authorization failed"),
    ],
)
def test_a_process_without_acls_ends_and_names_the_missing_right(
    guarded: GuardedKafka, own_redis: RealRedis, process: str, words: str, tmp_path: Path
) -> None:
    guarded.run("topics", "topics", "create", cwd=tmp_path)
    done = guarded.tried(STRANGER, process, cwd=tmp_path, **settings_of(own_redis, tmp_path))
    assert done.returncode == (70 if process == "streams" else 2), done.stderr
    assert words in done.stdout + done.stderr
