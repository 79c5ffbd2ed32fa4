"""Recycling: what became of what was handed back."""

from collections.abc import Mapping

from htpy import Node, a, b, bdi, fragment, li, p, tbody, td, th, tr, ul

from workers.read_model.index import RecycleState
from workers.report.api_models import DeliveryModel, Overview, RecycleModel, RecyclePage
from workers.report.cohort_pages import track_page
from workers.report.funnel_models import FunnelRow
from workers.report.parameters import RecycleParameters

from .delivery_words import is_later, is_unsent, outcome_words
from .event_sentences import CAUSES
from .frame import Shown, column, missing, more_link, part, sheet
from .funnel_table import FIRST
from .money_words import all_money
from .outcome_tables import beside_held_out, by_pass, by_reason, by_track
from .page_source import Source
from .phrases import (
    DECISION_NAMES,
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
_AFTER_NOTE = (
    "First passes of leads to sales: each number counts leads. “Won after that” is in the same pass or a later one; "
    "a lead that was handed back in two passes counts for both. Leads handed back a short time ago have not had the "
    "time to return."
)
_TRACK_NOTE = "Times, of recycles whose events are known. “With marketing now” opens its leads."
_HELD_NOTE = (
    "Leads that a lot left alone when they would have been handed back, in first passes. These are counts, no proof: "
    "the groups differ in size and in age, and only a comparison over equal times could say what handing back is worth."
)
_WHY_NOT = ("HOLD", "SUPPRESS", "HOLDOUT", "RETIRE", "ESCALATE")


async def recycling_view(source: Source, asked: RecycleParameters) -> Shown:
    """Recycles by state and reason, what was not handed back, and the newest recycles."""
    overview = await source.overview()
    reasons = await source.model.funnel("reason", FIRST, None, 500)
    passes = await source.model.funnel("pass", None, None, 4)
    tracks = (await track_page(source.model)).tracks
    listed = await source.model.recycles(asked.state, asked.cursor, LISTED)
    content = [
        part("What became of it", _states(overview), note="Each time that a lead was handed back counts once."),
        part("By reason", by_reason(reasons.rows), by_pass(passes.rows), note=_AFTER_NOTE),
        part("By track", by_track(tracks), note=_TRACK_NOTE),
        part("Beside leads that were left alone", beside_held_out(reasons.total), note=_HELD_NOTE),
        part("Cold, but not handed back", _why_not(overview)),
        part("The newest", _list(source.clock, listed, asked)),
    ]
    return Shown(QUESTION, _answer(overview, reasons.total), content, "/recycling")


def _answer(overview: Overview, total: FunnelRow) -> Node:
    states = overview.recycles
    every = sum(states.values())
    if not every:
        return "No lead has been handed back yet."
    return fragment[
        f"{plural(every, 'A lead was', 'Leads were')} handed back ",
        of(every, "/recycling"),
        f" {plural(every, 'time')}. ",
        amount_in_sentence(states["standing"], "/recycling", state="standing"),
        f" {plural(states['standing'], 'is', 'are')} with marketing now, marketing passed ",
        amount_in_sentence(states["requalified"], "/recycling", state="requalified"),
        " to sales again, and Leadloop took ",
        amount_in_sentence(states["revoked"], "/recycling", state="revoked"),
        " back. ",
        _won_after(total),
    ]


def _won_after(total: FunnelRow) -> Node:
    if not total.won_after:
        return "None of these leads has been won after that yet."
    money = fragment[": ", all_money(total.money_after)] if total.money_after else None
    leads = of_leads(total.won_after, step="won_after", pass_=FIRST)
    return fragment[leads, f" first {plural(total.won_after, 'pass was', 'passes were')} won after that", money, "."]


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
        return missing(
            "Nothing was handed back" + (f" of this state: {STATE_NAMES[asked.state]}." if asked.state else " yet.")
        )
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
    only = f", only “{STATE_NAMES[asked.state]}”" if asked.state else ""
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
    tools = [
        li[bdi[each.endpoint], _taken_back(each), ": ", bdi[outcome_words(each)]]
        for each in one.deliveries
        if each.action != "REVOKE" or not is_unsent(each.outcome, each.attempts)
    ]
    return tr[
        th(scope="row")[lead_link(one.lead_id)],
        td[clock.when(one.at)],
        td[bdi[reason_name(one.reason)] if one.reason else "not known any more"],
        td[bdi[one.track]],
        td[_state(one)],
        td[ul[tools] if tools else _without_result(one, clock)],
    ]


def _state(one: RecycleModel) -> Node:
    if one.state != "revoked":
        return {"standing": "with marketing", "requalified": "passed to sales again"}[one.state]
    why = CAUSES.get(one.cause) or reason_name(one.cause)
    return fragment["taken back", fragment[": ", bdi[why]] if one.cause else None]


def _without_result(one: RecycleModel, clock: Clock) -> Node:
    if one.state != "standing":
        return "none"
    return fragment["none yet: not before ", clock.when(one.not_before)] if is_later(one, clock) else "none yet"
