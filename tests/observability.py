"""Panels, rules, the series that they query, and the series that processes export."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import promql_parser
import yaml
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from streams.agents.lead_job import LeadJob
from streams.domain.policy import Policy
from streams.runtime.settings import KafkaSettings, Settings
from tests.fakes import FakeDriver
from workers.audit.metrics import AuditMetrics
from workers.delivery.events import RECYCLES
from workers.delivery.runtime.metrics import DeliveryMetrics
from workers.http.metrics import HttpMetrics
from workers.ingest.metrics import IngestMetrics
from workers.projection.metrics import ProjectMetrics
from workers.report.metrics import ReportMetrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[1]
BOARDS = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
RULES = sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))
RULE_TESTS = sorted((ROOT / "deploy/prometheus/tests").glob("*.yml"))
VARIABLES = {
    "$__rate_interval": "1m",
    "$__range": "6h",
    "$job": "streams|ingest|deliver|project|report|audit",
    "$instance": ".+",
    "$origin": ".+",
    "$endpoint": ".+",
}
COMPARISONS = {"==", "!=", ">", "<", ">=", "<="}
OF_PROMETHEUS = {"up", "ALERTS"}


@dataclass(frozen=True)
class Panel:
    """A panel with queries."""

    board: str
    title: str
    json: Mapping[str, Any]

    @property
    def queries(self) -> list[str]:
        return [target["expr"] for target in self.json["targets"]]

    def __str__(self) -> str:
        return f"{self.board}: {self.title}"


def panels() -> list[Panel]:
    """Every panel of every dashboard, except rows."""
    return [
        Panel(path.stem, panel["title"], panel)
        for path in BOARDS
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
        if panel["type"] != "row"
    ]


def rules() -> list[dict[str, Any]]:
    """Every rule of every file."""
    return [rule for path in RULES for group in _groups(path) for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def _groups(path: Path) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    return groups


def expand_variables(query: str, variables: Mapping[str, str] = VARIABLES) -> str:
    """The query of a panel with Grafana's variables replaced."""
    for name, value in variables.items():
        query = query.replace(name, value)
    return query


def parsed(query: str) -> promql_parser.Expr:
    """The syntax tree of a query. Raises ValueError if it is not PromQL."""
    return promql_parser.parse(expand_variables(query))


def nodes(query: str) -> list[promql_parser.Expr]:
    """Every node of a query's tree, parents before children."""
    found: list[promql_parser.Expr] = []
    promql_parser.walk(parsed(query), found.append)
    return found


def selectors(query: str) -> list[promql_parser.VectorSelector]:
    """The selectors of a query."""
    return [node for node in nodes(query) if isinstance(node, promql_parser.VectorSelector)]


def without_thresholds(query: str) -> str:
    """A query that returns a result if its series exist and match, whatever their values.

    Comparisons return 0 or 1 instead of nothing, `unless` and `absent` require their series, and a comparison with last
    week is one with now.
    """
    return str(promql_parser.transform(parsed(query), None, _without_threshold))


def _without_threshold(node: promql_parser.Expr) -> promql_parser.Expr | None:
    match node:
        case promql_parser.VectorSelector(offset=offset) if offset is not None:
            return promql_parser.parse(re.sub(r" offset \w+$", "", str(node)))
        case promql_parser.BinaryExpr(op=op) if str(op) in COMPARISONS and not (
            node.modifier and node.modifier.return_bool
        ):
            return promql_parser.parse(f"({node.lhs}) {op} bool ({node.rhs})")
        case promql_parser.BinaryExpr(op=op) if str(op) == "unless":
            of_alerts = series_of(str(node.rhs)) == {"ALERTS"}  # which may not have fired
            return promql_parser.parse(str(node.lhs) if of_alerts else f"({node.lhs}) and ({node.rhs})")
        case promql_parser.Call(func=func) if func.name == "absent":
            return promql_parser.parse(f"({node.args[0]})")
        case _:
            return None


def series_of(query: str) -> set[str]:
    """The names of the series in a query."""
    return {one.name for one in selectors(query) if one.name}


# -- what processes export -------------------------------------------------------------------------


def _streams(registry: CollectorRegistry) -> None:
    kafka = KafkaSettings(bootstrap_servers="nowhere:9092")
    job = LeadJob(Settings(kafka=kafka, data_dir=Path()), Policy(), Codec(Catalogue.bundled()), registry)
    job.observe(FakeDriver())


def _ingest(registry: CollectorRegistry) -> None:
    HttpMetrics(registry)
    IngestMetrics(registry)


def _report(registry: CollectorRegistry) -> None:
    HttpMetrics(registry)
    ReportMetrics(registry, 0)


PROCESSES: Mapping[str, Callable[[CollectorRegistry], object]] = {
    "streams": _streams,
    "ingest": _ingest,
    "deliver": lambda registry: DeliveryMetrics(registry, {"nurture": RECYCLES}),
    "project": ProjectMetrics,
    "report": _report,
    "audit": lambda registry: AuditMetrics(registry, 3600.0),
}


def exported(process: str) -> dict[str, str]:
    """The families of series that a process exports, without those of every Python process, and their types."""
    registry = CollectorRegistry()
    PROCESSES[process](registry)
    return {family.name: family.type for family in registry.collect()}


def samples_of(families: Mapping[str, str]) -> set[str]:
    """The names of the samples of these families."""
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "info": ("_info",)}
    return {f"{name}{suffix}" for name, kind in families.items() for suffix in suffixes.get(kind, ("",))}


def of_python() -> set[str]:
    """The series of every process."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return samples_of({family.name: family.type for family in registry.collect()})


def sections(path: Path) -> set[str]:
    """The headings of a document, as links name them."""
    found = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in found}
