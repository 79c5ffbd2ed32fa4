"""What observes Leadloop, as tests look at it: panels, rules, the series they name, and those that processes export."""

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
    "$job": "streams|ingest|deliver|project|report",
    "$instance": ".+",
    "$origin": ".+",
}
COMPARISONS = {"==", "!=", ">", "<", ">=", "<="}
OF_PROMETHEUS = {"up", "ALERTS"}


@dataclass(frozen=True)
class Panel:
    """A panel that asks for something."""

    board: str
    title: str
    json: Mapping[str, Any]

    @property
    def queries(self) -> list[str]:
        return [target["expr"] for target in self.json["targets"]]

    def __str__(self) -> str:
        return f"{self.board}: {self.title}"


def panels() -> list[Panel]:
    """Every panel of every dashboard, rows left out."""
    return [
        Panel(path.stem, panel["title"], panel)
        for path in BOARDS
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
        if panel["type"] != "row"
    ]


def rules() -> list[dict[str, Any]]:
    """Every rule as it stands in its file."""
    return [rule for path in RULES for group in _groups(path) for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def _groups(path: Path) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    return groups


def filled_in(query: str, variables: Mapping[str, str] = VARIABLES) -> str:
    """A panel's query as Grafana sends it."""
    for name, value in variables.items():
        query = query.replace(name, value)
    return query


def parsed(query: str) -> promql_parser.Expr:
    """Raises ValueError where it is no PromQL."""
    return promql_parser.parse(filled_in(query))


def nodes(query: str) -> list[promql_parser.Expr]:
    """Every node of a query's tree, parents before children."""
    found: list[promql_parser.Expr] = []
    promql_parser.walk(parsed(query), found.append)
    return found


def selectors(query: str) -> list[promql_parser.VectorSelector]:
    """The series that a query asks for."""
    return [node for node in nodes(query) if isinstance(node, promql_parser.VectorSelector)]


def without_thresholds(query: str) -> str:
    """A query that answers wherever its series are there and match, whatever they are worth.

    Comparisons answer 0 or 1 in place of nothing, `unless` asks for both sides, `absent` for what should be there, and
    what is compared with last week is compared with now.
    """
    return str(promql_parser.transform(parsed(query), None, _told))


def _told(node: promql_parser.Expr) -> promql_parser.Expr | None:
    match node:
        case promql_parser.VectorSelector(offset=offset) if offset is not None:
            return promql_parser.parse(re.sub(r" offset \w+$", "", str(node)))
        case promql_parser.BinaryExpr(op=op) if str(op) in COMPARISONS and not (
            node.modifier and node.modifier.return_bool
        ):
            return promql_parser.parse(f"({node.lhs}) {op} bool ({node.rhs})")
        case promql_parser.BinaryExpr(op=op) if str(op) == "unless":
            of_alerts = named(str(node.rhs)) == {"ALERTS"}  # which need not have fired
            return promql_parser.parse(str(node.lhs) if of_alerts else f"({node.lhs}) and ({node.rhs})")
        case promql_parser.Call(func=func) if func.name == "absent":
            return promql_parser.parse(f"({node.args[0]})")
        case _:
            return None


def named(query: str) -> set[str]:
    """The names of the series that a query asks for."""
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
    ReportMetrics(registry)


PROCESSES: Mapping[str, Callable[[CollectorRegistry], object]] = {
    "streams": _streams,
    "ingest": _ingest,
    "deliver": lambda registry: DeliveryMetrics(registry, ["nurture"]),
    "project": ProjectMetrics,
    "report": _report,
}


def exported(process: str) -> dict[str, str]:
    """The families of series that a process exports, without those of every Python process, and their types."""
    registry = CollectorRegistry()
    PROCESSES[process](registry)
    return {family.name: family.type for family in registry.collect()}


def samples_of(families: Mapping[str, str]) -> set[str]:
    """The names that Prometheus knows these families by."""
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
