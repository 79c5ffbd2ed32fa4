"""Settings and endpoints.yml together."""

from pathlib import Path

import pytest

from streams.runtime.documents import DocumentError
from streams.runtime.settings import Settings
from workers.delivery.configuration import endpoints_of, worker_config
from workers.outbound import Client

ENV = {
    "KAFKA_BOOTSTRAP_SERVERS": "localhost:1",
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_MECHANISM": "PLAIN",
    "KAFKA_SASL_USERNAME": "deliver",
    "KAFKA_SASL_PASSWORD": "hunter2",
    "REDIS_URL": "redis://:hunter3@localhost:1/0",
}


def endpoint_file(folder: Path, topic: str) -> str:
    path = folder / "endpoints.yml"
    path.write_text(f"endpoints: {{handover: {{kind: kafka, topic: {topic}}}}}", encoding="utf-8")
    return str(path)


async def test_no_secret_is_in_the_repr_of_a_configuration(tmp_path: Path) -> None:
    settings = Settings.from_env(ENV | {"LEADLOOP_ENDPOINTS_FILE": endpoint_file(tmp_path, "crm.handover")})
    _, endpoints = endpoints_of(settings)
    async with Client() as client:
        config = worker_config(settings, endpoints, client)
    assert "hunter2" in str(config.kafka)
    assert "hunter" not in repr(config)


@pytest.mark.parametrize(("prefix", "topic"), [("", "lead-recycled"), ("eu.", "eu.lead-recycled")])
def test_a_topic_of_leadloop_cannot_be_an_endpoint_under_any_prefix(tmp_path: Path, prefix: str, topic: str) -> None:
    env = ENV | {"LEADLOOP_TOPIC_PREFIX": prefix, "LEADLOOP_ENDPOINTS_FILE": endpoint_file(tmp_path, topic)}
    with pytest.raises(DocumentError, match="one of Leadloop's own topics"):
        endpoints_of(Settings.from_env(env))


def test_a_topic_without_the_configured_prefix_can_be_an_endpoint(tmp_path: Path) -> None:
    env = {"LEADLOOP_TOPIC_PREFIX": "eu.", "LEADLOOP_ENDPOINTS_FILE": endpoint_file(tmp_path, "lead-recycled")}
    assert [one.name for one in endpoints_of(Settings.from_env(ENV | env))[1]] == ["handover"]
