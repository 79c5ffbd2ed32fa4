"""The funnel: where leads stop."""

from collections.abc import Mapping

from htpy import Node, a, b, fragment, tbody, td, th, tr

from workers.read_model.index import RANKED_BY
from workers.report.api_models import FunnelStep
from workers.report.cohort_models import CohortPage
from workers.report.cohort_pages import cohort_page
from workers.report.funnel_models import FunnelPage, FunnelRow

from .cohort_part import cohort_part, created_between, time_part
from .frame import Shown, column, missing, part, sheet
from .funnel_asked import DIMENSIONS, AskedFunnel, funnel_form
from .funnel_table import funnel_table, further_rows, words_of_pass
from .page_source import Source
from .phrases import Clock, of_leads, share, value_name
from .svg_charts import Series, bar, columns

QUESTION = "Where do leads stop?"
ROWS = 40
CHARTED = 12
MOST_ORIGINS = 100
FunnelFilters = Mapping[str, object]
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


async def funnel_view(source: Source, asked: AskedFunnel) -> Shown:
    """The funnel of one pass of each lead: of all leads, or of those of an origin and a period."""
    cohorts = await cohort_page(
        source.model, asked.cohorts, asked.period(source.clock.now.date()), asked.label, asked.origin
    )
    form = funnel_form(asked, await source.model.values("origin", MOST_ORIGINS))
    filters: dict[str, object] = {"pass": asked.label}
    if asked.is_chosen:
        filters |= created_between(cohorts.rows[0].begins, cohorts.rows[-1].ends)
        filters |= {} if asked.origin is None else {"origin": asked.origin}
        total, compared = cohorts.total, _not_compared(asked)
    else:
        page = await _page(source, asked)
        total, compared = page.total, _compared(page, asked)
    content = [
        form,
        part("Step by step", _steps("Steps to a won deal", total, _PATH, filters), note=words_of_pass(asked.label)),
        part("What went cold", _steps("Steps after going cold", total, _BACK, filters)),
        compared,
        time_part(total),
        cohort_part(cohorts, asked, source.clock),
    ]
    answer = fragment[_whose(cohorts, asked, source.clock), _answer(total, filters)]
    return Shown(QUESTION, answer, content, "/funnel")


async def _page(source: Source, asked: AskedFunnel) -> FunnelPage:
    if asked.by in RANKED_BY and asked.cursor is None:
        return await source.model.largest(asked.by, asked.label, ROWS)
    return await source.model.funnel(asked.by, asked.label, asked.cursor, ROWS)


def _compared(page: FunnelPage, asked: AskedFunnel) -> Node:
    by = asked.by
    return part(
        f"By {DIMENSIONS[by].lower()}",
        _chart(page, by),
        funnel_table(DIMENSIONS[by], page, dimension=by, pass_label=asked.label),
        further_rows(page, "/funnel", by=by, **{"pass": asked.label}),
    )


def _not_compared(asked: AskedFunnel) -> Node:
    """Why there is no table by campaign or owner for a period."""
    by = DIMENSIONS[asked.by].lower()
    return missing(
        fragment[
            "By time of creation, leads are counted for each origin, but not for each campaign, owner or segment. ",
            "Choose another origin above to compare, or see ",
            a(href=asked.of_all)[f"all leads by {by}"],
            ".",
        ]
    )


def _whose(cohorts: CohortPage, asked: AskedFunnel, clock: Clock) -> Node:
    """Which leads are counted, if not all; whole cohorts are."""
    if not asked.is_chosen:
        return None
    of_origin = None if asked.origin is None else fragment[" of ", b[value_name(asked.origin)]]
    days = f"{cohorts.first.day} {cohorts.first:%b %Y} to {cohorts.last.day} {cohorts.last:%b %Y}"
    so_far = " (so far)" if cohorts.rows[-1].ends > clock.now else ""
    return fragment["Leads", of_origin, f" created {days}{so_far}, in whole {asked.cohorts}s: "]


def _answer(total: FunnelRow, filters: FunnelFilters) -> Node:
    if not total.created:
        return "No lead has had this pass yet."
    return fragment[
        of_leads(total.created, step="created", **filters),
        " leads came to sales, ",
        of_leads(total.touched, step="touched", **filters) if total.touched else b["none"],
        " were contacted, ",
        of_leads(total.progressed, step="progressed", **filters) if total.progressed else b["none"],
        " moved, and ",
        of_leads(total.won, step="won", **filters) if total.won else b["none"],
        " were won so far.",
    ]


def _steps(caption: str, total: FunnelRow, steps: tuple[tuple[FunnelStep, str], ...], filters: FunnelFilters) -> Node:
    rows = []
    before = total.created
    for step, words in steps:
        count = getattr(total, step)
        rows.append(
            tr[
                th(scope="row")[words],
                td(".n")[of_leads(count, step=step, **filters)],
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
    return sheet(caption, head, [tbody[rows]])


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
