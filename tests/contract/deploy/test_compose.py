"""docker-compose.yml: what can be known of it without a Docker engine."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.contract.deploy.compose_file import FILE, ROOT, document, ours, services
from tests.waiting import TIMEOUT

ONE_SHOT = {"topics", "schemas"}
WRITES_ITS_ROOT = {"kafka", "registry"}  # their images write their configuration into it at the start
PROFILES = {"core", "obs", "demo"}
NOT_IN_THE_TREE = {"./deploy/secrets/grafana-admin-password"}
EACH = pytest.mark.parametrize("name", services())


def test_docker_compose_yml_is_valid_by_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_has_all_processes_and_profiles() -> None:
    commands = [one["command"][0] for one in ours().values()]
    assert sorted(commands) == sorted(
        [
            "topics",
            services()["schemas"]["command"][0],
            "streams",
            "streams",
            "ingest",
            "deliver",
            "project",
            "report",
            "audit",
        ]
    )
    assert {profile for one in services().values() for profile in one["profiles"]} == PROFILES


@EACH
def test_every_image_is_pinned_by_a_tag(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9/-]+:v?\d+\.\d+\.\d+", services()[name]["image"])


def test_the_image_of_leadloop_has_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert {one["image"] for one in ours().values()} == {f"leadloop:{version}"}


@EACH
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    service = services()[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert service.get("read_only", False) is (name not in WRITES_ITS_ROOT)


@EACH
def test_ports_are_published_on_localhost_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in services()[name].get("ports", []))


def test_no_two_services_publish_the_same_port() -> None:
    ports = [port.split(":")[1] for one in services().values() for port in one.get("ports", [])]
    assert len(ports) == len(set(ports))


@EACH
def test_a_service_has_a_health_check_and_restarts(name: str) -> None:
    service = services()[name]
    if name in ONE_SHOT:
        assert service["restart"] == "no"
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD"


@EACH
def test_a_service_depends_on_what_it_needs_in_each_of_its_profiles(name: str) -> None:
    service = services()[name]
    for other, how in service.get("depends_on", {}).items():
        assert set(service["profiles"]) <= set(services()[other]["profiles"]), other
        wanted = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        assert how["condition"] == wanted, other


def test_secret_variables_name_files_and_no_variable_is_mandatory() -> None:
    text = FILE.read_text(encoding="utf-8")
    # `${VAR:?…}` counts in every profile: `--profile core up` must not ask for Grafana's password.
    assert not [line for line in text.splitlines() if ":?" in line and not line.startswith("#")]
    for service in services().values():
        for key, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN|_KEY$", key):
                assert key.endswith("_FILE"), key
                assert str(value).startswith("/run/secrets/"), key


@EACH
def test_every_mounted_file_exists_and_is_read_only(name: str) -> None:
    for mount in services()[name].get("volumes", []):
        source, _, rest = mount.partition(":")
        if source.startswith("."):
            assert (ROOT / source).exists(), source
            assert rest.endswith(":ro"), mount
        else:
            assert source in document()["volumes"], source


def test_no_two_workers_share_a_volume_or_a_name() -> None:
    workers = [one for one in ours().values() if one["command"] == ["streams"]]
    assert len({one["environment"]["LEADLOOP_INSTANCE_ID"] for one in workers}) == len(workers)
    assert len({one["volumes"][0] for one in workers}) == len(workers)


def test_the_kafka_address_of_a_container_is_reachable_from_it() -> None:
    kafka = services()["kafka"]["environment"]
    advertised = dict(one.split("://") for one in kafka["KAFKA_ADVERTISED_LISTENERS"].split(","))
    listening = {one.split("://")[0]: one.rpartition(":")[2] for one in kafka["KAFKA_LISTENERS"].split(",")}
    assert advertised["INTERNAL"] == "kafka:19092"
    assert {address.rpartition(":")[2] for address in advertised.values()} <= set(listening.values())
    assert set(listening) == set(re.findall(r"(\w+):PLAINTEXT", kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"]))
    assert all(one["environment"]["KAFKA_BOOTSTRAP_SERVERS"] == advertised["INTERNAL"] for one in ours().values())


def test_the_health_checks_use_the_ports_of_the_processes() -> None:
    ports = {"streams": 8001, "deliver": 8001, "project": 8001, "audit": 8001, "ingest": 8010, "report": 8020}
    for name, service in ours().items():
        if name not in ONE_SHOT:
            assert f"127.0.0.1:{ports[service['command'][0]]}/readyz" in service["healthcheck"]["test"][-1]


def test_secrets_are_files_that_are_not_in_the_repository() -> None:
    files = {str(one["file"]) for one in document()["secrets"].values()}
    assert files == NOT_IN_THE_TREE
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"deploy/secrets/", "deploy/config/keys.yml", ".env*"} <= set(ignored)


def test_optional_secret_files_may_be_missing() -> None:
    named: list[dict[str, Any]] = [one for service in ours().values() for one in service.get("env_file", [])]
    assert all(one["required"] is False and Path(one["path"]).name.startswith(".env.") for one in named)
