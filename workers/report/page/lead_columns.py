"""The columns of the list of leads: the heading of each, and what a lead has in it."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from htpy import Node, fragment, span, td, th, tr

from workers.report.api_models import LeadModel

from .frame import column, sheet, stage_mark
from .phrases import PROMISE_WORDS, Clock, lead_link, number, reason_name, value_name

Cell = Callable[[LeadModel, Clock], Node]


class LeadColumn(NamedTuple):
    """A column: its heading, whether it holds numbers, and its cell for a lead."""

    heading: str
    kind: str
    cell: Cell


def next_words(lead: LeadModel, clock: Clock) -> Node:
    """What the lead waits for, in the fewest words that are still true."""
    if lead.due_at is not None and lead.stage != "won":
        return fragment[PROMISE_WORDS.get(lead.due_reason, lead.due_reason), " by ", clock.when(lead.due_at)]
    if lead.stage in _OF_STAGE:
        return _OF_STAGE[lead.stage]
    if lead.decision == "ESCALATE":
        return fragment["sales can still answer, until ", clock.when(lead.until)]
    if lead.decision == "HOLD":
        return fragment["on hold until ", clock.when(lead.until, "date")]
    return _OF_DECISION.get(lead.decision, "nothing is promised")


_OF_STAGE: Mapping[str, str] = {"won": "won", "nurture": "with marketing"}
_OF_DECISION: Mapping[str, str] = {
    "SUPPRESS": "stays: a gate is closed",
    "HOLDOUT": "left alone, to compare",
    "RETIRE": "is not handed back any more",
}


def _text(name: str) -> Cell:
    return lambda lead, _: value_name(getattr(lead, name)) if getattr(lead, name) else _dash()


def _dash() -> Node:
    return span(".none")["–"]


def _count(name: str) -> Cell:
    return lambda lead, _: number(value) if (value := getattr(lead, name)) else _dash()


def _date(name: str) -> Cell:
    return lambda lead, clock: clock.when(getattr(lead, name), "date")


COLUMNS: Mapping[str, LeadColumn] = {
    "stage": LeadColumn("Stage", "", lambda lead, _: stage_mark(lead.stage)),
    "next": LeadColumn("What is next", "", next_words),
    "owner": LeadColumn("Owner", "", _text("owner_id")),
    "origin": LeadColumn("Origin", "", _text("origin")),
    "campaign": LeadColumn("Campaign", "", _text("campaign_id")),
    "segment": LeadColumn("Segment", "", _text("segment")),
    "account": LeadColumn("Account", "", _text("account_id")),
    "reason": LeadColumn(
        "Reason", "", lambda lead, _: reason_name(lead.stall_reason) if lead.stall_reason else _dash()
    ),
    "pass": LeadColumn("Pass", "n", _count("pass_no")),
    "touches": LeadColumn("Touches", "n", _count("touches")),
    "last": LeadColumn("Last touch", "", _date("last_touch_at")),
    "created": LeadColumn("Created", "", _date("created_at")),
    "recycles": LeadColumn("Handed back", "n", _count("recycles")),
    "expected": LeadColumn("Expected, minor units", "n", _count("expected_amount")),
}
USUAL = ("stage", "next", "owner", "origin", "pass", "last")


def lead_table(leads: Sequence[LeadModel], chosen: Sequence[str], clock: Clock) -> Node:
    """A table of leads; roles keep it one for screen readers where a narrow window stacks its cells."""
    shown = {name: COLUMNS[name] for name in chosen}
    head = [column("Lead", ""), *(column(one.heading, one.kind) for one in shown.values())]
    rows = [
        tr(role="row")[
            th(scope="row", role="rowheader")[lead_link(lead.lead_id)],
            [
                td(class_=f"{one.kind} k-{name}".strip(), role="cell")[one.cell(lead, clock)]
                for name, one in shown.items()
            ],
        ]
        for lead in leads
    ]
    kind = "list usual" if tuple(chosen) == USUAL else "list"
    return sheet("Leads", head, rows, kind=kind)
