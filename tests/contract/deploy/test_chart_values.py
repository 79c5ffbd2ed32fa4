"""The values of the chart: validated by its schema and its templates, documented, each with a default."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tests.contract.deploy.rendered_chart import (
    CHART,
    LEAST,
    PROCESSES,
    ROOT,
    changed,
    render,
)


def test_an_unknown_value_is_refused() -> None:
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
def test_an_invalid_value_is_refused(path: str, value: object) -> None:
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
def test_values_that_contradict_each_other_are_refused_with_the_reason(path: str, value: object, says: str) -> None:
    with pytest.raises(Exception, match=says):
        render(changed(LEAST, path, value))


def test_a_restricted_ingest_that_prometheus_scrapes_needs_metrics_from() -> None:
    values = changed(LEAST, "networkPolicy.clientsFrom", [{"podSelector": {}}])
    assert render(values)
    values["monitoring"] = {"serviceMonitor": {"enabled": True}}
    with pytest.raises(Exception, match=r"networkPolicy\.metricsFrom is not set"):
        render(values)


def test_the_values_in_the_documentation_are_valid() -> None:
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8").replace("sha256:…", f"sha256:{'0' * 64}")
    examples = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert len(examples) > 1
    for example in examples:
        assert len(render(yaml.safe_load(example))) > len(PROCESSES)


def test_the_schema_and_the_defaults_have_the_same_values() -> None:
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
