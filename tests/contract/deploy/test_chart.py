"""The chart: linted and rendered by Helm, its manifests held to the schemas of Kubernetes."""

from __future__ import annotations

import json
import re
import tomllib
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
import yaml

from streams.app import CHUNK_SECONDS
from tests.contract.deploy.charted import (
    CHART,
    EXAMPLES,
    PROCESSES,
    ROOT,
    env_of,
    helm,
    manifests,
    of_kind,
    pods,
    render,
    values_of,
)
from tests.contract.deploy.conform import NoKubeconform, faults, kubeconform

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

CUSTOM = {"ServiceMonitor", "PrometheusRule", "ScaledObject"}  # objects of operators: Kubernetes has no schema of them
ALL, LEAST = "all-values.yaml", "least-values.yaml"
EACH = pytest.mark.parametrize("example", EXAMPLES)


def changed(example: str, path: str, value: object) -> dict[str, Any]:
    """The values of an example, but for one."""
    values = deepcopy(values_of(example))
    *parents, last = path.split(".")
    at = values
    for parent in parents:
        at = at.setdefault(parent, {})
    at[last] = value
    return values


@EACH
def test_helm_lints_it_without_a_warning(example: str) -> None:
    report = helm.lint(CHART, values_of(example), strict=True)
    messages = [one for one in report["messages"] if one["error"] != "icon is recommended"]
    assert (messages, report["errors"]) == ([], [])


@EACH
@pytest.mark.parametrize("version", ["1.30", "1.37"])  # the oldest that Chart.yaml lets in, and the newest known
def test_kubernetes_knows_every_field(example: str, version: str) -> None:
    for one in manifests(example):
        if one["kind"] not in CUSTOM:
            kubernetes_validate.validate(one, version, strict=True)


@EACH
@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_kubeconform_finds_no_fault(example: str, version: str, tmp_path: Path) -> None:
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


def test_a_value_that_is_not_known_is_refused() -> None:
    for path in ("nonsense", "kafka.bootstrap", "streams.replica", "networkPolicy.outbound.port", "documents.key"):
        with pytest.raises(Exception, match="additional properties"):
            render(changed(LEAST, path, 1))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("kafka.bootstrapServers", ""),
        ("kafka.bootstrapServers", "kafka"),
        ("kafka.securityProtocol", "TLS"),
        ("image.tag", "latest"),
        ("image.digest", "sha256:1"),
        ("streams.replicas", 0),
        ("streams.terminationGracePeriodSeconds", 30),
        ("deliver.keda.minReplicas", 0),
        ("networkPolicy.registry.to", []),
        ("redis.url", "http://redis"),
        ("security.runAsUser", 0),
    ],
)
def test_a_value_that_cannot_be_is_refused(path: str, value: object) -> None:
    with pytest.raises(Exception, match=path.partition(".")[0]):
        render(changed(LEAST, path, value))


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("streams.replicas", 13, "only 12 partitions"),
        ("documents.keys", {}, "ingest needs documents.keys"),
        ("documents.endpoints", {}, "deliver needs documents.endpoints"),
        ("documents.keys.inline", "sources: {}", "set more than once"),
        ("redis.url", "", "say where Redis is"),
        ("kafka.securityProtocol", "SASL_SSL", "kafka.sasl.existingSecret is not set"),
        ("deliver.keda", {"enabled": True, "minReplicas": 9}, "exceeds maxReplicas"),
    ],
)
def test_what_does_not_fit_together_is_told_in_words(path: str, value: object, says: str) -> None:
    with pytest.raises(Exception, match=says):
        render(changed(LEAST, path, value))


def test_who_may_call_ingest_does_not_keep_prometheus_from_it_unsaid() -> None:
    values = changed(LEAST, "networkPolicy.clientsFrom", [{"podSelector": {}}])
    assert render(values)
    values["monitoring"] = {"serviceMonitor": {"enabled": True}}
    with pytest.raises(Exception, match=r"networkPolicy\.metricsFrom is not set"):
        render(values)


def test_the_values_that_the_document_shows_are_good_ones() -> None:
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8").replace("sha256:…", f"sha256:{'0' * 64}")
    examples = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert len(examples) > 1
    for example in examples:
        assert len(render(yaml.safe_load(example))) > len(PROCESSES)


def test_every_default_is_in_the_schema_and_the_other_way_round() -> None:
    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    assert leaves_of(schema, schema) - {"global"} == leaves_of_values(defaults, schema)


def leaves_of(node: dict[str, Any], schema: dict[str, Any], at: str = "") -> set[str]:
    if ref := node.get("$ref"):
        node = schema["$defs"][ref.rpartition("/")[2]]
    if node.get("properties") is None or at.endswith(".resources"):
        return {at}
    assert node["additionalProperties"] is False, at
    return {
        leaf for name, one in node["properties"].items() for leaf in leaves_of(one, schema, f"{at}.{name}".lstrip("."))
    }


def leaves_of_values(values: dict[str, Any], schema: dict[str, Any]) -> set[str]:
    found = set()
    for known in leaves_of(schema, schema) - {"global"}:
        at: Any = values
        for part in known.split("."):
            assert part in at, f"{known} has no default"
            at = at[part]
        found.add(known)
    return found


def test_it_has_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["appVersion"] == chart["version"] == project["version"]


@pytest.mark.parametrize("example", [ALL, LEAST])
def test_every_process_is_there_with_a_service_a_budget_and_a_policy(example: str) -> None:
    prefix = of_kind(example, "StatefulSet")[0]["metadata"]["name"].removesuffix("streams")
    names = {prefix + process for process in PROCESSES}
    assert {pod.owner for pod in pods(example)} == {*names, prefix + "topics"}
    for kind in ("Service", "PodDisruptionBudget"):
        assert {one["metadata"]["name"] for one in of_kind(example, kind)} == names
    policies = {one["metadata"]["name"] for one in of_kind(example, "NetworkPolicy")}
    assert policies == {*names, prefix + "topics", prefix + "nothing"}


@EACH
def test_whatever_selects_pods_selects_those_of_one_process(example: str) -> None:
    for one in manifests(example):
        spec = one.get("spec", {})
        selector = spec.get("podSelector", spec.get("selector", {}))
        labels = selector.get("matchLabels", selector)
        if one["kind"] in ("Service", "PodDisruptionBudget", "NetworkPolicy", "Deployment", "StatefulSet"):
            chosen = [pod.owner for pod in pods(example) if labels.items() <= pod.labels.items()]
            everything = one["metadata"]["name"].endswith("-nothing")
            assert chosen == ([pod.owner for pod in pods(example)] if everything else [one["metadata"]["name"]])


@EACH
def test_a_worker_of_streams_keeps_its_name_and_its_volume_and_has_time_to_end(example: str) -> None:
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
def test_every_volume_that_is_mounted_is_there_and_none_is_for_nothing(example: str) -> None:
    claims = {"data"} if of_kind(example, "StatefulSet")[0]["spec"].get("volumeClaimTemplates") else set()
    for pod in pods(example):
        mounted = {mount["name"] for one in pod.containers for mount in one["volumeMounts"]}
        there = {volume["name"] for volume in pod.spec["volumes"]}
        assert mounted == there | (claims if "data" in mounted else set()), pod.owner


@EACH
def test_what_a_variable_names_under_etc_is_mounted(example: str) -> None:
    for pod in pods(example):
        for container in pod.containers:
            places = tuple(mount["mountPath"] + "/" for mount in container["volumeMounts"])
            files = [value for value in env_of(container).values() if str(value).startswith("/etc/")]
            assert all(value.startswith(places) for value in files)


@EACH
def test_no_secret_is_in_a_manifest_but_the_keys_that_were_given_inline(example: str) -> None:
    assert {one["metadata"]["name"] for one in of_kind(example, "Secret")} <= {"loop-keys"}
    for pod in pods(example):
        for container in pod.containers:
            for name, value in env_of(container).items():
                if name.endswith(("PASSWORD", "USER_INFO")):
                    assert "secretKeyRef" in value, name


def test_each_process_is_its_own_user_of_kafka_where_it_has_one() -> None:
    users: dict[str, Any] = {one.owner: env_of(one.containers[0]).get("KAFKA_SASL_USERNAME") for one in pods(ALL)}
    assert users["loop-deliver"] == "leadloop-deliver"
    assert users["loop-topics"] == "leadloop-topics"
    assert users["loop-project"]["secretKeyRef"]["name"] == "leadloop-kafka"
    assert users["loop-report"] is None


@pytest.mark.parametrize(
    "text", ["endpoints: {}\n", "  endpoints:\n    a: {}\n", "# 'said' \\ \"so\"\n\n\tx: 1", "{{ .Values }}"]
)
def test_a_document_that_is_given_inline_arrives_as_it_is(text: str) -> None:
    objects = render(changed(ALL, "documents.endpoints.inline", text))
    (document,) = [one["data"] for one in objects if one["metadata"]["name"] == "loop-endpoints"]
    assert document == {"endpoints.yml": text}


def test_a_document_that_changes_restarts_only_who_reads_it() -> None:
    before = digests(render(values_of(ALL)))
    after = digests(render(changed(ALL, "documents.endpoints.inline", "endpoints: {other: {}}\n")))
    assert {name for name, digest in after.items() if before[name] != digest} == {"loop-deliver"}


def digests(objects: list[dict[str, Any]]) -> dict[str, str]:
    workloads = [one for one in objects if one["kind"] in ("Deployment", "StatefulSet")]
    return {
        one["metadata"]["name"]: one["spec"]["template"]["metadata"]["annotations"]["leadloop/documents"]
        for one in workloads
    }


def test_keda_decides_about_deliver_and_nothing_about_streams() -> None:
    (scaled,) = of_kind(ALL, "ScaledObject")
    target = scaled["spec"]["scaleTargetRef"]["name"]
    (deliver,) = [one for one in of_kind(ALL, "Deployment") if one["metadata"]["name"] == target]
    assert "replicas" not in deliver["spec"]
    assert scaled["spec"]["minReplicaCount"] >= 1
    asked = scaled["spec"]["triggers"][0]["metadata"]
    assert (asked["topic"], asked["consumerGroup"]) == ("sales.lead-recycled", "sales.leadloop-deliver")


def test_prometheus_finds_every_service_and_names_its_job_after_the_process() -> None:
    (monitor,) = of_kind(ALL, "ServiceMonitor")
    ports = {one["port"] for one in monitor["spec"]["endpoints"]}
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    jobs = set()
    for service in of_kind(ALL, "Service"):
        assert wanted <= service["metadata"]["labels"].items()
        assert {one["name"] for one in service["spec"]["ports"]} <= ports
        jobs.add(service["metadata"]["labels"][monitor["spec"]["jobLabel"]])
    assert jobs == set(PROCESSES)


def test_rules_and_dashboards_are_those_of_the_chart_whole() -> None:
    rules, boards = sorted((CHART / "files" / "rules").glob("*.yml")), (CHART / "files" / "dashboards").glob("*.json")
    groups = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in rules]
    assert [one["spec"] for one in of_kind(ALL, "PrometheusRule")] == groups
    shown = [one["data"] for one in of_kind(ALL, "ConfigMap") if "grafana_dashboard" in one["metadata"]["labels"]]
    assert sorted(name for one in shown for name in one) == sorted(path.name for path in boards)
    assert all(json.loads(text) for one in shown for text in one.values())


@pytest.mark.parametrize("process", PROCESSES)
def test_nobody_is_told_that_a_process_is_missing_which_is_switched_off(process: str) -> None:
    without = changed(ALL, f"{process}.enabled", value=False)
    assert alerts_by(manifests(ALL)) - alerts_by(render(without)) == {process}
    assert alerts_by(render(without)) >= {*PROCESSES, ""} - {process}


def alerts_by(objects: Iterable[dict[str, Any]]) -> set[str]:
    """The processes that alerts are about."""
    groups = [group for one in objects if one["kind"] == "PrometheusRule" for group in one["spec"]["groups"]]
    assert all(group["rules"] for group in groups)
    alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    return {rule["labels"].get("process", "") for rule in alerts}
