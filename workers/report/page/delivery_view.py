"""Delivery: does every tool have what it should have."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from htpy import Node, bdi, code, fragment, li, q, span, tbody, td, th, tr, ul

from schemas.events import DeliveryOutcome
from workers.report.api_models import DeliveryModel, RecycleModel
from workers.report.queries import ReadModel

from .actions_view import actions_part
from .delivery_words import is_later, is_unsent
from .frame import Shown, column, missing, part, sheet
from .page_source import Source
from .phrases import lead_link, number, plural

QUESTION = "Does every tool have what it should have?"
NEWEST = 200
LISTED = 25
_NOTE = (
    "Deliveries of the newest {} recycles. Not sent: taken back before it was sent, left out by the filter of the "
    "tool, or the consent had ended."
)
_HAS: frozenset[DeliveryOutcome] = frozenset({"accepted", "no_op", "unverified"})
_WAITS: frozenset[DeliveryOutcome] = frozenset({"retry"})
_FAILED: frozenset[DeliveryOutcome] = frozenset({"refused", "dead"})


class DeliveredRecycle(NamedTuple):
    """A recycle, and what is known of handing it to one tool."""

    recycle: RecycleModel
    delivery: DeliveryModel


async def delivery_view(source: Source) -> Shown:
    """The deliveries of the newest recycles, by tool."""
    page = await source.model.recycles(None, None, NEWEST)
    known = [DeliveredRecycle(one, each) for one in page.recycles for each in one.deliveries]
    failed = [one for one in known if one.delivery.outcome in _FAILED]
    waiting = [one for one in known if one.delivery.outcome in _WAITS]
    without = [one for one in page.recycles if not one.deliveries and one.state == "standing"]
    later = [one for one in without if is_later(one, source.clock)]
    due = [one for one in without if not is_later(one, source.clock)]
    content = [
        part("By tool", _tools(known), note=_NOTE.format(number(len(page.recycles)))),
        part("What needs somebody", _trouble(failed, source), _how_to_resend(failed, source)),
        part("What waits", _waiting(waiting, due, source)),
        part("What may be sent later", _later(later, source)),
        actions_part(source, {one.delivery.endpoint for one in known}),
        missing(
            "Older deliveries are not counted here: the read model keeps them by lead, not by tool. The dashboard "
            "“Leadloop – delivery” in Grafana counts all of them.",
        ),
    ]
    return Shown(QUESTION, _answer(page.recycles, known, failed, waiting, due, later), content, "/delivery")


async def newest_tools(model: ReadModel) -> set[str]:
    """The tools that the view lists."""
    page = await model.recycles(None, None, NEWEST)
    return {delivery.endpoint for recycle in page.recycles for delivery in recycle.deliveries}


def _how_to_resend(failed: Sequence[DeliveredRecycle], source: Source) -> Node:
    """How to send again what failed."""
    if not failed:
        return None
    if source.actions is not None:
        return missing("Once the cause is removed, an operator can send it again below.")
    return missing(fragment["Once the cause is removed, send again with ", code["leadloop deliveries replay"], "."])


def _answer(
    recycles: Sequence[RecycleModel],
    known: Sequence[DeliveredRecycle],
    failed: Sequence[DeliveredRecycle],
    waiting: Sequence[DeliveredRecycle],
    due: Sequence[RecycleModel],
    later: Sequence[RecycleModel],
) -> Node:
    if not recycles:
        return "Nothing has been handed back yet, so no tool has to have anything."
    if not known:
        return "No result of a delivery is known yet: is leadloop deliver running, with an endpoint?"
    rest = f" {number(len(later))} may be sent later." if later else ""
    if not failed and not waiting and not due:
        return f"Yes: of the newest {number(len(recycles))} recycles, the tools have everything that was due.{rest}"
    parts = []
    if failed:
        parts.append(f"{_deliveries(len(failed))} failed and {plural(len(failed), 'needs', 'need')} a person")
    if waiting:
        parts.append(f"{_deliveries(len(waiting))} {plural(len(waiting), 'waits', 'wait')} to be sent again")
    if due:
        parts.append(f"{number(len(due))} {plural(len(due), 'is', 'are')} due without a result")
    return f"Not quite: of the newest {number(len(recycles))} recycles, {', '.join(parts)}.{rest}"


def _deliveries(count: int) -> str:
    return f"{number(count)} {plural(count, 'delivery', 'deliveries')}"


def _tools(known: Iterable[DeliveredRecycle]) -> Node:
    counts: Counter[tuple[str, str, DeliveryOutcome]] = Counter()
    for one in known:
        outcome = "expired" if is_unsent(one.delivery.outcome, one.delivery.attempts) else one.delivery.outcome
        counts[one.delivery.endpoint, one.delivery.action, outcome] += 1
    tools = sorted({(endpoint, action) for endpoint, action, _ in counts})
    if not tools:
        return missing("No result of a delivery is known yet.")
    head = [
        column("Tool", ""),
        column("Message", ""),
        column("Has it"),
        column("Waits"),
        column("Failed"),
        column("Not sent"),
    ]
    rows = [
        tr[
            th(scope="row")[bdi[endpoint]],
            td[{"RECYCLE": "handed back", "REVOKE": "taken back"}.get(action, action)],
            [td(".n")[number(count) if count else span(".none")["–"]] for count in _sums(counts, endpoint, action)],
        ]
        for endpoint, action in tools
    ]
    return sheet("Deliveries by tool", head, [tbody[rows]])


def _sums(counts: Mapping[tuple[str, str, DeliveryOutcome], int], endpoint: str, action: str) -> list[int]:
    """Has it, waits, failed, not sent."""
    of_tool = {outcome: n for (tool, what, outcome), n in counts.items() if (tool, what) == (endpoint, action)}
    parts = [sum(of_tool.get(outcome, 0) for outcome in group) for group in (_HAS, _WAITS, _FAILED)]
    return [*parts, sum(of_tool.values()) - sum(parts)]


def _trouble(failed: Sequence[DeliveredRecycle], source: Source) -> Node:
    if not failed:
        return missing("Nothing: no delivery of these recycles failed.")
    rows = [
        li[
            lead_link(one.recycle.lead_id),
            ": ",
            bdi[one.delivery.endpoint],
            " did not take it, ",
            source.clock.when(one.delivery.at),
            fragment[": ", q[bdi[one.delivery.detail]]] if one.delivery.detail else None,
            ".",
        ]
        for one in failed[:LISTED]
    ]
    return ul(".said")[rows]


def _waiting(waiting: Sequence[DeliveredRecycle], due: Sequence[RecycleModel], source: Source) -> Node:
    rows = [
        li[
            lead_link(one.recycle.lead_id),
            ": waits for ",
            bdi[one.delivery.endpoint],
            f" after {number(one.delivery.attempts)} {plural(one.delivery.attempts, 'attempt')}.",
        ]
        for one in waiting
    ]
    rows += [
        li[lead_link(one.lead_id), ": due since ", source.clock.when(one.not_before or one.at), ", no result yet."]
        for one in due
    ]
    return _first(rows) if rows else missing("Nothing that is due waits.")


def _later(later: Sequence[RecycleModel], source: Source) -> Node:
    """Those whose track begins later, the soonest first."""
    rows = [
        li[lead_link(one.lead_id), ": from ", source.clock.when(one.not_before), " on."]
        for one in sorted(later, key=lambda one: one.not_before or one.at)
    ]
    return _first(rows) if rows else missing("Nothing: the tracks of these recycles have begun.")


def _first(rows: Sequence[Node]) -> Node:
    hidden = len(rows) - LISTED
    return ul(".said")[rows[:LISTED], li[f"and {number(hidden)} more."] if hidden > 0 else None]
