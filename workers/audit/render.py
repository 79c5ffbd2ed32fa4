"""The result of an audit for people, and for machines."""

import json
from collections import Counter
from collections.abc import Iterator

import msgspec
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from schemas.instants import bounded_iso as iso

from .delivery_audit import DeliveryState, NotJudged
from .differences import KINDS, AuditDifference
from .lead_audit import NotCheckable
from .plain_lead import STEPS
from .result import AuditProgress, AuditResult, OpenStalls
from .waiting_stalls import OpenStall

WHY_NOT_CHECKABLE: dict[NotCheckable, str] = {
    "expired": "the topics no longer hold all of their facts",
    "deleted": "their snapshots were deleted",
    "late_facts": "facts came later than streams remembers",
    "version_before": "a version with other rules decided about them",
}

WHY_NOT_JUDGED: dict[NotJudged, str] = {
    "expired": "the topics no longer hold all of their results",
    "before_endpoint": "the endpoint was given no such event before",
    "endpoint_gone": "their endpoint is no longer in the endpoints file",
}
WORDS_OF_STATES = {"waiting": "wait", "in_progress": "are in progress", "dead": "were given up: dead letters"}


def difference_line(one: AuditDifference) -> str:
    """One JSON object."""
    return _json({"record": "difference", **msgspec.structs.asdict(one)})


def open_stall_line(one: OpenStall) -> str:
    """One JSON object."""
    fields = msgspec.structs.asdict(one)
    return _json({"record": "open_stall", **fields, "at": iso(one.at), "until": _instant(one.until)})


def open_stall_text(one: OpenStall) -> str:
    """One line: the lead, its stall, and what it waits for."""
    return f"{one.lead_id}  {one.reason} since {iso(one.at)}: {_waits(one.decision, one.why)}{_until(one.until)}"


def result_line(result: AuditResult) -> str:
    """One JSON object with all counts."""
    counts = {
        "leads": result.leads,
        "balanced": result.balanced,
        "differing": result.differing,
        "pending": result.pending,
        "not_checkable": result.not_checkable,
        "differences": result.differences,
        "stages": result.stages,
        "standing": result.standing,
        "open_stalls": [_stalls_row(*waits, stalls) for waits, stalls in sorted(result.open_stalls.items())],
        "funnel": _funnel(result),
        "deliveries": _deliveries(result),
        "repeated": result.repeated,
        "not_judged": result.not_judged,
        "read_model": result.read_model,
    }
    times = {"begun_at": iso(result.begun_at), "held_since": _instant(result.held_since or None)}
    totals = {"records": result.records, "seconds": round(result.seconds, 1)}
    return _json({"record": "result", "is_balanced": result.is_balanced, **times, **totals, **counts})


def text(result: AuditResult) -> str:
    """The counts, in lines."""
    return "\n".join(_lines(result))


def _lines(result: AuditResult) -> Iterator[str]:
    rate = f", {result.leads / result.seconds:,.0f} leads per second" if result.seconds else ""
    as_of = f"as of {iso(result.begun_at)}, in {result.seconds:.1f} s{rate}"
    yield f"{result.leads:,} leads, {result.records:,} records {as_of}"
    if result.held_since:
        yield f"only leads that were created after {iso(result.held_since)} can be checked"
    yield f"{result.balanced:>11,} balance"
    for unchecked, count in sorted(result.not_checkable.items()):
        yield f"{count:>11,} cannot be checked: {WHY_NOT_CHECKABLE[unchecked]}"
    if result.pending:
        yield f"{result.pending:>11,} were being processed"
    yield f"{result.differing:>11,} differ"
    for kind, count in sorted(result.differences.items()):
        yield f"{count:>13,} × {kind}: {KINDS[kind]}"
    yield "stages: " + ", ".join(f"{stage} {count:,}" for stage, count in sorted(result.stages.items()))
    yield "funnel: " + ", ".join(f"{step} {count:,}" for step, count in _totals(result).items())
    yield f"standing recycles: {result.standing:,}"
    yield f"open stalls: {sum(one.count for one in result.open_stalls.values()):,}"
    for (decision, why), stalls in sorted(result.open_stalls.items()):
        yield f"{stalls.count:>11,} {_waits(decision, why)}{_dates(stalls)}"
    yield from _delivery_lines(result)
    if result.read_model:
        compared, behind = result.read_model["compared"], result.read_model["behind"]
        yield f"read model: {compared:,} leads compared, {behind:,} not projected yet"
    yield "everything balances" if result.is_balanced else "NOT BALANCED"


def _delivery_lines(result: AuditResult) -> Iterator[str]:
    states = Counter[DeliveryState]()
    for (_, state), count in result.deliveries.items():
        states[state] += count
    yield f"deliveries: {states.total():,}"
    for state, count in sorted(states.items()):
        due = f", the first is due at {iso(result.first_due_at)}" if state == "waiting" and result.first_due_at else ""
        yield f"{count:>11,} {WORDS_OF_STATES.get(state, state)}{due}"
    for endpoint, count in sorted(result.repeated.items()):
        yield f"{count:>11,} arrived more than once at {endpoint}: delivery is at least once"
    for unjudged, count in sorted(result.not_judged.items()):
        yield f"{count:>11,} cannot be judged: {WHY_NOT_JUDGED[unjudged]}"


def _waits(decision: str, why: str) -> str:
    return "wait for nothing: not decided" if decision == "UNKNOWN" else f"{decision} {why}"


def _until(until: int | None) -> str:
    return "" if until is None else f" until {iso(until)}"


def _dates(stalls: OpenStalls) -> str:
    if stalls.first_until is None or stalls.last_until is None:
        return ""
    return f", the first until {iso(stalls.first_until)}, the last until {iso(stalls.last_until)}"


def _stalls_row(decision: str, why: str, stalls: OpenStalls) -> dict[str, object]:
    dates = {"first_until": _instant(stalls.first_until), "last_until": _instant(stalls.last_until)}
    return {"decision": decision, "why": why, "count": stalls.count, **dates}


def _totals(result: AuditResult) -> dict[str, int]:
    return {step: sum(count for (_, name), count in result.steps.items() if name == step) for step in STEPS}


def _funnel(result: AuditResult) -> dict[str, dict[str, int]]:
    origins = sorted({origin for origin, _ in result.steps})
    return {origin: {step: result.steps[origin, step] for step in STEPS} for origin in origins}


def _deliveries(result: AuditResult) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (endpoint, state), count in sorted(result.deliveries.items()):
        found.setdefault(endpoint, {})[state] = count
    return found


def _instant(at: int | None) -> str | None:
    return None if at is None else iso(at)


def _json(row: dict[str, object]) -> str:
    return json.dumps(row, ensure_ascii=False)


class AuditProgressBar:
    """A bar on the terminal: records read, leads audited. Call it with each AuditProgress, inside `with`."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("auditing"), BarColumn(), TextColumn("{task.fields[detail]}"), TimeElapsedColumn())
        self.bars = Bars(*columns, console=console, transient=True)
        self._task = self.bars.add_task("", total=None, detail="")

    def __call__(self, progress: AuditProgress) -> None:
        detail = (
            f"{progress.doing}: {progress.records:,} of {progress.records_total:,} records, {progress.leads:,} leads"
        )
        self.bars.update(self._task, total=progress.records_total, completed=progress.records, detail=detail)
