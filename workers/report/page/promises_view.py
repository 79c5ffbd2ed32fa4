"""Promises: does sales keep them, and which can it still keep."""

from collections.abc import Mapping

from htpy import Node, bdi, code, fragment, p, small, tbody, td, th, tr

from workers.read_model.escalations import EscalationState
from workers.report.api_models import EscalationModel, EscalationPage, Overview, OwnerOverview
from workers.report.funnel_models import FunnelPage, FunnelRow
from workers.report.parameters import EscalationParameters

from .frame import Shown, column, missing, more_link, part, sheet
from .funnel_table import FIRST
from .kept_table import broken_sentence, kept_table
from .page_source import Source
from .phrases import (
    PROMISE_WORDS,
    amount_in_sentence,
    instant_text,
    lead_link,
    number,
    of,
    of_leads,
    plural,
    reason_name,
    share,
    value_name,
)
from .today_view import broken_in_sentence, today_ends

QUESTION = "Does sales keep its promises?"
LISTED, OWNERS = 25, 40
_KEPT_NOTE = (
    " Kept means that sales has contacted the lead and broke no promise to it so far. Each lead counts in its first "
    "pass, with the owner that it had at the end of that."
)
STATE_NAMES: Mapping[EscalationState, str] = {
    "open": "Sales still has time",
    "answered": "Answered: sales or the lead acted, or it came to sales again",
    "missed": "Missed: it was decided without an answer",
}


async def promises_view(source: Source, asked: EscalationParameters) -> Shown:
    """What falls due, what was broken, and the escalations."""
    overview = await source.overview()
    reasons = await source.model.funnel("reason", FIRST, None, 500)
    kept = await source.model.largest("owner", FIRST, OWNERS)
    listed = await source.model.escalations(asked.state, asked.owner, asked.cursor, LISTED)
    content = [
        part("Kept and broken", kept_table(kept), note=[broken_sentence(kept.total), _KEPT_NOTE]),
        part(
            "What runs, by owner",
            _owners(overview),
            note="Promises that run, and broken ones that sales was asked to act on.",
        ),
        part("What leads went cold for", _reasons(reasons), note="Why the first pass of each lead last went cold."),
        part("Broken promises that sales was asked to act on", _states(overview), _list(source, listed, asked)),
    ]
    return Shown(QUESTION, _answer(overview, kept.total), content, "/promises")


def _answer(overview: Overview, total: FunnelRow) -> Node:
    due, late = overview.overdue + overview.today, overview.decisions["ESCALATE"]
    states = overview.escalations
    settled = states["answered"] + states["missed"]
    asked = fragment[
        " Of ",
        number(settled),
        f" broken {plural(settled, 'promise')} that sales was asked to act on, ",
        amount_in_sentence(states["answered"], "/promises", state="answered"),
        f" {plural(states['answered'], 'was', 'were')} answered in time.",
    ]
    return fragment[
        "Sales has kept all promises to ",
        amount_in_sentence(total.kept, step="kept", pass_=FIRST),
        f" of {number(total.created)} {plural(total.created, 'lead')} so far, and broke one to ",
        amount_in_sentence(total.broken, step="broken", pass_=FIRST),
        ". Today ",
        amount_in_sentence(due, due_before=today_ends(overview)),
        f" {plural(due, 'promise falls', 'promises fall')} due. ",
        broken_in_sentence(late),
        asked if settled else None,
    ]


def _owners(overview: Overview) -> Node:
    if not overview.owners:
        return missing("No lead has an owner: send owner_id with lead-created or lead-updated.")
    head = [
        column("Owner", ""),
        column("Leads"),
        column("Due today"),
        column("Within 7 days"),
        column("Broken, can be answered"),
        column("Answered in time"),
        column("Missed"),
        column("Answered, of both"),
    ]
    rows = [_owner(one, overview) for one in overview.owners]
    more = small[f"The first {len(rows)} owners, by name."] if overview.has_more_owners else None
    return [sheet("Promises by owner", head, [tbody[rows]], is_sorted=True), p[more] if more else None]


def _owner(one: OwnerOverview, overview: Overview) -> Node:
    ends, week_ends = today_ends(overview), instant_text(overview.days[-1].ends)
    settled = one.answered + one.missed
    return tr[
        th(scope="row")[bdi[one.owner]],
        td(".n")[of_leads(one.leads, owner=one.owner)],
        td(".n")[of_leads(one.overdue + one.today, owner=one.owner, due_before=ends)],
        td(".n")[of_leads(one.week, owner=one.owner, due_from=ends, due_before=week_ends)],
        td(".n")[of_leads(one.escalated, owner=one.owner, decision="ESCALATE")],
        td(".n")[of(one.answered, "/promises", owner=one.owner, state="answered")],
        td(".n")[of(one.missed, "/promises", owner=one.owner, state="missed")],
        td(".n")[share(one.answered, settled)],
    ]


def _reasons(page: FunnelPage) -> Node:
    rows = [
        tr[
            th(scope="row")[bdi[reason_name(row.value)]],
            td[_who(row.value)],
            td(".n")[of_leads(row.stalled, reason=row.value, step="stalled", pass_=FIRST)],
            td(".n")[of_leads(row.recycled, reason=row.value, step="recycled", pass_=FIRST)],
            td(".n")[of_leads(row.won, reason=row.value, step="won", pass_=FIRST)],
        ]
        for row in sorted(page.rows, key=lambda row: -row.stalled)
        if row.stalled and row.value
    ]
    if not rows:
        return missing("No lead has gone cold yet.")
    head = [column("Reason", ""), column("Declared by", ""), column("Leads"), column("Handed back"), column("Won")]
    return sheet("Leads that went cold, by reason", head, [tbody[rows]], is_sorted=True)


def _who(reason: str) -> str:
    return "a promise that was broken" if reason in PROMISE_WORDS else "sales"


def _states(overview: Overview) -> Node:
    rows = [
        tr[th(scope="row")[words], td(".n")[of(overview.escalations[state], "/promises", state=state)]]
        for state, words in STATE_NAMES.items()
    ]
    return sheet("Escalations by state", [column("State", ""), column("Escalations")], [tbody[rows]], kind="snug")


def _list(source: Source, listed: EscalationPage, asked: EscalationParameters) -> Node:
    if not listed.escalations:
        return missing(
            "No broken promise was escalated" + (" with these filters." if asked.state or asked.owner else "."),
            fragment[
                "Sales is asked to act before a lead is handed back if the policy says ",
                code["escalate:"],
                " for the reason.",
            ],
        )
    head = [
        column("Lead", ""),
        column("Owner", ""),
        column("Promise", ""),
        column("Broken", ""),
        column("Sales has until", ""),
        column("State", ""),
    ]
    chosen = {"state": asked.state, "owner": asked.owner}
    following = more_link("/promises", "Older ones", **chosen, cursor=listed.next) if listed.next else None
    only = [f"{name} {value}" for name, value in chosen.items() if value]
    heading = f"The newest {number(len(listed.escalations))}" + (f", only {', '.join(only)}" if only else "")
    rows = [_escalation(source, one) for one in listed.escalations]
    return [p(".note")[heading], sheet("Escalations, the newest first", head, [tbody[rows]], kind="list"), following]


def _escalation(source: Source, one: EscalationModel) -> Node:
    return tr[
        th(scope="row")[lead_link(one.lead_id)],
        td[value_name(one.owner_id)],
        td[PROMISE_WORDS.get(one.reason, one.reason)],
        td[source.clock.when(one.at)],
        td[source.clock.when(one.until)],
        td[one.state],
    ]
