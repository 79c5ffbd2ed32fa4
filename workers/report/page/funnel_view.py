"""The funnel: where leads stop."""

from collections.abc import Mapping
from typing import NamedTuple

from htpy import (
    Element,
    Node,
    a,
    b,
    button,
    form,
    fragment,
    label,
    option,
    select,
    span,
    tbody,
    td,
    th,
    tr,
)

from workers.read_model.cohorts import CohortLength, period_until
from workers.read_model.index import RANKED_BY
from workers.report.api_models import FunnelDimension, FunnelStep, PassLabel
from workers.report.cohort_pages import cohort_page
from workers.report.funnel_models import FunnelPage, FunnelRow
from workers.report.parameters import SHOWN_COHORTS, FunnelParameters

from .cohort_part import cohort_part, time_part
from .frame import Shown, column, part, sheet
from .funnel_table import FIRST, funnel_table, further_rows, words_of_pass
from .page_source import Source
from .phrases import address, of_leads, share
from .svg_charts import Series, bar, columns

QUESTION = "Where do leads stop?"
ROWS = 40
CHARTED = 12
_PATH: tuple[tuple[FunnelStep, str], ...] = (
    ("created", "Created"),
    ("touched", "Contacted"),
    ("progressed", "Moved"),
    ("won", "Won"),
)
_BACK: tuple[tuple[FunnelStep, str], ...] = (
    ("stalled", "Went cold"),
    ("recycled", "Handed back"),
    ("requalified", "Passed to sales again after that"),
    ("won_back", "Won in a later pass"),
    ("lost", "Lost"),
)
_DIMENSIONS: Mapping[FunnelDimension, str] = {
    "origin": "Origin",
    "campaign": "Campaign",
    "owner": "Owner",
    "segment": "Segment",
    "reason": "Why it went cold",
}
_PASSES: Mapping[PassLabel, str] = {"1": "first", "2": "second", "3": "third"}


class AskedFunnel(NamedTuple):
    """By what rows are grouped, and which pass is counted."""

    by: FunnelDimension
    pass_label: PassLabel


async def funnel_view(source: Source, asked: FunnelParameters, length: CohortLength = "month") -> Shown:
    """The funnel of one pass of each lead, by one dimension."""
    label_ = next((one for one in _PASSES if one == asked.pass_label), FIRST)
    by: FunnelDimension = next((one for one in _DIMENSIONS if one == asked.by), "origin")
    if by in RANKED_BY and asked.cursor is None:
        page = await source.model.largest(by, label_, ROWS)
    else:
        page = await source.model.funnel(by, label_, asked.cursor, ROWS)
    today = source.clock.now.date()
    period = (period_until(length, today, SHOWN_COHORTS), today)
    cohorts = await cohort_page(source.model, length, period, label_, None)
    chosen = AskedFunnel(by, label_)
    content = [
        _form(chosen),
        part("Step by step", _steps(page.total, _PATH, label_), note=words_of_pass(label_)),
        part("What went cold", _steps(page.total, _BACK, label_)),
        part(
            f"By {_DIMENSIONS[by].lower()}",
            _chart(page, by),
            funnel_table(_DIMENSIONS[by], page, dimension=by, pass_label=label_),
            further_rows(page, "/funnel", by=by, **{"pass": label_}),
        ),
        time_part(page.total),
        cohort_part(cohorts, length, label_, source.clock),
    ]
    return Shown(QUESTION, _answer(page.total, label_), content, "/funnel")


def _answer(total: FunnelRow, label_: str) -> Node:
    if not total.created:
        return "No lead has had this pass yet."
    first = [
        of_leads(total.created, step="created", pass_=label_),
        " leads came to sales, ",
        of_leads(total.touched, step="touched", pass_=label_),
        " were contacted, ",
        of_leads(total.progressed, step="progressed", pass_=label_),
        " moved, and ",
        of_leads(total.won, step="won", pass_=label_) if total.won else b["none"],
        " were won so far.",
    ]
    return fragment[first]


def _steps(total: FunnelRow, steps: tuple[tuple[FunnelStep, str], ...], label_: str) -> Node:
    rows = []
    before = total.created
    for step, words in steps:
        count = getattr(total, step)
        rows.append(
            tr[
                th(scope="row")[words],
                td(".n")[of_leads(count, step=step, pass_=label_)],
                td(".plot")[bar([(count, "m1")], total.created)],
                td(".n")[share(count, total.created)],
                td(".n")[share(count, before)] if steps is _PATH else None,
            ]
        )
        before = count
    head = [
        column("Step", ""),
        column("Leads"),
        column("", "plot"),
        column("Of all created"),
        column("Of the step before") if steps is _PATH else None,
    ]
    return sheet("Steps", head, [tbody[rows]])


def _chart(page: FunnelPage, by: str) -> Node:
    rows = sorted(page.rows, key=lambda row: -row.created)[:CHARTED]
    if len(rows) < 2:  # noqa: PLR2004  # one column compares nothing
        return None
    series = [
        Series("contacted", "m1", [row.touched for row in rows]),
        Series("never contacted", "m2", [row.created - row.touched for row in rows]),
    ]
    caption = fragment["Leads of the largest values: those that sales contacted, and those that it never contacted."]
    names = [row.value or "not known" for row in rows]
    return columns(caption, f"Leads contacted and never contacted, by {by}", names, series)


def _form(asked: AskedFunnel) -> Element:
    def choice(
        name: str, words: str, values: Mapping[FunnelDimension, str] | Mapping[PassLabel, str], chosen: str
    ) -> Element:
        every = [option(value=value, selected=value == chosen)[shown] for value, shown in values.items()]
        return label[span[words], select(name=name)[every]]

    return form(".filters", action="/funnel", method="get", aria_label="What the funnel shows")[
        choice("by", "By", _DIMENSIONS, asked.by),
        choice("pass", "Pass", _PASSES, asked.pass_label),
        button(type="submit")["Show"],
        a(href=address("/v1/funnel.csv", by=asked.by, pass_=asked.pass_label))["Download as CSV"],
    ]
