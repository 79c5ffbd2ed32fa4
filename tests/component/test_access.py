"""The access lists of deploy/, on a Kafka that enforces them: every process works with what it is granted."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest
import yaml
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # documented, but not marked as exported
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from schemas.topics import TOPICS
from tests.as_user import attempt, environment, run, worker
from tests.kafka import RealKafka, free_ports
from tests.kafka_records import read_all
from tests.started import started
from tests.waiting import wait_for

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from tests.redis import RealRedis

ROOT = Path(__file__).parents[2]
USERS = yaml.safe_load_all((ROOT / "deploy" / "strimzi" / "users.yml").read_text(encoding="utf-8"))
RULES = {one["metadata"]["name"]: one["spec"]["authorization"]["acls"] for one in USERS if one}
PASSWORD = "open sesame"  # noqa: S105  of a broker that lives as long as the test
STRANGER = "stranger"  # has a password, and no rights
KINDS = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "transactionalId": ResourceType.TRANSACTIONAL_ID}
PATTERNS = {"literal": ResourcePatternType.LITERAL, "prefix": ResourcePatternType.PREFIXED}
OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Create": AclOperation.CREATE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
}
# Tests come in over the plain listener, as the superuser; processes over the other, each with its name and password.
GUARDED = """
listeners=PLAINTEXT://{plain},SASL://{guarded},CONTROLLER://{controller}
advertised.listeners=PLAINTEXT://{plain},SASL://{guarded}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required {users};
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:ANONYMOUS
"""
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


class GuardedKafka(RealKafka):
    """A Kafka that lets users do what they were granted, and nothing else."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.guarded = f"127.0.0.1:{free_ports(1)[0]}"
        text = self._properties.read_text()
        (voter,) = [line for line in text.splitlines() if line.startswith("controller.quorum.voters=")]
        users = " ".join(f'user_{name}="{PASSWORD}"' for name in (*RULES, f"leadloop-{STRANGER}"))
        places = {"plain": self.bootstrap, "guarded": self.guarded, "controller": voter.partition("@")[2]}
        self._properties.write_text(text + GUARDED.format(**places, users=users))

    def grant(self) -> None:
        """Everything that deploy/strimzi/users.yml says."""
        bindings = [binding for name, acls in RULES.items() for acl in acls for binding in _bindings(name, acl)]
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        for future in admin.create_acls(bindings).values():
            future.result(30)

    def env(self, who: str, **more: str) -> dict[str, str]:
        """The environment of a process that is this user."""
        return environment() | {
            "KAFKA_BOOTSTRAP_SERVERS": self.guarded,
            "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "KAFKA_SASL_MECHANISM": "PLAIN",
            "KAFKA_SASL_USERNAME": f"leadloop-{who}",
            "KAFKA_SASL_PASSWORD": PASSWORD,
            "LEADLOOP_PARTITIONS": "2",
            "LEADLOOP_CLOCK": "events",
            "LEADLOOP_METRICS_PORT": "0",
            **more,
        }

    def run(self, who: str, *arguments: str, cwd: Path) -> str:
        """Run a command as this user; what it says."""
        return run(self.env(who), cwd, *arguments)

    def tried(self, who: str, *arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command as this user to its end, whatever that is."""
        return attempt(self.env(who, **env), cwd, *arguments)

    def worker(
        self, who: str, *arguments: str, cwd: Path, **env: str
    ) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """A process of this user, for as long as the block lasts."""
        return worker(self.env(who, **env), cwd / f"{who}.log", *arguments)


def _bindings(name: str, acl: dict[str, Any]) -> Iterator[AclBinding]:
    resource = acl["resource"]
    for operation in acl["operations"]:
        yield AclBinding(
            KINDS[resource["type"]],
            resource["name"],
            PATTERNS[resource["patternType"]],
            f"User:{name}",
            "*",
            OPERATIONS[operation],
            AclPermissionType.ALLOW,
        )


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
