"""Sources: which of them bring leads that are worked and won."""

from htpy import Node, b, div, fragment

from workers.report.funnel_models import FunnelPage

from .frame import Shown, missing, part
from .funnel_table import FIRST, funnel_table, further_rows, most_of, words_of_pass
from .page_source import Source
from .phrases import number, of_leads, plural, value_name

QUESTION = "Which sources bring leads that are worked and won?"
ROWS = 50


async def sources_view(source: Source, cursor: str | None) -> Shown:
    """Origins, and a page of campaigns."""
    origins = await source.model.funnel("origin", FIRST, None, ROWS)
    campaigns = await source.model.funnel("campaign", FIRST, cursor, ROWS)
    content = [
        part(
            "Origins",
            funnel_table("Origin", origins, dimension="origin"),
            _rest(origins),
            note=[words_of_pass(FIRST), " “Moved” means that the lead replied, talked or met."],
        ),
        part(
            "Campaigns",
            funnel_table("Campaign", campaigns, dimension="campaign"),
            further_rows(campaigns, "/sources"),
            anchor="campaigns",
        ),
        missing(
            "Won money and costs by source are not shown: the read model has no currencies and no costs yet.",
            "Campaigns are not grouped by origin: the read model counts each by itself.",
        ),
    ]
    return Shown(QUESTION, _answer(origins), div[content], "/sources")


def _answer(origins: FunnelPage) -> Node:
    total, worst = origins.total, most_of(origins.rows)
    if not total.created:
        return "No lead has arrived yet."
    best = max(origins.rows, key=lambda row: row.won / row.created if row.created else 0)
    won = fragment[
        b[value_name(best.value)],
        " wins the largest share of its leads: ",
        of_leads(best.won, origin=best.value, pass_=FIRST, step="won"),
        f" of {number(best.created)}. ",
    ]
    never = fragment["Sales has contacted every lead at least once."]
    if worst is not None:
        count = worst.created - worst.touched
        never = fragment[
            b[value_name(worst.value)],
            f" brings the most {plural(2, 'lead')} that sales never contacted: ",
            of_leads(count, origin=worst.value, pass_=FIRST, step="created", without="touched"),
            f" of {number(worst.created)}.",
        ]
    return fragment[won if best.won else "No lead has been won yet. ", never]


def _rest(origins: FunnelPage) -> Node:
    return missing(f"The first {ROWS} origins; `leadloop funnel` has all.") if origins.next else None
