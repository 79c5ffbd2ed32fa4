"""What a pass adds to counts beside its steps: its cohorts, how long its steps took, and money by currency.

Sums are of whole numbers, so that a change can be undone: durations as counts of ranges, money in minor units. What
many passes share is made once (`marks_of`).
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from schemas.events import LeadSnapshot, PastPass
from streams.domain.funnel import pass_label
from streams.domain.lead import BROKEN, PROGRESSED, RECYCLED, STALLED, TOUCHED, WON

from .cohorts import hour_of, month_of, origin_cohort, week_of
from .durations import UNKNOWN, range_of
from .index import PassSteps, RowCount, steps_of
from .listed_facts import LeadAmount, believed, expected_amount

WON_MONEY, EXPECTED_MONEY, MONEY_AFTER = "won", "expected", "after"
UNPRICED = "unpriced"
BROKEN_NOW = "broken_now"
TIMED_STEPS = ("touched", "progressed", "stalled", "won")
TIMED_BY = frozenset({"origin", "owner", "pass"})
"""The dimensions whose rows have all durations; months and weeks have the first contact."""
_NOTHING: frozenset[RowCount] = frozenset()


class CohortMarks(NamedTuple):
    """What decides which cohorts a pass is counted in, and with which steps."""

    label: str
    origin: str
    created_on: tuple[str, str]
    reached: int
    later: int | None
    contact: int | None


class TimeMarks(NamedTuple):
    """What decides in which ranges the durations of a pass are counted. None: the step was not reached."""

    label: str
    origin: str
    owner_id: str
    took: tuple[int | None, ...]


class PassFigures(NamedTuple):
    """One pass of a lead: what is counted of it beside its steps.

    Attributes:
        steps: The pass, as the funnel counts it.
        cohorts: None: it is not known when it began.
        times: None: none of its steps is timed.
        closed_at: When its deal was closed, epoch ms; None: it is open, or not known.
        won: What the won deal brought; None: not won, or not known.
        expected: What an open deal is expected to bring.
        after: What deals brought that were won after the pass was handed back.
        is_broken_now: A promise was broken, and the lead is cold.
        stands: Of the current pass, where the lead stands: its stage, and what was decided about its stall.
    """

    steps: PassSteps
    cohorts: CohortMarks | None
    times: TimeMarks | None
    closed_at: int | None
    won: LeadAmount | None
    expected: LeadAmount | None
    after: tuple[LeadAmount, ...]
    is_broken_now: bool
    stands: tuple[tuple[str, str], ...]


def figures_of(lead: LeadSnapshot, passes: tuple[PassSteps, ...]) -> tuple[PassFigures, ...]:
    """The figures of all known passes of a lead, the current one last. `passes`: its `passes_of`."""
    if not passes or not lead.pass_no:
        return ()
    later: tuple[LeadAmount, ...] = ()
    figures = []
    sources: tuple[LeadSnapshot | PastPass, ...] = (lead, *reversed(lead.passes))
    for steps, of_pass in zip(reversed(passes), sources, strict=True):
        won = believed(of_pass.amount, of_pass.currency) if steps.reached & WON else None
        later = later if won is None else (*later, won)
        expected = expected_amount(lead) if of_pass is lead else None
        label, took = pass_label(steps.pass_no), _took(of_pass, steps.reached)
        figures.append(
            PassFigures(
                steps,
                _cohorts(steps, label, of_pass.created_at, took[0]),
                None if took == _NOT_TIMED else TimeMarks(label, steps.origin, steps.owner_id, took),
                of_pass.closed_at,
                won,
                expected,
                later if steps.reached & RECYCLED else (),
                bool(steps.reached & BROKEN) and lead.stalled_at is not None,
                () if expected is None else _stands(lead),
            )
        )
    return tuple(reversed(figures))


def marks_of(one: PassFigures) -> tuple[frozenset[RowCount], frozenset[RowCount]]:
    """The counts of one that a pass contributes to: of cohorts, and of durations."""
    return (
        _NOTHING if one.cohorts is None else _cohort_marks(one.cohorts),
        _NOTHING if one.times is None else _time_marks(one.times),
    )


def amounts_of(one: PassFigures) -> Iterator[tuple[RowCount, int]]:
    """Money, and the few counts that go with it."""
    fields = list(_money_fields(one))
    closes = list(_closes(one))
    if not fields and not closes:
        return
    steps, label = one.steps, pass_label(one.steps.pass_no)
    rows = [
        ("origin", steps.origin),
        ("campaign", steps.campaign_id),
        ("owner", steps.owner_id),
        ("segment", steps.segment),
        ("reason", steps.reason),
        ("pass", label),
    ]
    cohorts = [] if one.cohorts is None else _cohort_rows(one.cohorts)
    for (by, value), (field, amount) in product((*rows, *cohorts), fields):
        yield RowCount(by, value, f"{label}/{field}"), amount
    if one.expected is not None:
        for by, value in one.stands:
            yield RowCount(by, value, f"{EXPECTED_MONEY}:{one.expected.currency}"), one.expected.minor
    yield from closes


def _cohorts(steps: PassSteps, label: str, created_at: int | None, contact: int | None) -> CohortMarks | None:
    if created_at is None:
        return None
    created_on = (month_of(created_at), week_of(created_at))
    return CohortMarks(label, steps.origin, created_on, steps.reached, steps.later, contact)


def _cohort_rows(of: CohortMarks) -> tuple[tuple[str, str], ...]:
    month, week = of.created_on
    return (
        ("month", month),
        ("week", week),
        ("origin-month", origin_cohort(month, of.origin)),
        ("origin-week", origin_cohort(week, of.origin)),
    )


@lru_cache(maxsize=20_000)
def _cohort_marks(of: CohortMarks) -> frozenset[RowCount]:
    fields = [f"{of.label}/{step}" for step in steps_of(of.reached, of.later)]
    if of.contact is not None:
        fields.append(f"{of.label}/touched<{of.contact}")
    return frozenset(RowCount(by, value, field) for (by, value), field in product(_cohort_rows(of), fields))


@lru_cache(maxsize=20_000)
def _time_marks(of: TimeMarks) -> frozenset[RowCount]:
    rows = (("origin", of.origin), ("owner", of.owner_id), ("pass", of.label))
    steps = zip(TIMED_STEPS, of.took, strict=True)
    fields = [f"{of.label}/{step}<{took}" for step, took in steps if took is not None]
    return frozenset(RowCount(by, value, field) for (by, value), field in product(rows, fields))


def _money_fields(one: PassFigures) -> Iterator[tuple[str, int]]:
    if one.won is not None:
        yield f"{WON_MONEY}:{one.won.currency}", one.won.minor
    elif one.steps.reached & WON:
        yield UNPRICED, 1
    if one.expected is not None:
        yield f"{EXPECTED_MONEY}:{one.expected.currency}", one.expected.minor
    yield from ((f"{MONEY_AFTER}:{money.currency}", money.minor) for money in one.after)
    if one.is_broken_now:
        yield BROKEN_NOW, 1


def _closes(one: PassFigures) -> Iterator[tuple[RowCount, int]]:
    """Won and lost deals by the hour."""
    if one.closed_at is None:
        return
    hour = hour_of(one.closed_at)
    yield RowCount("hour", hour, "won" if one.steps.reached & WON else "lost"), 1
    if one.won is not None:
        yield RowCount("hour", hour, f"{WON_MONEY}:{one.won.currency}"), one.won.minor


def _stands(lead: LeadSnapshot) -> tuple[tuple[str, str], ...]:
    decided = (("decision", lead.decision),) if lead.stall_id and lead.decision != "UNKNOWN" else ()
    return ("stage", lead.stage), *decided


_NOT_TIMED = (None,) * len(TIMED_STEPS)


def _took(of_pass: LeadSnapshot | PastPass, reached: int) -> tuple[int | None, ...]:
    begun = of_pass.created_at
    return (
        _range(begun, of_pass.first_touch_at) if reached & TOUCHED else None,
        _range(of_pass.first_touch_at, of_pass.first_progress_at) if reached & PROGRESSED else None,
        _range(begun, of_pass.first_stall_at) if reached & STALLED else None,
        _range(begun, of_pass.closed_at) if reached & WON else None,
    )


def _range(begun: int | None, ended: int | None) -> int:
    return UNKNOWN if begun is None or ended is None else range_of(ended - begun)
