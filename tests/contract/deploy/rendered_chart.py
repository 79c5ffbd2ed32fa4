"""The chart, rendered by Helm itself (as a library, without a cluster) with each of its example values."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
CHART = ROOT / "deploy" / "helm" / "leadloop"
EXAMPLES = sorted(path.name for path in (CHART / "ci").glob("*.yaml"))
ALL, LEAST = "all-values.yaml", "least-values.yaml"
PROCESSES = ("streams", "ingest", "deliver", "project", "report", "audit")

helm = pytest.importorskip("helm_python.chart", reason="helm-python-sdk has no wheel for this platform")

Manifest = dict[str, Any]


def values_of(example: str) -> dict[str, Any]:
    text = (CHART / "ci" / example).read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def changed(example: str, path: str, value: object) -> dict[str, Any]:
    """The values of an example with one of them changed, at a dotted path."""
    values = deepcopy(values_of(example))
    *parents, last = path.split(".")
    at = values
    for parent in parents:
        at = at.setdefault(parent, {})
    at[last] = value
    return values


def render(values: dict[str, Any]) -> list[Manifest]:
    """All manifests. Raises Helm's error if the values or the templates are invalid."""
    with helm.Chart.load(CHART) as chart:
        chart.validate_schema(values)
        rendered = chart.render(values, name="demo", namespace="sales")
    texts = (text for path, text in rendered.items() if path.endswith(".yaml"))
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


@cache
def manifests(example: str) -> tuple[Manifest, ...]:
    return tuple(render(values_of(example)))


def of_kind(example: str, kind: str) -> list[Manifest]:
    return [one for one in manifests(example) if one["kind"] == kind]


@dataclass(frozen=True)
class Pod:
    """The pod of a workload."""

    owner: str
    labels: dict[str, str]
    spec: dict[str, Any]

    def __str__(self) -> str:
        return self.owner

    @property
    def containers(self) -> list[dict[str, Any]]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]


def pods(example: str) -> Iterator[Pod]:
    for one in manifests(example):
        if one["kind"] in ("StatefulSet", "Deployment", "Job"):
            template = one["spec"]["template"]
            yield Pod(one["metadata"]["name"], template["metadata"]["labels"], template["spec"])


def env_of(container: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container["env"]}
