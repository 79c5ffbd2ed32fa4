"""What happened since yesterday, in sentences, beside the day before."""

from htpy import Element, Node, b, fragment, li, ul

from workers.report.cohort_models import Changes, Happened

from .frame import part
from .money_words import all_money
from .phrases import Clock, instant_text, number, of_leads, plural


def changes_part(changed: Changes, clock: Clock) -> Element:
    """Each number of a kind that a filter can find opens its leads."""
    now, since = changed.changes, instant_text(changed.since)
    said = ul(".said")[
        li[
            of_leads(now.created, created_from=since) if now.created else b["No"],
            f" {plural(now.created, 'lead')} came to sales",
            _before(changed.before.created),
            f"; {number(now.touched)} {plural(now.touched, 'lead')} got a first contact",
            _before(changed.before.touched),
            ".",
        ],
        li[
            number(now.stalled),
            f" {plural(now.stalled, 'lead')} went cold for the first time",
            _before(changed.before.stalled),
            ", and ",
            number(now.recycled),
            f" {plural(now.recycled, 'was', 'were')} handed back to marketing",
            _before(changed.before.recycled),
            ".",
        ],
        li[
            _deals(now, since),
            _before(changed.before.won),
            f"; {number(now.lost)} {plural(now.lost, 'was', 'were')} lost.",
        ],
    ]
    return part(
        "Since yesterday", said, note=fragment["Since ", clock.when(changed.since), "; in brackets the day before."]
    )


def _deals(now: Happened, since: str) -> Node:
    if not now.won:
        return "No deal was won"
    money = fragment[": ", all_money(now.won_money)] if now.won_money else None
    deals = of_leads(now.won, closed_from=since, stage="won")
    return fragment[deals, f" {plural(now.won, 'deal was', 'deals were')} won", money]


def _before(count: int) -> str:
    return f" ({number(count)})"
