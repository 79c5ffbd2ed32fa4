"""Recycling: what became of what was handed back."""

from collections.abc import Mapping

from htpy import Node, a, b, bdi, fragment, li, p, small, tbody, td, th, tr, ul

from workers.read_model.index import RecycleState
from workers.report.api_models import DeliveryModel, Overview, RecycleModel, RecyclePage
from workers.report.funnel_models import FunnelPage, FunnelRow
from workers.report.parameters import RecycleParameters

from .frame import Shown, column, missing, more_link, part, sheet
from .funnel_table import FIRST
from .page_source import Source
from .phrases import (
    DECISION_NAMES,
    OUTCOME_NAMES,
    Clock,
    address,
    amount_in_sentence,
    lead_link,
    number,
    of,
    of_leads,
    plural,
    reason_name,
    share,
)

QUESTION = "What became of what was handed back?"
LISTED = 25
STATE_NAMES: Mapping[RecycleState, str] = {
    "standing": "With marketing now",
    "requalified": "Passed to sales again by marketing",
    "revoked": "Taken back: it moved, was won, or must not be written to",
}
_WHY_NOT = ("HOLD", "SUPPRESS", "HOLDOUT", "RETIRE", "ESCALATE")


async def recycling_view(source: Source, asked: RecycleParameters) -> Shown:
    """Recycles by state and reason, what was not handed back, and the newest recycles."""
    overview = await source.overview()
    reasons = await source.model.funnel("reason", FIRST, None, 500)
    listed = await source.model.recycles(asked.state, asked.cursor, LISTED)
    content = [
        part("What became of it", _states(overview), note="Each time that a lead was handed back counts once."),
        part("By reason", _reasons(reasons), note="First passes: each number counts leads."),
        part("Cold, but not handed back", _why_not(overview)),
        part("The newest", _list(source.clock, listed, asked)),
        missing(
            "Whether handing back causes more than leaving leads alone is not shown here: the read model does not keep "
            "when a lead was drawn into the control group.",
            "Money won after handing back is not shown: the read model has no amounts with currencies.",
        ),
    ]
    return Shown(QUESTION, _answer(overview), content, "/recycling")


def _answer(overview: Overview) -> Node:
    states = overview.recycles
    every = sum(states.values())
    if not every:
        return "No lead has been handed back yet."
    return fragment[
        "A lead was handed back ",
        of(every, "/recycling"),
        f" {plural(every, 'time')}. ",
        amount_in_sentence(states["standing"], "/recycling", state="standing"),
        f" {plural(states['standing'], 'is', 'are')} with marketing now, marketing passed ",
        amount_in_sentence(states["requalified"], "/recycling", state="requalified"),
        " to sales again, and Leadloop took ",
        amount_in_sentence(states["revoked"], "/recycling", state="revoked"),
        " back.",
    ]


def _states(overview: Overview) -> Node:
    every = sum(overview.recycles.values())
    rows = [
        tr[
            th(scope="row")[words],
            td(".n")[of(overview.recycles[state], "/recycling", state=state)],
            td(".n")[share(overview.recycles[state], every)],
        ]
        for state, words in STATE_NAMES.items()
    ]
    head = [column("State", ""), column("Times"), column("Share")]
    return sheet("Recycles by state", head, [tbody[rows]], kind="snug")


def _reasons(page: FunnelPage) -> Node:
    rows = [_reason(row) for row in sorted(page.rows, key=lambda row: -row.recycled) if row.recycled]
    if not rows:
        return missing("No lead was handed back in its first pass.")
    head = [
        column("Reason", ""),
        column("Went cold"),
        column("Handed back"),
        column("Passed to sales again"),
        column("Won after that"),
    ]
    return sheet("Handed back, by reason", head, [tbody[rows]], is_sorted=True)


def _reason(row: FunnelRow) -> Node:
    def cell(step: str, whole: int) -> Node:
        count = getattr(row, step)
        link = of_leads(count, reason=row.value, step=step, pass_=FIRST)
        return td(".n")[link, small[share(count, whole)] if count else small[""]]

    return tr[
        th(scope="row")[bdi[reason_name(row.value)]],
        td(".n")[of_leads(row.stalled, reason=row.value, step="stalled", pass_=FIRST)],
        cell("recycled", row.stalled),
        cell("requalified", row.recycled),
        cell("won_back", row.recycled),
    ]


def _why_not(overview: Overview) -> Node:
    rows = [
        tr[
            th(scope="row")[DECISION_NAMES[name]],
            td(".n")[of_leads(count, decision=name)],
        ]
        for name, count in overview.decisions.items()
        if name in _WHY_NOT
    ]
    return sheet("Not handed back", [column("Why not", ""), column("Leads")], [tbody[rows]], kind="snug")


def _list(clock: Clock, listed: RecyclePage, asked: RecycleParameters) -> Node:
    if not listed.recycles:
        return missing("Nothing was handed back" + (f" that is {asked.state}." if asked.state else " yet."))
    head = [
        column("Lead", ""),
        column("Handed back", ""),
        column("Reason", ""),
        column("Track", ""),
        column("State", ""),
        column("Tools", ""),
    ]
    rows = [_recycle(clock, one) for one in listed.recycles]
    following = more_link("/recycling", "Older ones", state=asked.state, cursor=listed.next) if listed.next else None
    only = f", only {asked.state}" if asked.state else ""
    return [
        p(".note")[
            f"The newest {number(len(rows))}{only}. ",
            fragment["All of them: ", b[_csv(asked)]],
        ],
        sheet("Recycles, the newest first", head, [tbody[rows]], kind="list"),
        following,
    ]


def _csv(asked: RecycleParameters) -> Node:
    return a(href=address("/v1/recycles.csv", state=asked.state))["CSV"]


def _taken_back(one: DeliveryModel) -> str:
    return " (taken back)" if one.action == "REVOKE" else ""


def _recycle(clock: Clock, one: RecycleModel) -> Node:
    state = f"{one.state}: {reason_name(one.cause)}" if one.cause else one.state
    tools = [li[bdi[each.endpoint], _taken_back(each), ": ", OUTCOME_NAMES[each.outcome]] for each in one.deliveries]
    return tr[
        th(scope="row")[lead_link(one.lead_id)],
        td[clock.when(one.at)],
        td[bdi[reason_name(one.reason)] if one.reason else "not known any more"],
        td[bdi[one.track]],
        td[bdi[state]],
        td[ul[tools] if tools else "none yet"],
    ]
