"""The list of leads: filters in the address, columns to choose, pages that stay where they are, all of it as CSV."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, get_args
from urllib.parse import urlencode

from htpy import (
    Element,
    Node,
    a,
    b,
    button,
    datalist,
    details,
    div,
    fieldset,
    form,
    fragment,
    h2,
    input,  # noqa: A004  # the element
    label,
    legend,
    li,
    option,
    p,
    select,
    span,
    summary,
    ul,
)
from starlette.datastructures import QueryParams

from workers.http.problems import Problem
from workers.report.api_models import DecisionFilter, FunnelDimension, FunnelStep, LeadPage, PassLabel
from workers.report.parameters import LeadParameters

from .frame import Shown
from .lead_columns import COLUMNS, USUAL, lead_table
from .page_source import Source
from .phrases import DECISION_NAMES, EPOCH, NONE_WORD, STAGE_NAMES, Clock, address, joined, number, plural, reason_name

LIMIT, MOST_VALUES = 50, 100
QUESTION = "Which leads are these?"
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
        return cls(filters, columns or USUAL, given.get("cursor") or None)

    def parameters(self, *, without: str = "") -> LeadParameters:
        """As the API takes them. Raises ValidationError if one does not exist, or does not fit."""
        given = {name: "" if value == NONE_WORD else value for name, value in self.filters.items() if name != without}
        if given.get("begins") == "":
            del given["begins"]
        return LeadParameters.model_validate({**given, "limit": LIMIT, "cursor": self.cursor})

    def address(self, path: str = "/leads", *, without: str = "", **more: str | None) -> str:
        """The address of the same leads; with the usual columns where they are shown."""
        kept = {name: value for name, value in self.filters.items() if name != without}
        columns = [("cols", name) for name in self.columns] if tuple(self.columns) != USUAL else []
        query = address("", **kept, **more).removeprefix("?")
        return f"{path}?{'&'.join([query] * bool(query) + [f'{name}={value}' for name, value in columns])}"


async def leads_view(source: Source, given: QueryParams) -> Shown:
    """The list that an address asks for."""
    asked = AskedLeads.of(given)
    parameters = asked.parameters()
    page = await source.model.leads(parameters.query, parameters.cursor, LIMIT)
    if not page.leads and page.next is None and asked.cursor is None:
        return await _none(source, asked)
    content = [
        _filters(asked, await _known_values(source)),
        _chips(asked, source.clock),
        _tools(asked, page, parameters),
        lead_table(page.leads, asked.columns, source.clock),
        _pages(asked, page),
    ]
    return Shown(QUESTION, _answer(page, asked), content, "/leads", is_list=True)


async def _known_values(source: Source) -> dict[str, list[str]]:
    """The first values of some filters, to choose from."""
    dimensions: tuple[FunnelDimension, ...] = ("origin", "owner", "reason", "campaign")
    return {by: await source.model.values(by, MOST_VALUES) for by in dimensions}


async def story_of(source: Source, given: QueryParams) -> str | None:
    """The address of the one lead that a search by its whole id means; None if it means none."""
    asked = AskedLeads.of(given)
    wanted = asked.filters.get("begins")
    if wanted is None or len(asked.filters) > 1 or await source.model.lead(wanted) is None:
        return None
    return address("/lead", id=wanted)


def _answer(page: LeadPage, asked: AskedLeads) -> Node:
    if page.total is not None:
        fit = "fits" if page.total == 1 else "fit"
        words = f"{plural(page.total, 'lead')} {fit} these filters." if asked.filters else "leads are known."
        return fragment[b[number(page.total)], f" {words}"]
    if page.next is None and asked.cursor is None:
        fit = "fits" if len(page.leads) == 1 else "fit"
        return fragment[b[number(len(page.leads))], f" {plural(len(page.leads), 'lead')} {fit} these filters."]
    return "Leads that fit these filters, in the order of their names."


def _filters(asked: AskedLeads, known: Mapping[str, Sequence[str]]) -> Element:
    def text(name: str, words: str, kind: str = "") -> Element:
        value, listed = asked.filters.get(name, ""), f"known-{name}" if known.get(name) else None
        return label(class_=kind or None)[
            span[words],
            input(type="search", name=name, value=value, autocomplete="off", spellcheck="false", list=listed),
            datalist(id=listed)[[option(value=one) for one in known[name]]] if listed else None,
        ]

    def choice(name: str, words: str, values: Mapping[str, str]) -> Element:
        chosen = asked.filters.get(name, "")
        every = [option(value=value, selected=value == chosen)[shown] for value, shown in values.items()]
        return label[span[words], select(name=name)[option(value="")["any"], every]]

    stages: dict[str, str] = {name: name for name in STAGE_NAMES}
    decisions = {name: DECISION_NAMES[name] for name in get_args(DecisionFilter)}
    steps = {name: step_name(name) for name in get_args(FunnelStep)}
    more = ("campaign", "segment", "account", "track", "pass", "step", "without", "decision")
    hidden = [name for name in ("due_from", "due_before", "stalled") if name in asked.filters]
    return form(".filters", action="/leads", method="get", role="search", aria_label="Filter leads")[
        text("begins", "Lead, or how its name begins", "find"),
        choice("stage", "Stage", stages),
        text("reason", "Reason"),
        text("origin", "Origin"),
        text("owner", "Owner"),
        button(type="submit")["Show"],
        [input(type="hidden", name=name, value=asked.filters[name]) for name in hidden],
        [input(type="hidden", name="cols", value=name) for name in asked.columns if tuple(asked.columns) != USUAL],
        details(open=any(name in asked.filters for name in more))[
            summary["More filters"],
            div[
                [text(name, FILTER_NAMES[name].capitalize()) for name in more[:4]],
                choice("pass", "Pass", {name: name for name in get_args(PassLabel)}),
                choice("step", "Reached", steps),
                choice("without", "Never reached", steps),
                choice("decision", "Decision", decisions),
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
        "won_back": "won after that",
    }
    return names.get(step, step)


def _shown_value(name: str, value: str, clock: Clock) -> Node:
    if name in {"due_from", "due_before"}:
        return clock.when(datetime.fromisoformat(value))
    if name in {"step", "without"}:
        return step_name(value)
    return reason_name(value) if name == "reason" and value != NONE_WORD else value


def _filter_words(name: str, value: str, clock: Clock) -> Node:
    if name == "due_from" and value == EPOCH:
        return "with a promise, the next first"
    if name == "stalled":
        return "cold, the longest first" if value == "true" else "not cold"
    return fragment[FILTER_NAMES.get(name, name), ": ", _shown_value(name, value, clock)]


def _chips(asked: AskedLeads, clock: Clock) -> Node:
    chips = [
        a(href=asked.address(without=name), aria_label=f"Remove the filter {FILTER_NAMES.get(name, name)}")[
            _filter_words(name, value, clock), span(aria_hidden="true")[" ×"]
        ]
        for name, value in asked.filters.items()
    ]
    return p(".chips")["Only: ", joined(chips, ", ")] if chips else None


def _tools(asked: AskedLeads, page: LeadPage, parameters: LeadParameters) -> Element:
    of_total = f" of {number(page.total)}" if page.total is not None and page.total > len(page.leads) else ""
    shown = f"{number(len(page.leads))}{of_total}"
    given = parameters.model_dump(by_alias=True, exclude_none=True, mode="json", exclude={"limit", "cursor"})
    return div(".tools")[
        p[b[shown], f" {plural(page.total or len(page.leads), 'lead')}"],
        _chooser(asked),
        a(href=_api_address(given))["Download all as CSV"],
    ]


def _api_address(given: Mapping[str, object]) -> str:
    query = urlencode({name: str(value).lower() if isinstance(value, bool) else value for name, value in given.items()})
    return f"/v1/leads.csv{f'?{query}' if query else ''}"


def _chooser(asked: AskedLeads) -> Element:
    boxes = [
        label[input(type="checkbox", name="cols", value=name, checked=name in asked.columns), f" {one.heading}"]
        for name, one in COLUMNS.items()
    ]
    return details(".choose")[
        summary["Columns"],
        form(action="/leads", method="get")[
            [input(type="hidden", name=name, value=value) for name, value in asked.filters.items()],
            fieldset[legend(".hidden")["Columns to show"], boxes],
            button(type="submit")["Show these columns"],
        ],
    ]


def _pages(asked: AskedLeads, page: LeadPage) -> Node:
    first = a(href=asked.address())["First page"] if asked.cursor else None
    if page.next is None:
        return p(".pages")[first] if first else None
    words = "Next page" if page.leads else "None of these fits. Search on"
    return p(".pages")[first, a(href=asked.address(cursor=page.next), rel="next")[words]]


async def _none(source: Source, asked: AskedLeads) -> Shown:
    """No lead fits: which filter to remove, and how many leads fit then."""
    rows, known = [], await _known_values(source)
    for name, value in asked.filters.items():
        page = await source.model.leads(asked.parameters(without=name).query, None, LIMIT)
        count = page.total if page.total is not None else len(page.leads)
        more = " or more" if page.total is None and page.next is not None else ""
        if count:
            words = fragment["Remove “", _filter_words(name, value, source.clock), "”"]
            fit = f"{number(count)}{more} {plural(count, 'lead fits', 'leads fit')} then."
            rows.append(li[a(href=asked.address(without=name))[words], f": {fit}"])
    advice = [h2["What to do"], ul(".said")[rows]] if rows else None
    answer = "No lead fits these filters." if asked.filters else "No lead has arrived yet."
    return Shown(
        QUESTION,
        answer,
        [_filters(asked, known), _chips(asked, source.clock), div(".empty")[advice]],
        "/leads",
        is_list=True,
    )
