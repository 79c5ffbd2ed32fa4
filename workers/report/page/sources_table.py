"""Sources as a table: leads, steps, money, what each lead brought, and what was won for what was spent."""

from htpy import Element, Node, fragment, small, span, tbody, td, th, tr

from workers.report.funnel_models import FunnelPage, FunnelRow
from workers.report.funnel_rows import currencies_of

from .frame import column, sheet
from .funnel_table import FIRST, NO_LIST
from .money_words import currency_name, money_cell
from .phrases import number, of_leads, share, value_name
from .svg_charts import bar


def sources_table(heading: str, page: FunnelPage, dimension: str) -> Node:
    """A row for each source, then all others together, then all."""
    rows = [*page.rows, page.others] if page.others else page.rows
    shown = currencies_of(row.won_money for row in rows)
    spent = [one for one in shown if one in page.total.spent]
    head = [
        column(heading, ""),
        column("Leads"),
        column("Contacted"),
        column("Moved"),
        column("Won"),
        *(column(f"Won, {currency_name(one)}") for one in shown),
        *(column(f"{currency_name(one)} won per lead") for one in shown),
        *(column(f"Spent, {one}") for one in spent),
        *(column(f"{one} won for 1 spent") for one in spent),
        column("Never contacted"),
        column("", "plot"),
    ]
    top = max((row.created - row.touched for row in page.rows), default=0)
    table = _SourceRows(dimension, shown, spent, top)
    content = [table.row(row, {dimension: row.value}) for row in page.rows]
    others = table.others(page.others, (page.values or 0) - len(page.rows)) if page.others else None
    total = table.total(page.total) if page.next is None else None
    whole = sheet(f"{heading}s", head, [tbody[content, others, total]], is_sorted=page.others is None)
    return fragment[whole, NO_LIST if others is not None else None]


class _SourceRows:
    def __init__(self, dimension: str, shown: list[str], spent: list[str], top: int) -> None:
        self._dimension = dimension
        self._shown = shown
        self._spent = spent
        self._top = top

    def row(self, row: FunnelRow, of_row: dict[str, str]) -> Element:
        filters: dict[str, object] = {**of_row, "pass": FIRST}
        return tr[
            th(scope="row")[value_name(row.value)],
            td(".n")[of_leads(row.created, **filters, step="created")],
            [
                td(".n")[of_leads(getattr(row, step), **filters, step=step), _part(getattr(row, step), row.created)]
                for step in ("touched", "progressed", "won")
            ],
            self._money(row),
            td(".n")[
                of_leads(row.created - row.touched, **filters, step="created", without="touched"),
                _part(row.created - row.touched, row.created),
            ],
            td(".plot")[bar([(row.created - row.touched, "m2")], self._top) if self._top else None],
        ]

    def total(self, row: FunnelRow) -> Element:
        filters: dict[str, object] = {"pass": FIRST}
        return tr(".total")[
            th(scope="row")["All"],
            td(".n")[of_leads(row.created, **filters, step="created")],
            [td(".n")[of_leads(getattr(row, step), **filters, step=step)] for step in ("touched", "progressed", "won")],
            self._money(row),
            td(".n")[of_leads(row.created - row.touched, **filters, step="created", without="touched")],
            td,
        ]

    def others(self, row: FunnelRow, many: int) -> Element:
        """All that have no row of their own; no list has them."""
        counts = (row.created, row.touched, row.progressed, row.won)
        return tr(".total")[
            th(scope="row")[f"Others ({number(many)})"],
            [td(".n")[number(count)] for count in counts],
            self._money(row),
            td(".n")[number(row.created - row.touched)],
            td,
        ]

    def _money(self, row: FunnelRow) -> Node:
        return [
            [money_cell(row.won_money, one) for one in self._shown],
            [money_cell(row.won_money, one, row.created) for one in self._shown],
            [money_cell(row.spent, one) for one in self._spent],
            [td(".n")[_return(row.won_money.get(one, 0), row.spent.get(one, 0))] for one in self._spent],
        ]


def _return(won: int, spent: int) -> Node:
    return f"{won / spent:.1f}" if spent else span(".none")["–"]


def _part(part: int, whole: int) -> Node:
    return small[share(part, whole)] if part else small[""]
