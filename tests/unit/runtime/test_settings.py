"""Settings: one parse, all faults at once, no secret shown, one set for both Kafka clients."""

from pathlib import Path

import pytest

from streams.runtime.settings import Settings, SettingsError

SASL = {
    "KAFKA_BOOTSTRAP_SERVERS": "broker:9093",
    "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_USERNAME": "leadloop",
    "KAFKA_SASL_PASSWORD": "s3cret-of-kafka",
}


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_env({}) == Settings()


def test_all_faults_are_named_in_one_message() -> None:
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


def test_a_secret_that_is_given_twice_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("other")
    with pytest.raises(SettingsError, match="both set"):
        Settings.from_env({**SASL, "KAFKA_SASL_PASSWORD_FILE": str(tmp_path / "password")})


def test_one_set_feeds_librdkafka_and_aiokafka_alike() -> None:
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


def test_a_password_without_sasl_is_refused_rather_than_ignored() -> None:
    with pytest.raises(SettingsError, match="KAFKA_SASL_PASSWORD is set"):
        Settings.from_env({**SASL, "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"})
