"""Settings: one parse, all faults at once, no secret shown, one set for both Kafka clients."""

from pathlib import Path

import pytest

from streams.runtime.environment import SettingsError
from streams.runtime.settings import (
    AuditSettings,
    DeliverSettings,
    IngestSettings,
    ProcessSettings,
    ProjectSettings,
    ReportSettings,
    Settings,
    StreamsSettings,
    TopicsSettings,
)

SASL = {
    "KAFKA_BOOTSTRAP_SERVERS": "broker:9093",
    "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_USERNAME": "leadloop",
    "KAFKA_SASL_PASSWORD": "s3cret-of-kafka",
}


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_env({}) == Settings()


def test_every_invalid_variable_is_named_in_one_message() -> None:
    env = {
        "LEADLOOP_CLOCK": "sundial",
        "LEADLOOP_PARTITIONS": "many",
        "LEADLOOP_CHUNK_RECORDS": "0",
        "LEADLOOP_POLICY_FILE": "/no/such/file",
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    }
    with pytest.raises(SettingsError) as fault:
        Settings.from_env(env)
    for name in env:
        assert name in str(fault.value)


def test_no_secret_is_in_the_repr() -> None:
    settings = Settings.from_env(
        {**SASL, "SCHEMA_REGISTRY_URL": "http://r", "SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO": "me:hush"}
    )
    assert "s3cret" not in repr(settings)
    assert "hush" not in repr(settings)


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret-of-kafka\n")
    env = {name: value for name, value in SASL.items() if name != "KAFKA_SASL_PASSWORD"}
    settings = Settings.from_env({**env, "KAFKA_SASL_PASSWORD_FILE": str(tmp_path / "password")})
    assert settings.kafka.sasl_password == "s3cret-of-kafka"  # noqa: S105  of this test alone


def test_a_secret_that_is_set_twice_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("other")
    with pytest.raises(SettingsError, match="both set"):
        Settings.from_env({**SASL, "KAFKA_SASL_PASSWORD_FILE": str(tmp_path / "password")})


def test_the_same_settings_configure_librdkafka_and_aiokafka() -> None:
    kafka = Settings.from_env(SASL).kafka
    assert kafka.librdkafka() == {
        "bootstrap.servers": "broker:9093",
        "log_level": 2,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "leadloop",
        "sasl.password": "s3cret-of-kafka",
    }
    assert kafka.aiokafka() == {
        "bootstrap_servers": "broker:9093",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "leadloop",
        "sasl_plain_password": "s3cret-of-kafka",
    }


def test_a_password_without_sasl_is_an_error() -> None:
    with pytest.raises(SettingsError, match="KAFKA_SASL_PASSWORD is set"):
        Settings.from_env({**SASL, "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"})


PROCESSES = (
    StreamsSettings,
    IngestSettings,
    DeliverSettings,
    ProjectSettings,
    ReportSettings,
    TopicsSettings,
    AuditSettings,
)


@pytest.mark.parametrize("kind", PROCESSES)
def test_an_empty_environment_gives_each_process_its_defaults(kind: type[ProcessSettings]) -> None:
    assert kind.from_env({}) == kind()


@pytest.mark.parametrize(
    ("name", "readers"),
    [
        ("LEADLOOP_POLICY_FILE", {StreamsSettings, ReportSettings, AuditSettings}),
        ("LEADLOOP_WEBHOOKS_FILE", {IngestSettings}),
        ("LEADLOOP_ENDPOINTS_FILE", {DeliverSettings, AuditSettings}),
        ("LEADLOOP_REPORT_PORT", {ReportSettings}),
        ("LEADLOOP_REPLICATION", {TopicsSettings}),
    ],
)
def test_an_invalid_variable_stops_only_the_processes_that_read_it(
    name: str, readers: set[type[ProcessSettings]]
) -> None:
    env = {name: "/no/such/file"}
    for process in PROCESSES:
        if process in readers:
            with pytest.raises(SettingsError, match=name):
                process.from_env(env)
        else:
            process.from_env(env)


def test_no_redis_password_is_in_the_repr() -> None:
    settings = DeliverSettings.from_env({"REDIS_URL": "redis://:hush@redis:6379/0"})
    assert settings.redis_url.endswith("redis:6379/0")
    assert "hush" not in repr(settings)
