"""The demo's figures: from the workers' /metrics, from the marketing tool and from the read API."""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from workers.report.funnel_models import FunnelRow

from .child_process import get
from .processes import DemoProcesses

STEPS = ("created", "touched", "progressed", "stalled", "recycled", "won")
_UNFINISHED = {
    "leadloop_deliver_lag",  # of the topics of events; the waiting topics have records that are not due
    "leadloop_deliveries_queued",
    "leadloop_delivery_calls",
    "leadloop_deliveries_unsettled",
}
SETTLED = ("accepted", "no_op", "refused", "unverified", "dead", "expired")


@dataclass
class FunnelSnapshot:
    """Figures at one moment. `funnel` by (origin, step), all passes together; `now` is stream time in seconds."""

    funnel: Counter[tuple[str, str]] = field(default_factory=Counter)
    second_pass: Counter[str] = field(default_factory=Counter)
    leads: Counter[str] = field(default_factory=Counter)
    stalls: Counter[str] = field(default_factory=Counter)
    decisions: Counter[tuple[str, str]] = field(default_factory=Counter)
    now: float = 0.0
    lag: int = 0
    is_ready: bool = False

    def decided(self, action: str) -> int:
        return sum(count for (name, _), count in self.decisions.items() if name == action)

    def reached(self, step: str) -> int:
        """Passes that reached a step, of all origins."""
        return sum(count for (_, name), count in self.funnel.items() if name == step)

    @property
    def day(self) -> str:
        return datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%d") if self.now else "–"


def take(address: str) -> FunnelSnapshot:
    """Scrape the worker. Empty while it does not answer yet."""
    text = get(f"{address}/metrics") if address else None
    snapshot = FunnelSnapshot()
    for family in text_string_to_metric_families((text or b"").decode()):
        for sample in family.samples:
            _add(snapshot, sample.name, sample.labels, sample.value)
    return snapshot


def _add(snapshot: FunnelSnapshot, name: str, labels: dict[str, str], value: float) -> None:
    match name:
        case "leadloop_funnel_leads":
            snapshot.funnel[labels["origin"], labels["step"]] += int(value)
            if labels["pass"] != "1":  # noqa: S105  a journey of a lead, no password
                snapshot.second_pass[labels["step"]] += int(value)
        case "leadloop_leads":
            snapshot.leads[labels["stage"]] += int(value)
        case "leadloop_stalls_total":
            snapshot.stalls[labels["reason"]] += int(value)
        case "leadloop_decisions_total":
            snapshot.decisions[labels["action"], labels["why"]] += int(value)
        case "leadloop_stream_timestamp_seconds":
            snapshot.now = max(snapshot.now, value)
        case "leadloop_lag_records":
            snapshot.lag += int(value)
        case "leadloop_ready":
            snapshot.is_ready = bool(value)


@dataclass
class ExternalFigures:
    """Numbers at one moment.

    Attributes:
        outcomes: Of deliver, final and others.
        waiting: Records in the waiting topics, also of RECYCLEs that were revoked meanwhile.
        unfinished: What deliver has still to do now; it reports this once a second.
        received: By the marketing tool, like all that follow.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    unfinished: int = 0
    received: int = 0
    taken_back: int = 0
    in_nurture: int = 0
    refused: int = 0

    @property
    def settled(self) -> int:
        """Deliveries with a final outcome, and those that wait; one that was revoked while it waits counts twice."""
        return sum(self.outcomes[outcome] for outcome in SETTLED) + self.waiting


def external_figures(processes: DemoProcesses) -> ExternalFigures:
    """Query both; a process that does not respond yet contributes nothing."""
    counts = _json(get(f"{processes.marketing.address}/counts"))
    return ExternalFigures(
        *_deliveries(get(f"{processes.deliver.address}/metrics") if processes.deliver.address else None),
        **{name: counts.get(name, 0) for name in ("received", "taken_back", "in_nurture", "refused")},
    )


def read_totals(processes: DemoProcesses) -> FunnelRow | None:
    """All passes together, as the read API has them; None if it does not answer yet."""
    if not processes.report.address:
        return None
    found = _json(get(f"{processes.report.address}/v1/funnel", processes.files.key))
    return FunnelRow.model_validate(found["total"]) if found else None


def is_same_funnel(totals: FunnelRow, snapshot: FunnelSnapshot) -> bool:
    """Whether the read model has the numbers of streams."""
    return all(getattr(totals, step) == snapshot.reached(step) for step in STEPS)


def _deliveries(text: bytes | None) -> tuple[Counter[str], int, int]:
    """How many ended by outcome, how many wait, and how many are to be made now."""
    found, waiting, unfinished = Counter[str](), 0, 0
    for family in text_string_to_metric_families((text or b"").decode()):
        if family.name == "leadloop_deliveries":
            for sample in family.samples:
                if sample.name == "leadloop_deliveries_total":
                    found[sample.labels["outcome"]] += int(sample.value)
        elif family.name == "leadloop_deliveries_waiting":
            waiting += sum(int(sample.value) for sample in family.samples)
        elif family.name in _UNFINISHED:
            due = [one for one in family.samples if one.labels.get("topic", "lead-recycled") == "lead-recycled"]
            unfinished += sum(int(sample.value) for sample in due)
    return found, waiting, unfinished


def _json(body: bytes | None) -> dict[str, Any]:  # parsed JSON
    return dict(json.loads(body)) if body else {}
