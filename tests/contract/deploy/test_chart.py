"""The manifests that the chart renders: valid for Helm and Kubernetes, and complete for each process."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
import yaml

from streams.app import CHUNK_SECONDS
from tests.contract.deploy.conform import NoKubeconform, faults, kubeconform
from tests.contract.deploy.rendered_chart import (
    ALL,
    CHART,
    EXAMPLES,
    LEAST,
    PROCESSES,
    ROOT,
    changed,
    env_of,
    helm,
    manifests,
    of_kind,
    pods,
    render,
    values_of,
)

if TYPE_CHECKING:
    from pathlib import Path

CUSTOM = {"ServiceMonitor", "PrometheusRule", "ScaledObject"}
"""Kinds of operators, which Kubernetes has no schema of."""
EACH = pytest.mark.parametrize("example", EXAMPLES)


@EACH
def test_helm_lint_has_no_warning(example: str) -> None:
    report = helm.lint(CHART, values_of(example), strict=True)
    messages = [one for one in report["messages"] if one["error"] != "icon is recommended"]
    assert (messages, report["errors"]) == ([], [])


@EACH
@pytest.mark.parametrize("version", ["1.30", "1.37"])  # the oldest that Chart.yaml lets in, and the newest known
def test_every_field_is_in_the_schemas_of_kubernetes(example: str, version: str) -> None:
    for one in manifests(example):
        if one["kind"] not in CUSTOM:
            kubernetes_validate.validate(one, version, strict=True)


@EACH
@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_kubeconform_reports_no_error(example: str, version: str, tmp_path: Path) -> None:
    try:
        kubeconform()
    except NoKubeconform as missing:
        pytest.skip(str(missing))
    assert faults([one for one in manifests(example) if one["kind"] not in CUSTOM], version, tmp_path) == []
    (wrong, *_) = of_kind(example, "Deployment")
    wrong = {**wrong, "spec": {**wrong["spec"], "replica": 1}}
    assert "replica" in faults([wrong], version, tmp_path)[0]


@EACH
def test_no_two_objects_have_the_same_name(example: str) -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in manifests(example)]
    assert len(names) == len(set(names))
    assert all(one["metadata"]["namespace"] == "sales" for one in manifests(example))


def test_the_chart_has_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["appVersion"] == chart["version"] == project["version"]


@pytest.mark.parametrize("example", [ALL, LEAST])
def test_every_process_has_a_workload_a_service_a_disruption_budget_and_a_network_policy(example: str) -> None:
    prefix = of_kind(example, "StatefulSet")[0]["metadata"]["name"].removesuffix("streams")
    names = {prefix + process for process in PROCESSES}
    assert {pod.owner for pod in pods(example)} == {*names, prefix + "topics"}
    for kind in ("Service", "PodDisruptionBudget"):
        assert {one["metadata"]["name"] for one in of_kind(example, kind)} == names
    policies = {one["metadata"]["name"] for one in of_kind(example, "NetworkPolicy")}
    assert policies == {*names, prefix + "topics", prefix + "nothing"}


@EACH
def test_every_selector_selects_the_pods_of_one_process(example: str) -> None:
    for one in manifests(example):
        spec = one.get("spec", {})
        selector = spec.get("podSelector", spec.get("selector", {}))
        labels = selector.get("matchLabels", selector)
        if one["kind"] in ("Service", "PodDisruptionBudget", "NetworkPolicy", "Deployment", "StatefulSet"):
            chosen = [pod.owner for pod in pods(example) if labels.items() <= pod.labels.items()]
            everything = one["metadata"]["name"].endswith("-nothing")
            assert chosen == ([pod.owner for pod in pods(example)] if everything else [one["metadata"]["name"]])


@EACH
def test_streams_pods_keep_name_and_volume_and_have_time_to_stop(example: str) -> None:
    (streams,) = of_kind(example, "StatefulSet")
    spec = streams["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert env_of(container)["LEADLOOP_INSTANCE_ID"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert env_of(container)["LEADLOOP_DATA_DIR"] in [mount["mountPath"] for mount in container["volumeMounts"]]
    assert streams["spec"]["podManagementPolicy"] == "Parallel"
    assert spec["terminationGracePeriodSeconds"] > CHUNK_SECONDS
    kept = [one["metadata"]["name"] for one in streams["spec"].get("volumeClaimTemplates", [])]
    lent = [one["name"] for one in spec["volumes"] if "emptyDir" in one]
    assert ("data" in kept) is not ("data" in lent)


@EACH
def test_every_volume_is_mounted_and_every_mount_has_a_volume(example: str) -> None:
    claims = {"data"} if of_kind(example, "StatefulSet")[0]["spec"].get("volumeClaimTemplates") else set()
    for pod in pods(example):
        mounted = {mount["name"] for one in pod.containers for mount in one["volumeMounts"]}
        there = {volume["name"] for volume in pod.spec["volumes"]}
        assert mounted == there | (claims if "data" in mounted else set()), pod.owner


@EACH
def test_every_file_under_etc_that_a_variable_names_is_mounted(example: str) -> None:
    for pod in pods(example):
        for container in pod.containers:
            places = tuple(mount["mountPath"] + "/" for mount in container["volumeMounts"])
            files = [value for value in env_of(container).values() if str(value).startswith("/etc/")]
            assert all(value.startswith(places) for value in files)


@EACH
def test_manifests_contain_no_secret_except_inline_keys(example: str) -> None:
    assert {one["metadata"]["name"] for one in of_kind(example, "Secret")} <= {"loop-keys"}
    for pod in pods(example):
        for container in pod.containers:
            for name, value in env_of(container).items():
                if name.endswith(("PASSWORD", "USER_INFO")):
                    assert "secretKeyRef" in value, name


def test_each_process_has_its_own_kafka_user_if_one_is_configured() -> None:
    users: dict[str, Any] = {one.owner: env_of(one.containers[0]).get("KAFKA_SASL_USERNAME") for one in pods(ALL)}
    assert users["loop-deliver"] == "leadloop-deliver"
    assert users["loop-topics"] == "leadloop-topics"
    assert users["loop-project"]["secretKeyRef"]["name"] == "leadloop-kafka"
    assert users["loop-report"] is None


@pytest.mark.parametrize(
    "text", ["endpoints: {}\n", "  endpoints:\n    a: {}\n", "# 'said' \\ \"so\"\n\n\tx: 1", "{{ .Values }}"]
)
def test_an_inline_document_is_mounted_unchanged(text: str) -> None:
    objects = render(changed(ALL, "documents.endpoints.inline", text))
    (document,) = [one["data"] for one in objects if one["metadata"]["name"] == "loop-endpoints"]
    assert document == {"endpoints.yml": text}


def test_a_changed_document_restarts_only_the_processes_that_read_it() -> None:
    before = digests(render(values_of(ALL)))
    after = digests(render(changed(ALL, "documents.endpoints.inline", "endpoints: {other: {}}\n")))
    assert {name for name, digest in after.items() if before[name] != digest} == {"loop-deliver", "loop-audit"}


def digests(objects: list[dict[str, Any]]) -> dict[str, str]:
    workloads = [one for one in objects if one["kind"] in ("Deployment", "StatefulSet")]
    return {
        one["metadata"]["name"]: one["spec"]["template"]["metadata"]["annotations"]["leadloop/documents"]
        for one in workloads
    }
