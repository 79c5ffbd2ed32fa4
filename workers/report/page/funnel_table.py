"""Rows of the funnel as tables. One pass of each lead is counted, so that every number is a number of leads."""

from collections.abc import Sequence

from htpy import Node, fragment, p, small, tbody, td, th, tr

from workers.report.api_models import FunnelStep, PassLabel
from workers.report.funnel_models import FunnelPage, FunnelRow

from .frame import column, more_link, sheet
from .phrases import number, of_leads, reason_name, share, value_name
from .svg_charts import bar

NO_LIST = p(".note")["The numbers of “Others” open no list: no filter means “all other values”."]
FIRST: PassLabel = "1"
"""The pass that is counted unless another is chosen."""
SHOWN: tuple[tuple[FunnelStep, str], ...] = (
    ("touched", "Contacted"),
    ("progressed", "Moved"),
    ("stalled", "Went cold"),
    ("recycled", "Handed back"),
    ("won", "Won"),
    ("lost", "Lost"),
)


def funnel_table(heading: str, page: FunnelPage, *, dimension: str, pass_label: str = FIRST) -> Node:
    """A row for each value: leads, how many of them reached each step, and how many sales never contacted."""
    head = [
        column(heading, ""),
        column("Leads"),
        *(column(words) for _, words in SHOWN),
        column("Never contacted"),
        column("", "plot"),
    ]
    top = max((row.created - row.touched for row in page.rows), default=0)
    rows = [_row(row, {dimension: row.value}, pass_label, top) for row in page.rows]
    others = _others(page.others, (page.values or 0) - len(page.rows)) if page.others else None
    total = _row(page.total, {}, pass_label, 0) if page.next is None else None
    table = sheet(f"Leads by {dimension}", head, [tbody[rows, others, total]], is_sorted=others is None)
    return fragment[table, NO_LIST if others is not None else None]


def _row(row: FunnelRow, of_row: dict[str, str], pass_label: str, top: int) -> Node:
    never = row.created - row.touched
    filters: dict[str, object] = {**of_row, "pass": pass_label}
    name = _name(of_row) if of_row else "All"
    return tr(class_=None if of_row else "total")[
        th(scope="row")[name],
        td(".n")[of_leads(row.created, **filters, step="created")],
        [
            td(".n")[of_leads(getattr(row, step), **filters, step=step), _part_of(getattr(row, step), row.created)]
            for step, _ in SHOWN
        ],
        td(".n")[of_leads(never, **filters, step="created", without="touched"), _part_of(never, row.created)],
        td(".plot")[bar([(never, "m2")], top) if top else None],
    ]


def _others(row: FunnelRow, many: int) -> Node:
    """All that have no row of their own; no list has them."""
    counts = (row.created, *(getattr(row, step) for step, _ in SHOWN), row.created - row.touched)
    return tr(".total")[th(scope="row")[f"Others ({number(many)})"], [td(".n")[number(count)] for count in counts], td]


def _name(of_row: dict[str, str]) -> Node:
    ((dimension, value),) = of_row.items()
    return reason_name(value) if dimension == "reason" else value_name(value)


def _part_of(part: int, whole: int) -> Node:
    return small[share(part, whole)] if part else small[""]


def further_rows(page: FunnelPage, path: str, **filters: str) -> Node:
    """A link to the rows after these."""
    return more_link(path, "Further rows", **filters, cursor=page.next) if page.next else None


def most_of(rows: Sequence[FunnelRow]) -> FunnelRow | None:
    """The row with the most leads that sales never contacted."""
    found = max(rows, key=lambda row: row.created - row.touched, default=None)
    return found if found is not None and found.created > found.touched else None


def words_of_pass(pass_label: str) -> Node:
    """Which pass is counted, for a note."""
    names = {"1": "the first", "2": "the second", "3": "the third"}
    return fragment[f"Counted is {names.get(pass_label, pass_label)} pass of each lead to sales."]
