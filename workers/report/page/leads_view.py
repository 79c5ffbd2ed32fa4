"""The list of leads: filters in the address, columns to choose, pages that stay where they are, all of it as CSV."""

from collections.abc import Mapping
from urllib.parse import urlencode

from htpy import (
    Element,
    Node,
    a,
    b,
    button,
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
    p,
    summary,
    ul,
)
from starlette.datastructures import QueryParams

from workers.report.api_models import FunnelDimension, LeadPage
from workers.report.parameters import LeadParameters

from .frame import Shown
from .lead_columns import COLUMNS, lead_table
from .lead_filters import LIMIT, ORDER_NAMES, AskedLeads, filter_chips, filter_words, filters_form
from .page_source import Source
from .phrases import address, number, plural

MOST_VALUES = 100
QUESTION = "Which leads are these?"


async def leads_view(source: Source, given: QueryParams) -> Shown:
    """The list that an address asks for."""
    asked = AskedLeads.of(given)
    parameters = asked.parameters(source.clock.zone)
    page = await source.model.leads(parameters.query, parameters.cursor, LIMIT)
    if not page.leads and page.next is None and asked.cursor is None:
        return await _none(source, asked)
    content = [
        filters_form(asked, await _known_values(source)),
        filter_chips(asked, source.clock),
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
    if asked.filters.get("sort"):
        order = ORDER_NAMES.get(asked.filters["sort"], asked.filters["sort"])
        return f"Leads that fit these filters, in this order: {order}."
    return "Leads that fit these filters, in the order of their names."


def _tools(asked: AskedLeads, page: LeadPage, parameters: LeadParameters) -> Element:
    of_total = f" of {number(page.total)}" if page.total is not None and page.total > len(page.leads) else ""
    shown = f"{number(len(page.leads))}{of_total}"
    given = parameters.model_dump(by_alias=True, exclude_none=True, mode="json", exclude={"limit", "cursor"})
    given |= {name: asked.filters[name] for name in ("human_delay_from", "system_delay_from") if name in given}
    fields = ["lead_id", *(field for name in asked.columns for field in COLUMNS[name].fields)]
    return div(".tools")[
        p[b[shown], f" {plural(page.total or len(page.leads), 'lead')}"],
        _chooser(asked),
        a(href=_api_address({**given, "fields": ",".join(fields)}))["Download all as CSV"],
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
        page = await source.model.leads(asked.parameters(source.clock.zone, without=name).query, None, LIMIT)
        count = page.total if page.total is not None else len(page.leads)
        more = " or more" if page.total is None and page.next is not None else ""
        if count:
            words = fragment["Remove “", filter_words(name, value, source.clock), "”"]
            fit = f"{number(count)}{more} {plural(count, 'lead fits', 'leads fit')} then."
            rows.append(li[a(href=asked.address(without=name))[words], f": {fit}"])
    advice = [h2["What to do"], ul(".said")[rows]] if rows else None
    answer = "No lead fits these filters." if asked.filters else "No lead has arrived yet."
    return Shown(
        QUESTION,
        answer,
        [filters_form(asked, known), filter_chips(asked, source.clock), div(".empty")[advice]],
        "/leads",
        is_list=True,
    )
