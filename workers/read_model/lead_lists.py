"""The lists by which leads are found: by what they are, and in the order of a time or an amount.

The member of both kinds is the lead_id, so that many leads can be tested at once. A list of the second kind (`by:…`)
has the time or the amount as the score of the member. An empty value is in no list.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from schemas.events import LeadSnapshot
from streams.domain.funnel import pass_label

from .cohorts import month_of
from .index import ListedEntries, began_at, lists_of, passes_of, steps_of
from .list_members import ListMembership
from .listed_facts import ListedFacts, closed_at, is_at_risk

OrderName = Literal["created", "touched", "due", "closed", "amount"]
RARE_STEPS = (
    "recycled",
    "requalified",
    "won_back",
    "won_after",
    "won",
    "lost",
    "held_out",
    "held_requalified",
    "held_won",
)
"""Steps of the funnel that few passes reach: they have a list of leads with such a pass. The others are found soon."""
NEVER_TOUCHED = "reached:none-touched"
"""The list of leads with a pass that sales never touched."""
_OF_PASSES = ("origin", "campaign", "owner")


def every_list(lead: LeadSnapshot, entries: ListedEntries, facts: ListedFacts) -> set[ListMembership]:
    """All lists that a lead is in."""
    lists = lists_of(lead, entries)
    lists.update(ListMembership(name, lead.lead_id) for name in _attributes(lead, entries, facts))
    lists.update(ListMembership(name, lead.lead_id, score) for name, score in _orders(lead, facts))
    return lists


def order_list(by: OrderName, currency: str = "") -> str:
    """The name of the list in this order; amounts have one for each currency."""
    return f"by:amount:{currency}" if by == "amount" else f"by:{by}"


def earlier_list(dimension: str, value: str) -> str:
    """The list of leads with an earlier pass of this value, where the current pass has another."""
    return f"earlier-{dimension}:{value}"


def began_list(label: str, month: str) -> str:
    """The list of leads with a pass of this number (`1`, `2`, `3`, `4+`) that began in this month, in UTC."""
    return f"began:{label}:{month}"


def _attributes(lead: LeadSnapshot, entries: ListedEntries, facts: ListedFacts) -> Iterator[str]:
    values = {
        "origin": lead.origin,
        "campaign": lead.campaign_id,
        "segment": lead.segment,
        "account": lead.account_id,
        "reason": lead.stall_reason,
        "track": next((one.track for one in entries.recycles if one.recycle_id == lead.recycle_id != ""), ""),
        "pass": pass_label(lead.pass_no) if lead.pass_no > 1 else "",
    }
    yield from (f"{name}:{value}" for name, value in values.items() if value)
    if is_at_risk(lead, facts):
        yield "at-risk"
    yield from _of_passes(lead)


def _of_passes(lead: LeadSnapshot) -> Iterator[str]:
    now = (lead.origin, lead.campaign_id, lead.owner_id)
    for one, at in zip(passes_of(lead), began_at(lead), strict=True):
        yield from _of_steps(one.reached, one.later)
        if at is not None and one.pass_no:
            yield began_list(pass_label(one.pass_no), month_of(at))
        for name, value, current in zip(_OF_PASSES, (one.origin, one.campaign_id, one.owner_id), now, strict=True):
            if value and value != current:
                yield earlier_list(name, value)


@lru_cache(maxsize=10_000)
def _of_steps(reached: int, later: int | None) -> tuple[str, ...]:
    steps = steps_of(reached, later)
    return (*(f"reached:{step}" for step in RARE_STEPS if step in steps), *_never(steps))


def _never(steps: tuple[str, ...]) -> tuple[str, ...]:
    return () if "touched" in steps else (NEVER_TOUCHED,)


def _orders(lead: LeadSnapshot, facts: ListedFacts) -> Iterator[tuple[str, int]]:
    times: dict[OrderName, int | None] = {
        "created": lead.created_at,
        "touched": lead.last_touch_at,
        "due": lead.due_at,
        "closed": closed_at(lead),
    }
    yield from ((order_list(by), at) for by, at in times.items() if at is not None)
    if facts.amount is not None:
        yield order_list("amount", facts.amount.currency), facts.amount.minor
