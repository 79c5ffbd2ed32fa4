"""Every variable that compose or the chart sets is read by the settings, and every one that is read can be set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streams.runtime.settings import Settings
from tests.contract.deploy.compose_file import ours
from tests.contract.deploy.rendered_chart import EXAMPLES, ROOT, env_of, pods, values_of

if TYPE_CHECKING:
    from pathlib import Path

#: read, but set by neither compose nor the chart's own values: to be given as `environment` or `extraEnv`
BY_HAND = {
    "LEADLOOP_GRACE_SECONDS": "tuning: the default has been measured",
    "LEADLOOP_STORE": "`memory` is for trying out",
    "LEADLOOP_CHUNK_RECORDS": "tuning: the default has been measured",
    "LEADLOOP_POLICY_SECONDS": "tuning: a change of the policy is seldom urgent",
    "LEADLOOP_MEMORY_FACTS": "tuning: more of it costs memory for every lead",
    "LEADLOOP_COMMIT_SECONDS": "tuning: the default has been measured",
    "LEADLOOP_TICK_SECONDS": "tuning: the default has been measured",
    "LEADLOOP_COSTS_FILE": "what sources cost: a file of your own",
    "LEADLOOP_REPORT_OWNERS": "names of people in metrics: only if you decide so",
    "KAFKA_SASL_PASSWORD_FILE": "instead of a variable out of a Secret: with extraVolumes",
    "KAFKA_SSL_KEY_PASSWORD_FILE": "instead of a variable out of a Secret: with extraVolumes",
    "SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO_FILE": "instead of a variable out of a Secret: with extraVolumes",
    "LEADLOOP_PAGE_SECRET": "a Secret of your own: `envFromSecrets` of report",
    "LEADLOOP_PAGE_SECRET_FILE": "instead of a variable out of a Secret: with extraVolumes",
    "LEADLOOP_PAGE_OWNERS": "names of people on the page: shown, unless you decide otherwise",
    "LEADLOOP_PAGE_ADDRESS": "the address of your page",
    "LEADLOOP_REPORT_GRAFANA_URL": "the address of your Grafana",
    "LEADLOOP_MCP_PORT": "`leadloop mcp` is started by who uses it",
    "LEADLOOP_PROXY_USER_HEADER": "your authenticating proxy",
    "LEADLOOP_PROXY_GROUPS_HEADER": "your authenticating proxy",
    "LEADLOOP_PROXY_NETWORKS": "your authenticating proxy",
    "LEADLOOP_OIDC_ISSUER": "your provider of OpenID Connect",
    "LEADLOOP_OIDC_CLIENT_ID": "your provider of OpenID Connect",
    "LEADLOOP_OIDC_CLIENT_SECRET": "a Secret of your own: `envFromSecrets` of report",
    "LEADLOOP_OIDC_CLIENT_SECRET_FILE": "instead of a variable out of a Secret: with extraVolumes",
    "LEADLOOP_OIDC_GROUPS_CLAIM": "your provider of OpenID Connect",
    "LEADLOOP_OIDC_SCOPES": "your provider of OpenID Connect",
    "LEADLOOP_VIEWER_GROUPS": "the groups of your people",
    "LEADLOOP_OPERATOR_GROUPS": "the groups of your people",
    "LEADLOOP_CRM_LINK": "the address of your CRM",
    "LEADLOOP_LOG_LEAD_KEY": "a Secret of your own: `extraEnv` or `envFromSecrets`",
    "LEADLOOP_LOG_LEAD_KEY_FILE": "instead of a variable out of a Secret: with extraVolumes",
    "REDIS_URL_FILE": "instead of a variable out of a Secret: with extraVolumes",
}


class Watched(dict[str, str]):
    """An environment that remembers what was asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.asked.add(key)
        return super().get(key, default)


def read_by_settings() -> set[str]:
    env = Watched()
    Settings.from_env(env)
    return env.asked


def set_by_the_chart() -> dict[str, set[str]]:
    """Of each variable, the containers that have it."""
    named: dict[str, set[str]] = {}
    for example in EXAMPLES:
        for pod in pods(example):
            for container in pod.containers:
                extra = values_of(example).get(container["name"], {}).get("extraEnv", [])
                for name in set(env_of(container)) - {one["name"] for one in extra}:
                    named.setdefault(name, set()).add(container["name"])
    return named


def set_by_compose() -> set[str]:
    return {name for service in ours().values() for name in service["environment"]}


@pytest.mark.parametrize("named", [set_by_compose, set_by_the_chart])
def test_every_variable_that_is_set_is_read_by_a_process(named: object) -> None:
    assert callable(named)
    assert set(named()) - read_by_settings() == set()


def test_every_variable_that_is_read_can_be_set() -> None:
    given = set_by_compose() | set(set_by_the_chart())
    assert read_by_settings() - given == set(BY_HAND)


def test_the_chart_sets_every_variable_that_compose_sets() -> None:
    assert set_by_compose() <= set(set_by_the_chart())


def test_the_image_sets_only_variables_that_are_read() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    named = {word.partition("=")[0] for word in text.split() if word.startswith("LEADLOOP_")}
    assert named
    assert named <= read_by_settings()


def test_the_settings_of_compose_are_valid(tmp_path: Path) -> None:
    for name, service in ours().items():
        env = {key: str(value) for key, value in service["environment"].items()}
        for key, value in env.items():
            if value.startswith("/etc/leadloop/"):
                (tmp_path / key).touch()
                env[key] = str(tmp_path / key)
        settings = Settings.from_env(env)
        assert settings.kafka.bootstrap_servers == "kafka:19092", name


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_settings_of_the_chart_are_valid(example: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for pod in pods(example):
        for container in pod.containers:
            env = {
                key: _as_in_a_pod(key, value, tmp_path)
                for key, value in env_of(container).items()
                if not key.startswith("KAFKA_SSL")  # certificates are none here
            }
            protocol = env.get("KAFKA_SECURITY_PROTOCOL", "").replace("_SSL", "_PLAINTEXT")
            settings = Settings.from_env({**env, "KAFKA_SECURITY_PROTOCOL": protocol})
            assert bool(settings.kafka.bootstrap_servers) is (container["name"] != "report")


def _as_in_a_pod(key: str, value: object, tmp_path: Path) -> str:
    if isinstance(value, dict):
        return "redis://secret" if key == "REDIS_URL" else "secret"
    return str(tmp_path / "file") if str(value).startswith("/etc/leadloop/") else str(value)
