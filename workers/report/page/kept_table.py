"""Promises kept and broken, and the time to first contact, by owner and for all."""

from htpy import Element, Node, fragment, p, small, tbody, td, th, tr

from workers.report.funnel_models import FunnelPage, FunnelRow

from .frame import column, sheet
from .funnel_table import FIRST
from .money_words import duration_cells, known_of
from .phrases import number, of_leads, share, value_name
from .svg_charts import bar


def kept_table(page: FunnelPage) -> Node:
    """A row for each owner, the one with the most leads first."""
    head = [
        column("Owner", ""),
        column("Leads"),
        column("All promises kept"),
        column("One broken"),
        column("", "plot"),
        column("Broken, and cold now"),
        column("First contact, half of all"),
        column("First contact, 9 of 10"),
    ]
    top = max((row.broken for row in page.rows), default=0)
    rows = [_row(value_name(row.value), row, {"owner": row.value}, top) for row in page.rows]
    others = _others(page.others, (page.values or 0) - len(page.rows)) if page.others else None
    total = _row("All", page.total, {}, 0)
    return [
        sheet("Promises kept and broken, by owner", head, [tbody[rows, others, total]], is_sorted=page.others is None),
        p(".note")[
            "First contact: of all leads that were created; who was not contacted yet counts as longer ",
            f"({known_of(page.total.contact)}).",
        ],
    ]


def broken_sentence(total: FunnelRow) -> Node:
    """The share of all leads whose promise was broken, ever and now."""
    return fragment[
        "Of all ",
        of_leads(total.created, step="created", pass_=FIRST),
        " leads, ",
        of_leads(total.broken, step="broken", pass_=FIRST),
        f" ({share(total.broken, total.created)}) had a promise broken at some time in their first pass; ",
        of_leads(total.broken_now, step="broken", stalled="true", pass_=FIRST),
        f" ({share(total.broken_now, total.created)}) of them are cold now.",
    ]


def _row(name: Node, row: FunnelRow, of_row: dict[str, str], top: int) -> Element:
    filters: dict[str, object] = {**of_row, "pass": FIRST}
    return tr(class_=None if of_row else "total")[
        th(scope="row")[name],
        td(".n")[of_leads(row.created, **filters, step="created")],
        td(".n")[of_leads(row.kept, **filters, step="kept"), _part(row.kept, row.created)],
        td(".n")[of_leads(row.broken, **filters, step="broken"), _part(row.broken, row.created)],
        td(".plot")[bar([(row.broken, "m2")], top) if top else None],
        td(".n")[of_leads(row.broken_now, **filters, step="broken", stalled="true")],
        duration_cells(row.contact),
    ]


def _others(row: FunnelRow, many: int) -> Element:
    return tr(".total")[
        th(scope="row")[f"Others ({number(many)})"],
        [td(".n")[number(count)] for count in (row.created, row.kept, row.broken)],
        td,
        td(".n")[number(row.broken_now)],
        duration_cells(row.contact),
    ]


def _part(part: int, whole: int) -> Node:
    return small[share(part, whole)] if part else small[""]
