"""What a pass adds to counts beside its steps: money by currency, how long its steps took, and its cohorts.

Sums are of whole numbers, so that a change can be undone: money in minor units, durations as counts of ranges.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from schemas.events import LeadSnapshot, PastPass
from streams.domain.funnel import pass_label
from streams.domain.lead import BROKEN, CREATED, LOST, PROGRESSED, RECYCLED, STALLED, TOUCHED, WON

from .cohorts import hour_of, month_of, origin_cohort, week_of
from .durations import UNKNOWN, range_of
from .index import PassSteps, RowCount, passes_of, steps_of
from .listed_facts import LeadAmount

MOST_MINOR = 10**13
"""Amounts from here on are not believed: a sum of them would not fit a counter."""
WON_MONEY, EXPECTED_MONEY, MONEY_AFTER = "won", "expected", "after"
UNPRICED = "unpriced"
BROKEN_NOW = "broken_now"
TIMED_STEPS = ("touched", "progressed", "stalled", "won")
_CURRENCY = re.compile(r"[A-Z]{3}")


class PassFigures(NamedTuple):
    """One pass of a lead: what is counted of it beside its steps.

    Attributes:
        steps: The pass, as the funnel counts it.
        created_at: When it began, epoch ms.
        took: The range of the duration of each of TIMED_STEPS; None: the step was not reached.
        at: Epoch ms of each of these steps; None: not reached, or not known.
        won: What the won deal brought, None if it is not won or not known.
        expected: What an open deal is expected to bring.
        after: What deals brought that were won after the pass was handed back.
        is_cold: Whether the lead is cold now.
        stands: Of the current pass, where the lead stands: its stage, and what was decided about its stall.
    """

    steps: PassSteps
    created_at: int | None
    took: tuple[int | None, ...]
    at: tuple[int | None, ...]
    won: LeadAmount | None
    expected: LeadAmount | None
    after: tuple[LeadAmount, ...]
    is_cold: bool
    stands: tuple[tuple[str, str], ...]


def figures_of(lead: LeadSnapshot) -> tuple[PassFigures, ...]:
    """The figures of all known passes of a lead, the current one last."""
    passes = passes_of(lead)
    later: tuple[LeadAmount, ...] = ()
    figures = []
    sources: tuple[LeadSnapshot | PastPass, ...] = (lead, *reversed(lead.passes)) if passes else ()
    for steps, of_pass in zip(reversed(passes), sources, strict=True):
        won = _money(of_pass.amount, of_pass.currency) if steps.reached & WON else None
        later = later if won is None else (*later, won)
        is_open = of_pass is lead and lead.stage not in {"won", "lost"}
        figures.append(
            PassFigures(
                steps,
                of_pass.created_at,
                _took(of_pass, steps.reached),
                (of_pass.first_touch_at, of_pass.first_progress_at, of_pass.first_stall_at, of_pass.closed_at),
                won,
                _money(lead.expected_amount, lead.expected_currency) if is_open else None,
                later if steps.reached & RECYCLED else (),
                lead.stalled_at is not None,
                _stands(lead) if of_pass is lead else (),
            )
        )
    return tuple(reversed(figures))


def amounts_of(one: PassFigures) -> Iterator[tuple[RowCount, int]]:
    """The counts that a pass contributes to, with how much."""
    steps, label = one.steps, pass_label(one.steps.pass_no)
    if not steps.pass_no:
        return
    rows = _rows(steps)
    cohorts = _cohorts(steps.origin, one.created_at)
    if one.expected is not None:
        for by, value in one.stands:
            yield RowCount(by, value, f"{EXPECTED_MONEY}:{one.expected.currency}"), one.expected.minor
    for (by, value), (field, amount) in product(rows, _money_fields(one)):
        yield RowCount(by, value, f"{label}/{field}"), amount
    for (by, value), (field, amount) in product(cohorts, _cohort_fields(one)):
        yield RowCount(by, value, f"{label}/{field}"), amount
    for (by, value), field in product((*rows, *cohorts), _time_fields(one)):
        yield RowCount(by, value, f"{label}/{field}"), 1
    for at, field, amount in _events(one):
        yield RowCount("hour", hour_of(at), field), amount


def _stands(lead: LeadSnapshot) -> tuple[tuple[str, str], ...]:
    decided = (("decision", lead.decision),) if lead.stall_id and lead.decision != "UNKNOWN" else ()
    return ("stage", lead.stage), *decided


def _rows(steps: PassSteps) -> tuple[tuple[str, str], ...]:
    return (
        ("origin", steps.origin),
        ("campaign", steps.campaign_id),
        ("owner", steps.owner_id),
        ("segment", steps.segment),
        ("reason", steps.reason),
        ("pass", pass_label(steps.pass_no)),
    )


def _cohorts(origin: str, created_at: int | None) -> tuple[tuple[str, str], ...]:
    if created_at is None:
        return ()
    month, week = month_of(created_at), week_of(created_at)
    return (
        ("month", month),
        ("week", week),
        ("origin-month", origin_cohort(month, origin)),
        ("origin-week", origin_cohort(week, origin)),
    )


def _money_fields(one: PassFigures) -> Iterator[tuple[str, int]]:
    if one.won is not None:
        yield f"{WON_MONEY}:{one.won.currency}", one.won.minor
    elif one.steps.reached & WON:
        yield UNPRICED, 1
    if one.expected is not None:
        yield f"{EXPECTED_MONEY}:{one.expected.currency}", one.expected.minor
    yield from ((f"{MONEY_AFTER}:{money.currency}", money.minor) for money in one.after)
    if one.is_cold and one.steps.reached & BROKEN:
        yield BROKEN_NOW, 1


def _cohort_fields(one: PassFigures) -> Iterator[tuple[str, int]]:
    yield from ((step, 1) for step in steps_of(one.steps.reached, one.steps.later))
    yield from _money_fields(one)


def _time_fields(one: PassFigures) -> Iterator[str]:
    for step, took in zip(TIMED_STEPS, one.took, strict=True):
        if took is not None:
            yield f"{step}<{took}"


def _events(one: PassFigures) -> Iterator[tuple[int, str, int]]:
    """What happened when: time, name, and how often or how much."""
    touched, progressed, stalled, closed = one.at
    reached = one.steps.reached
    times = (
        (one.created_at, "created", CREATED),
        (touched, "touched", TOUCHED),
        (progressed, "progressed", PROGRESSED),
        (stalled, "stalled", STALLED),
        (closed, "won", WON),
        (None if reached & WON else closed, "lost", LOST),
    )
    yield from ((at, name, 1) for at, name, bit in times if at is not None and reached & bit)
    if closed is not None and one.won is not None:
        yield closed, f"{WON_MONEY}:{one.won.currency}", one.won.minor


def _took(of_pass: LeadSnapshot | PastPass, reached: int) -> tuple[int | None, ...]:
    begun = of_pass.created_at
    return (
        _range(begun, of_pass.first_touch_at, reached & TOUCHED),
        _range(of_pass.first_touch_at, of_pass.first_progress_at, reached & PROGRESSED),
        _range(begun, of_pass.first_stall_at, reached & STALLED),
        _range(begun, of_pass.closed_at, reached & WON),
    )


def _range(begun: int | None, ended: int | None, is_reached: int) -> int | None:
    if not is_reached:
        return None
    return UNKNOWN if begun is None or ended is None else range_of(ended - begun)


@lru_cache(maxsize=20_000)
def _money(minor: int | None, currency: str) -> LeadAmount | None:
    if minor is None or not 0 <= minor < MOST_MINOR:
        return None
    return LeadAmount(minor, currency if _CURRENCY.fullmatch(currency) else "")
