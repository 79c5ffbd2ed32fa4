"""A Kafka that only speaks TLS, with passwords (SCRAM) or certificates: both clients get in by the same settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # documented, but not marked as exported
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests.as_user import attempt, environment, run, worker
from tests.certificates import Authority
from tests.kafka import RealKafka, free_ports
from tests.kafka_records import read_all
from tests.started import started
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER, PASSWORD = "leadloop", "open sesame"
# Tests look on over the plain listener; processes come in over the two others.
SECURED = """
listeners=PLAINTEXT://{plain},SCRAM://{scram},MUTUAL://{mutual},CONTROLLER://{controller}
advertised.listeners=PLAINTEXT://{plain},SCRAM://{scram},MUTUAL://{mutual}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SCRAM:SASL_SSL,MUTUAL:SSL
listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.scram.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.mutual.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={server}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
"""
HISTORY = "lead,when\nada,2026-03-02T09:00:00Z\n"
MAPPING = """
source: example
tables:
  ada:
    files: "ada*.csv"
    facts:
      - {kind: lead-created, lead_id: lead, occurred_at: when, origin: {constant: website}}
"""


class SecuredKafka(RealKafka):
    """Lets in who knows the password, or has a certificate."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._authority = Authority(directory)
        self._client = self._authority.vouch("client")
        self.scram, self.mutual = (f"127.0.0.1:{port}" for port in free_ports(2))
        text = self._properties.read_text()
        (voter,) = [line for line in text.splitlines() if line.startswith("controller.quorum.voters=")]
        places = {"plain": self.bootstrap, "scram": self.scram, "mutual": self.mutual}
        files = {"server": self._authority.vouch("server"), "ca": self._authority.ca}
        self._properties.write_text(text + SECURED.format(controller=voter.partition("@")[2], **places, **files))

    def admit(self) -> None:
        """Let the user in, by the password."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        for future in admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion(USER, info, PASSWORD.encode())]
        ).values():
            future.result(30)

    def by_password(self) -> dict[str, str]:
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.scram,
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_SASL_USERNAME": USER,
            "KAFKA_SASL_PASSWORD": PASSWORD,
            "KAFKA_SSL_CA_LOCATION": str(self._authority.ca),
        }

    def by_certificate(self) -> dict[str, str]:
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.mutual,
            "KAFKA_SECURITY_PROTOCOL": "SSL",
            "KAFKA_SSL_CA_LOCATION": str(self._authority.ca),
            "KAFKA_SSL_CERTIFICATE_LOCATION": str(self._client),
            "KAFKA_SSL_KEY_LOCATION": str(self._client),
        }


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    kafka = started(lambda: SecuredKafka(tmp_path_factory.mktemp("secured")))
    try:
        kafka.admit()
        yield kafka
    finally:
        kafka.kill()


@pytest.mark.kafka
@pytest.mark.parametrize("way", ["by_password", "by_certificate"])
def test_streams_and_import_connect_over_tls(secured: SecuredKafka, way: str, tmp_path: Path) -> None:
    prefix = f"{way}."
    own = {"LEADLOOP_PARTITIONS": "2", "LEADLOOP_CLOCK": "events", "LEADLOOP_METRICS_PORT": "0"}
    env = environment(**getattr(secured, way)(), **own, LEADLOOP_TOPIC_PREFIX=prefix, LEADLOOP_APP_ID=way)
    (tmp_path / "ada.csv").write_text(HISTORY)
    (tmp_path / "ada.yml").write_text(MAPPING)
    run(env, tmp_path, "topics", "create")
    with worker(env, tmp_path / "streams.log", "streams") as streams:
        run(env, tmp_path, "import", "ada.csv", "--mapping", "ada.yml")

        def snapshots() -> int:
            assert streams.poll() is None, (tmp_path / "streams.log").read_text()
            return len(read_all(secured.bootstrap, prefix + "lead-snapshots"))

        assert wait_for(snapshots, within=60)
    assert streams.returncode == 0, (tmp_path / "streams.log").read_text()
    assert "ada" in run(env, tmp_path, "tail", "lead-snapshots")


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ({"KAFKA_SASL_PASSWORD": "close sesame"}, "set KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"),
        ({"KAFKA_SASL_MECHANISM": "PLAIN"}, "set KAFKA_SASL_MECHANISM"),
    ],
)
def test_a_rejected_login_names_the_setting_to_fix_and_no_secret(
    secured: SecuredKafka, wrong: dict[str, str], advice: str, tmp_path: Path
) -> None:
    env = environment(**secured.by_password() | wrong)
    refused, examined = attempt(env, tmp_path, "topics", "create"), attempt(env, tmp_path, "doctor", "--json")
    assert (refused.returncode, examined.returncode) == (2, 1)
    assert "leadloop doctor" in refused.stderr
    assert advice in examined.stdout
    assert "sesame" not in refused.stdout + refused.stderr + examined.stdout + examined.stderr


@pytest.mark.kafka
def test_a_broker_with_a_certificate_of_an_unknown_authority_is_refused(secured: SecuredKafka, tmp_path: Path) -> None:
    other = Authority(tmp_path)
    env = environment(**secured.by_password() | {"KAFKA_SSL_CA_LOCATION": str(other.ca)})
    examined = attempt(env, tmp_path, "doctor", "--json")
    assert examined.returncode == 1
    assert "KAFKA_SSL_CA_LOCATION" in examined.stdout
    assert attempt(env, tmp_path, "topics", "create").returncode == 2
