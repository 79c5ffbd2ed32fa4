"""What happened since yesterday, in sentences, beside the day before."""

from htpy import Element, Node, b, fragment, li, ul

from workers.report.cohort_models import Changes, Happened

from .frame import part
from .money_words import all_money
from .phrases import Clock, instant_text, number, of_leads, plural


def changes_part(changed: Changes, clock: Clock) -> Element:
    """Each number that a filter can find opens its leads."""
    now, before, since = changed.changes, changed.before, instant_text(changed.since)
    cold = now.went_cold or 0
    said = ul(".said")[
        li[
            of_leads(now.created, created_from=since) if now.created else b["No"],
            f" {plural(now.created, 'lead')} came to sales ({number(before.created)}); ",
            of_leads(now.contacted, touched_from=since) if now.contacted else "no lead",
            " had contact with sales.",
        ],
        li[
            f"{number(cold)} {plural(cold, 'lead')} went cold and still {plural(cold, 'is', 'are')}; ",
            f"sales was asked to act on {number(now.escalated)} broken {plural(now.escalated, 'promise')} ",
            f"({number(before.escalated)}).",
        ],
        li[
            f"Leads were handed back {number(now.recycled)} {plural(now.recycled, 'time')}",
            f" ({number(before.recycled)}).",
        ],
        li[
            _deals(now, since),
            f" ({number(before.won)}); {number(now.lost)} {plural(now.lost, 'was', 'were')} lost",
            f" ({number(before.lost)}).",
        ],
    ]
    note = fragment["Since ", clock.when(changed.since), "; in brackets the day before."]
    return part("Since yesterday", said, note=note)


def _deals(now: Happened, since: str) -> Node:
    if not now.won:
        return "No deal was won"
    money = fragment[": ", all_money(now.won_money)] if now.won_money else None
    deals = of_leads(now.won, closed_from=since, stage="won")
    return fragment[deals, f" {plural(now.won, 'deal was', 'deals were')} won", money]
