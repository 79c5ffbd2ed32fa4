"""Cohorts in the funnel: how far the leads of each month or week got, and as many before them."""

from collections.abc import Mapping
from datetime import datetime

from htpy import Element, Node, a, fragment, p, small, tbody, td, th, tr

from workers.read_model.cohorts import CohortLength
from workers.report.cohort_models import CohortPage, CohortRow
from workers.report.cohort_pages import begins_before
from workers.report.funnel_models import FunnelRow
from workers.report.funnel_rows import currencies_of

from .frame import column, part, sheet
from .funnel_asked import AskedFunnel
from .money_words import currency_name, duration_cells, lasted, money_cell
from .phrases import Clock, address, instant_text, number, of_leads, share

_STEPS = (("touched", "Contacted"), ("progressed", "Moved"), ("won", "Won"), ("broken", "Promise broken"))
_NAMES: Mapping[CohortLength, str] = {"month": "months", "week": "weeks"}


def created_between(begins: datetime, ends: datetime) -> dict[str, object]:
    """The filters of the list of leads that were created then."""
    return {"created_from": instant_text(begins), "created_before": instant_text(ends)}


def cohort_part(page: CohortPage, asked: AskedFunnel, clock: Clock) -> Element:
    """The cohorts, their sum, and that of the period before; each number opens its leads."""
    by = asked.cohorts
    filters: dict[str, object] = {"pass": asked.label, "origin": asked.origin}
    shown = currencies_of(row.won_money for row in page.rows)
    head = [
        column("Created", ""),
        column("Leads"),
        *(column(words) for _, words in _STEPS),
        *(column(f"Won, {currency_name(one)}") for one in shown),
        column("First contact, half of all"),
        column("9 of 10"),
    ]
    rows = [
        _row(_name(row, clock), row, shown, {**filters, **created_between(row.begins, row.ends)}) for row in page.rows
    ]
    begins, ends = page.rows[0].begins, page.rows[-1].ends
    before = begins_before(by, begins, len(page.rows))
    sums = [
        _row("These together", page.total, shown, {**filters, **created_between(begins, ends)}, "total"),
        _row(
            f"The {len(page.rows)} {_NAMES[by]} before",
            page.before,
            shown,
            {**filters, **created_between(before, begins)},
            "total",
        ),
    ]
    other: CohortLength = "week" if by == "month" else "month"
    links = p(".note")[
        a(href=asked.address(cohorts=other) + "#cohorts")[f"By {other}"],
        " · ",
        a(href=address("/v1/cohorts.csv", by=by, **filters, **{"from": asked.first, "to": asked.last}))[
            "Download as CSV"
        ],
    ]
    note = (
        "Months and weeks are those in UTC in which leads were created. Young cohorts can still grow in every column. "
        "Money and times are those of the leads in their row; they open no list of their own."
    )
    table = sheet(f"Leads by {by} of creation", head, [tbody[rows, sums]], kind="snug")
    return part("By time of creation", table, links, note=[_compared(page), " ", note], anchor="cohorts")


def time_part(total: FunnelRow) -> Element:
    """How long each step took."""
    times = (
        ("Created to first contact, of all created", total.contact),
        ("First contact to progress, of all contacted", total.progress),
        ("Created to going cold, of those that did", total.cold),
        ("Created to won, of those that were won", total.win),
    )
    head = [
        column("Step", ""),
        column("Half of all within"),
        column("9 of 10 within"),
        column("Known"),
        column("Longer"),
    ]
    rows = [
        tr[th(scope="row")[step], duration_cells(took), td(".n")[number(took.known)], td(".n")[number(took.longer)]]
        for step, took in times
        if took is not None
    ]
    note = (
        "Who has not got there yet counts as longer. A time is at most 19% below what is said. Passes of which a time "
        "is not known, because they ended before Leadloop kept it, are left out."
    )
    return part("Time in each step", sheet("Time in each step", head, [tbody[rows]], kind="snug"), note=note)


def _compared(page: CohortPage) -> Node:
    if not page.before.created or not page.total.created:
        return None
    now, before = (100 * row.touched / row.created for row in (page.total, page.before))
    half = _half(page)
    return fragment[
        f"Sales contacted {now:.0f}% of these leads, {abs(now - before):.0f} points ",
        "more" if now >= before else "less",
        " than of those before.",
        half,
    ]


def _half(page: CohortPage) -> Node:
    ours, theirs = page.total.contact, page.before.contact
    if ours is None or theirs is None or not ours.known or not theirs.known:
        return None
    within = (lasted(one.half_seconds) for one in (ours, theirs))
    return " Half of all were contacted within {}, before within {}.".format(*within)


def _name(row: CohortRow, clock: Clock) -> Node:
    is_over = row.ends <= clock.now
    words = (
        f"{row.begins:%b %Y}" if len(row.value) == len("2026-03") else f"week of {row.begins.day} {row.begins:%b %Y}"
    )
    return words if is_over else fragment[words, small[" so far"]]


def _row(
    name: Node, row: FunnelRow, currencies: list[str], filters: dict[str, object], kind: str | None = None
) -> Element:
    cells = [(step, getattr(row, step), share(getattr(row, step), row.created)) for step, _ in _STEPS]
    return tr(class_=kind)[
        th(scope="row")[name],
        td(".n")[of_leads(row.created, step="created", **filters)],
        [
            td(".n")[of_leads(count, step=step, **filters), small[of_all if count else ""]]
            for step, count, of_all in cells
        ],
        [money_cell(row.won_money, one) for one in currencies],
        duration_cells(row.contact),
    ]
