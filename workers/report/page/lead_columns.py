"""The columns of the list of leads: the heading of each, and what a lead has in it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from htpy import Node, fragment, span, td, th, tr

from workers.report.api_models import LeadModel

from .event_sentences import money
from .frame import column, sheet, stage_mark
from .phrases import PROMISE_WORDS, Clock, lead_link, number, reason_name, value_name

Cell = Callable[[LeadModel, Clock], Node]


class LeadColumn(NamedTuple):
    """A column: its heading, whether it holds numbers, its cell for a lead, and its fields in the API."""

    heading: str
    kind: str
    cell: Cell
    fields: tuple[str, ...]


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
    "SUPPRESS": "not handed back: behind a gate",
    "HOLDOUT": "left alone, to compare",
    "RETIRE": "not handed back any more",
}


def _text(name: str) -> Cell:
    return lambda lead, _: value_name(getattr(lead, name)) if getattr(lead, name) else _dash()


def _dash() -> Node:
    return span(".none")["–"]


def _count(name: str) -> Cell:
    return lambda lead, _: number(value) if (value := getattr(lead, name)) else _dash()


def _date(name: str) -> Cell:
    return lambda lead, clock: clock.when(getattr(lead, name), "date")


def _amount(lead: LeadModel, _: Clock) -> Node:
    return _dash() if lead.amount is None else money(lead.amount, lead.currency)


def _delay(name: str) -> Cell:
    return lambda lead, _: _dash() if (value := getattr(lead, name)) is None else span_words(value)


def span_words(seconds: float) -> str:
    """`40 s`, `12 min`, `5 h`, `3 days`: the largest unit of which there are two."""
    for size, unit in ((86_400, " days"), (3_600, " h"), (60, " min")):
        if seconds >= 2 * size:
            return f"{number(int(seconds // size))}{unit}"
    return f"{seconds:.0f} s"


COLUMNS: Mapping[str, LeadColumn] = {
    "stage": LeadColumn("Stage", "", lambda lead, _: stage_mark(lead.stage), ("stage",)),
    "next": LeadColumn("What is next", "", next_words, ("due_at", "due_reason", "decision", "until")),
    "owner": LeadColumn("Owner", "", _text("owner_id"), ("owner_id",)),
    "origin": LeadColumn("Origin", "", _text("origin"), ("origin",)),
    "campaign": LeadColumn("Campaign", "", _text("campaign_id"), ("campaign_id",)),
    "segment": LeadColumn("Segment", "", _text("segment"), ("segment",)),
    "account": LeadColumn("Account", "", _text("account_id"), ("account_id",)),
    "reason": LeadColumn(
        "Reason",
        "",
        lambda lead, _: reason_name(lead.stall_reason) if lead.stall_reason else _dash(),
        ("stall_reason",),
    ),
    "pass": LeadColumn("Pass", "n", _count("pass_no"), ("pass_no",)),
    "touches": LeadColumn("Touches", "n", _count("touches"), ("touches",)),
    "last": LeadColumn("Last touch", "", _date("last_touch_at"), ("last_touch_at",)),
    "created": LeadColumn("Created", "", _date("created_at"), ("created_at",)),
    "recycles": LeadColumn("Handed back", "n", _count("recycles"), ("recycles",)),
    "amount": LeadColumn("Amount", "n", _amount, ("amount", "currency")),
    "closed": LeadColumn("Closed", "", _date("closed_at"), ("closed_at",)),
    "track": LeadColumn("Track", "", _text("track"), ("track",)),
    "risk": LeadColumn("At risk", "", lambda lead, _: "sales was warned" if lead.at_risk else _dash(), ("at_risk",)),
    "human": LeadColumn("Until first contact", "n", _delay("human_delay_seconds"), ("human_delay_seconds",)),
    "system": LeadColumn("Until it arrived here", "n", _delay("system_delay_seconds"), ("system_delay_seconds",)),
}
SHOWN_FOR = {
    "track": "track",
    "campaign": "campaign",
    "segment": "segment",
    "account": "account",
    "currency": "amount",
    "closed_from": "closed",
    "closed_before": "closed",
    "at_risk": "risk",
    "human_delay_from": "human",
    "system_delay_from": "system",
}
"""The column that a list has, too, if it is filtered by this."""
USUAL = ("stage", "next", "owner", "origin", "pass", "last")


def usual_columns(filters: Iterable[str]) -> tuple[str, ...]:
    """The columns of a list with these filters, unless others are chosen."""
    return tuple(dict.fromkeys((*USUAL, *(SHOWN_FOR[name] for name in filters if name in SHOWN_FOR))))


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
