"""The filters of the list of leads: read from an address, shown as a form, and written in words."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, get_args
from zoneinfo import ZoneInfo

from htpy import (
    Element,
    Node,
    a,
    button,
    datalist,
    details,
    div,
    form,
    fragment,
    input,  # noqa: A004  # the element
    label,
    option,
    p,
    select,
    span,
    summary,
)
from starlette.datastructures import QueryParams

from workers.http.problems import Problem
from workers.report.api_models import DecisionFilter, FunnelStep, PassLabel
from workers.report.parameters import LeadParameters

from .lead_columns import COLUMNS, usual_columns
from .phrases import DECISION_NAMES, EPOCH, NONE_WORD, STAGE_NAMES, Clock, address, joined, reason_name

LIMIT = 50
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_OTHERS = ("amount_from", "amount_below", "currency", "at_risk", "human_delay_from", "system_delay_from")
_OF_THE_PAGE = ("cols", "cursor")
FILTER_NAMES = {
    "begins": "lead begins with",
    "stage": "stage",
    "decision": "decision",
    "reason": "reason",
    "origin": "origin",
    "campaign": "campaign",
    "owner": "owner",
    "segment": "segment",
    "account": "account",
    "track": "track",
    "pass": "pass",
    "step": "reached",
    "without": "never reached",
    "due_from": "due from",
    "due_before": "due before",
    "stalled": "cold",
    "created_from": "created from",
    "created_before": "created before",
    "touched_from": "last touch from",
    "touched_before": "last touch before",
    "closed_from": "closed from",
    "closed_before": "closed before",
    "amount_from": "amount from",
    "amount_below": "amount below",
    "currency": "currency",
    "at_risk": "promise at risk",
    "system_delay_from": "arrived late by",
    "human_delay_from": "contacted after",
    "sort": "order",
}
TIMES = tuple(f"{name}_{end}" for name in ("created", "touched", "closed", "due") for end in ("from", "before"))
ORDER_NAMES: Mapping[str, str] = {
    "-created": "newest first",
    "created": "oldest first",
    "due": "promise that breaks next first",
    "touched": "last touch the longest ago first",
    "-touched": "last touch newest first",
    "-closed": "closed last first",
    "-amount": "largest amount first",
    "amount": "smallest amount first",
}


class AskedLeads(NamedTuple):
    """What an address asks for: filters as texts, columns, and where the page begins."""

    filters: Mapping[str, str]
    columns: Sequence[str]
    cursor: str | None

    @classmethod
    def of(cls, given: QueryParams) -> "AskedLeads":
        """Read an address; a field of a form that was left empty is no filter.

        Raises:
            Problem: 422, a column does not exist.
        """
        columns = given.getlist("cols")
        for name in columns:
            if name not in COLUMNS:
                raise Problem("invalid", f"there is no column {name[:64]!r}; there are: {', '.join(COLUMNS)}")
        filters = {name: value for name, value in given.items() if value and name not in _OF_THE_PAGE}
        return cls(filters, columns or usual_columns(filters), given.get("cursor") or None)

    @property
    def chosen_columns(self) -> Sequence[str]:
        """The columns, if they are others than lists with these filters have."""
        return self.columns if tuple(self.columns) != usual_columns(self.filters) else ()

    def _kept(self, without: str) -> dict[str, str]:
        """The filters but for one; without a currency there are no amounts."""
        kept = {name: value for name, value in self.filters.items() if name != without}
        if without == "currency":
            kept = {name: value for name, value in kept.items() if "amount" not in (name if name != "sort" else value)}
        return kept

    def parameters(self, zone: ZoneInfo, *, without: str = "") -> LeadParameters:
        """As the API takes them; a day begins at midnight in `zone`.

        Raises:
            ValidationError: One does not exist, or does not fit.
        """
        given = {name: "" if value == NONE_WORD else value for name, value in self._kept(without).items()}
        if given.get("begins") == "":
            del given["begins"]
        for name in TIMES:
            if _DAY.fullmatch(given.get(name, "")):
                given[name] = f"{midnight(given[name], zone):%Y-%m-%dT%H:%M:%S%z}"
        return LeadParameters.model_validate({**given, "limit": LIMIT, "cursor": self.cursor})

    def address(self, path: str = "/leads", *, without: str = "", **more: str | None) -> str:
        """The address of the same leads; with the usual columns where they are shown."""
        kept = self._kept(without)
        columns = [("cols", name) for name in self.chosen_columns]
        query = address("", **kept, **more).removeprefix("?")
        return f"{path}?{'&'.join([query] * bool(query) + [f'{name}={value}' for name, value in columns])}"


def filters_form(asked: AskedLeads, known: Mapping[str, Sequence[str]]) -> Element:
    def text(name: str, words: str, kind: str = "", of: str = "search") -> Element:
        value, listed = asked.filters.get(name, ""), f"known-{name}" if known.get(name) else None
        return label(class_=kind or None)[
            span[words],
            input(type=of, name=name, value=value, autocomplete="off", spellcheck="false", list=listed),
            datalist(id=listed)[[option(value=one) for one in known[name]]] if listed else None,
        ]

    def choice(name: str, words: str, values: Mapping[str, str]) -> Element:
        chosen = asked.filters.get(name, "")
        every = [option(value=value, selected=value == chosen)[shown] for value, shown in values.items()]
        return label[span[words], select(name=name)[option(value="")["any"], every]]

    stages: dict[str, str] = {name: name for name in STAGE_NAMES}
    decisions = {name: DECISION_NAMES[name] for name in get_args(DecisionFilter)}
    steps = {name: step_name(name) for name in get_args(FunnelStep)}
    dates = TIMES[:6]
    more = ("campaign", "segment", "account", "track", "pass", "step", "without", "decision", *dates, *_OTHERS)
    hidden = [name for name in ("due_from", "due_before", "stalled") if name in asked.filters]
    hidden += [name for name in dates if not _DAY.fullmatch(asked.filters.get(name, "0000-00-00"))]
    return form(".filters", action="/leads", method="get", role="search", aria_label="Filter leads")[
        text("begins", "Lead, or how its name begins", "find"),
        choice("stage", "Stage", stages),
        text("reason", "Reason"),
        text("origin", "Origin"),
        text("owner", "Owner"),
        choice("sort", "Order", ORDER_NAMES),
        button(type="submit")["Show"],
        [input(type="hidden", name=name, value=asked.filters[name]) for name in hidden],
        [input(type="hidden", name="cols", value=name) for name in asked.chosen_columns],
        details(open=any(name in asked.filters for name in more))[
            summary["More filters"],
            div[
                [text(name, FILTER_NAMES[name].capitalize()) for name in more[:4]],
                choice("pass", "Pass", {name: name for name in get_args(PassLabel)}),
                choice("step", "Reached", steps),
                choice("without", "Never reached", steps),
                choice("decision", "Decision", decisions),
                [text(name, FILTER_NAMES[name].capitalize(), of="date") for name in dates if name not in hidden],
                text("amount_from", "Amount from"),
                text("amount_below", "Amount below"),
                text("currency", "Currency, such as EUR"),
                choice("at_risk", "Promise at risk", {"true": "sales was warned"}),
                text("human_delay_from", "Contacted after, such as 4h"),
                text("system_delay_from", "Arrived late by, such as 10m"),
            ],
        ],
    ]


def step_name(step: str) -> str:
    """A step of the funnel, as readers call it."""
    names = {
        "touched": "contacted",
        "progressed": "moved",
        "stalled": "went cold",
        "recycled": "handed back",
        "requalified": "passed to sales again",
        "won_back": "won in a later pass",
        "won_after": "won after it was handed back",
        "kept": "contacted, and all promises kept",
        "broken": "a promise was broken",
        "held_out": "left alone, to compare",
        "held_requalified": "left alone, then passed to sales again",
        "held_won": "left alone, then won",
    }
    return names.get(step, step)


def _shown_value(name: str, value: str, clock: Clock) -> Node:
    if name in TIMES:
        at = midnight(value, clock.zone) if _DAY.fullmatch(value) else datetime.fromisoformat(value)
        return clock.when(at, "date" if _DAY.fullmatch(value) else "full")
    if name in {"step", "without"}:
        return step_name(value)
    return reason_name(value) if name == "reason" and value != NONE_WORD else value


def filter_words(name: str, value: str, clock: Clock) -> Node:
    if name == "due_from" and value == EPOCH:
        return "with a promise, the next first"
    if name == "stalled":
        return "cold, the longest first" if value == "true" else "not cold"
    if name == "at_risk":
        return "with a promise at risk" if value == "true" else "without a promise at risk"
    if name == "sort":
        return fragment["in order: ", ORDER_NAMES.get(value, value)]
    return fragment[FILTER_NAMES.get(name, name), ": ", _shown_value(name, value, clock)]


def filter_chips(asked: AskedLeads, clock: Clock) -> Node:
    chips = [
        a(href=asked.address(without=name), aria_label=f"Remove the filter {FILTER_NAMES.get(name, name)}")[
            filter_words(name, value, clock), span(aria_hidden="true")[" ×"]
        ]
        for name, value in asked.filters.items()
    ]
    return p(".chips")["Only: ", joined(chips, ", ")] if chips else None


def midnight(day: str, zone: ZoneInfo) -> datetime:
    """When a day begins. Raises Problem (422) if it does not exist."""
    try:
        return datetime.fromisoformat(day).replace(tzinfo=zone)
    except ValueError as error:
        raise Problem("invalid", f"there is no day {day}") from error
