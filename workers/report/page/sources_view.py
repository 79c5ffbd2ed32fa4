"""Sources: which of them bring leads that are worked and won, in money."""

from htpy import Node, b, code, div, fragment

from workers.report.costs import Costs
from workers.report.funnel_models import FunnelPage, FunnelRow
from workers.report.funnel_rows import currencies_of, other_currencies

from .frame import Shown, missing, more_link, part
from .funnel_table import FIRST, further_rows, most_of, words_of_pass
from .money_words import all_money, money
from .page_source import Source
from .phrases import number, of_leads, plural, value_name
from .sources_table import sources_table

QUESTION = "Which sources bring leads that are worked and won?"
ORIGINS, CAMPAIGNS = 30, 40
BY_NAME = "name"


async def sources_view(source: Source, cursor: str | None, order: str = "") -> Shown:
    """The origins and the campaigns with the most leads; or the campaigns by name, page after page."""
    origins = await source.model.largest("origin", FIRST, ORIGINS)
    if cursor or order == BY_NAME:
        campaigns = await source.model.funnel("campaign", FIRST, cursor, CAMPAIGNS)
    else:
        campaigns = await source.model.largest("campaign", FIRST, CAMPAIGNS)
    content = [
        part(
            "Origins",
            sources_table("Origin", origins, "origin"),
            note=[words_of_pass(FIRST), " “Moved” means that the lead replied, talked or met."],
        ),
        part(
            "Campaigns",
            sources_table("Campaign", campaigns, "campaign"),
            further_rows(campaigns, "/sources"),
            _by_name(campaigns),
            anchor="campaigns",
        ),
        _money_notes(origins, source.model.costs),
    ]
    return Shown(QUESTION, _answer(origins), div[content], "/sources")


def _answer(origins: FunnelPage) -> Node:
    total, worst = origins.total, most_of(origins.rows)
    if not total.created:
        return "No lead has arrived yet."
    never = fragment["Sales has contacted every lead at least once."]
    if worst is not None:
        count = worst.created - worst.touched
        never = fragment[
            b[value_name(worst.value)],
            f" brings the most {plural(2, 'lead')} that sales never contacted: ",
            of_leads(count, origin=worst.value, pass_=FIRST, step="created", without="touched"),
            f" of {number(worst.created)}.",
        ]
    return fragment[_best(origins), never]


def _best(origins: FunnelPage) -> Node:
    """The origin with the most money for each lead, in the currency that most of them have."""
    currency = next(iter(currencies_of(row.won_money for row in origins.rows)), None)
    if currency is not None:
        best = max(origins.rows, key=lambda row: _a_lead(row, currency))
        return fragment[
            b[value_name(best.value)],
            " brings the most money for each lead: ",
            b[money(_a_lead(best, currency), currency)],
            f", {money(best.won_money.get(currency, 0), currency)} from {number(best.created)} ",
            plural(best.created, "lead"),
            ". ",
        ]
    best = max(origins.rows, key=lambda row: row.won / row.created if row.created else 0)
    if not best.won:
        return "No lead has been won yet. "
    return fragment[
        b[value_name(best.value)],
        " wins the largest share of its leads: ",
        of_leads(best.won, origin=best.value, pass_=FIRST, step="won"),
        f" of {number(best.created)}. ",
    ]


def _a_lead(row: FunnelRow, currency: str) -> float:
    return row.won_money.get(currency, 0) / row.created if row.created else 0.0


def _by_name(campaigns: FunnelPage) -> Node:
    if campaigns.others is None:
        return None
    return more_link("/sources", f"All {number(campaigns.values or 0)} campaigns, by name", order=BY_NAME)


def _money_notes(origins: FunnelPage, costs: Costs) -> Node:
    total = origins.total
    hidden = other_currencies([total.won_money], currencies_of([total.won_money]))
    unpriced = (
        f"No amount is known of {number(total.unpriced)} won {plural(total.unpriced, 'lead')}: send amount and "
        "currency with deal-closed."
    )
    notes: list[Node] = [
        _costs_note(costs),
        fragment["All leads together brought, in their first pass: ", all_money(total.won_money), "."],
        unpriced if total.unpriced else None,
        f"{hidden} more {plural(hidden, 'currency', 'currencies')} have no column; the CSV of the funnel has them."
        if hidden
        else None,
    ]
    return missing(*(note for note in notes if note))


def _costs_note(costs: Costs) -> Node:
    if costs.fault:
        return f"The costs file has a mistake, so its former content is shown: {costs.fault}"
    if costs.of("origin") or costs.of("campaign"):
        return (
            "Spent is the sum of all months in the costs file, compared with what all leads of the source brought in "
            "the same currency: give the costs of all months."
        )
    return fragment[
        "What was won for what was spent needs the costs: name a CSV file in ", code["LEADLOOP_COSTS_FILE"], "."
    ]
