"""A Kafka that enforces the access lists of deploy/, and processes that are its users."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # documented, but not marked as exported
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from tests.as_user import attempt, environment, run, worker
from tests.kafka import RealKafka, free_ports

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

ROOT = Path(__file__).parents[1]
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

    def credentials(self, who: str) -> dict[str, str]:
        """The settings with which a process is this user."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.guarded,
            "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "KAFKA_SASL_MECHANISM": "PLAIN",
            "KAFKA_SASL_USERNAME": f"leadloop-{who}",
            "KAFKA_SASL_PASSWORD": PASSWORD,
        }

    def env(self, who: str, **more: str) -> dict[str, str]:
        """The environment of a process that is this user."""
        return environment(**self.credentials(who)) | {
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
