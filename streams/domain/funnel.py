"""Live counts of leads, derived and not counted along: each lead contributes, a change retracts and adds."""

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple, TypeVar

from schemas.events import Stage

from .lead import CREATED, LOST, PROGRESSED, RECYCLED, STALLED, TOUCHED, WON, Lead, stage

STEPS = {
    "created": CREATED,
    "touched": TOUCHED,
    "progressed": PROGRESSED,
    "stalled": STALLED,
    "recycled": RECYCLED,
    "won": WON,
    "lost": LOST,
}
K = TypeVar("K")
PASS_LABELS = ("1", "2", "3", "4+")


class Step(NamedTuple):
    """A step of the funnel that passes with this number and origin have reached."""

    pass_label: str
    origin: str
    step: str


class StageOf(NamedTuple):
    """Where leads of this origin are."""

    stage: Stage
    origin: str


def contribution(lead: Lead) -> tuple[Step, ...]:
    """The steps that the passes of this lead have reached, one count each."""
    passes = ((old.pass_no, old.origin, old.reached) for old in lead.passes)
    current = ((lead.pass_no, lead.origin, lead.reached),) if lead.pass_no else ()
    return tuple(chain.from_iterable(_reached(*each) for each in chain(passes, current)))


def _reached(pass_no: int, origin: str, reached: int) -> Iterator[Step]:
    label = PASS_LABELS[min(pass_no, len(PASS_LABELS)) - 1]
    return (Step(label, origin, step) for step, bit in STEPS.items() if reached & bit)


class Funnel:
    """How many leads are where; exact for the leads that were put in, whatever they were before."""

    __slots__ = ("overdue", "stages", "steps")

    def __init__(self) -> None:
        """Count nobody yet."""
        self.steps: Counter[Step] = Counter()
        self.stages: Counter[StageOf] = Counter()
        self.overdue: Counter[str] = Counter()
        """Leads that stand under a stall that no person declared, by its reason."""

    def replace(self, old: Lead | None, new: Lead | None) -> None:
        """Count a lead as `new` where it was counted as `old`; None is no lead."""
        if old is new or (old is not None and new is not None and _counted(old) == _counted(new)):
            return
        if old is not None:
            self._put(old, -1)
        if new is not None:
            self._put(new, 1)

    def _put(self, lead: Lead, times: int) -> None:
        for step in contribution(lead):
            _count(self.steps, step, times)
        _count(self.stages, StageOf(stage(lead), lead.origin), times)
        reason = _overdue(lead)
        if reason is not None:
            _count(self.overdue, reason, times)


def _counted(lead: Lead) -> tuple[object, ...]:
    return (lead.pass_no, lead.reached, lead.origin, stage(lead), _overdue(lead), lead.passes)


def _overdue(lead: Lead) -> str | None:
    stall = lead.stall
    return stall.reason if stall is not None and stall.declared_by == "detector" else None


def _count(counter: Counter[K], key: K, times: int) -> None:
    counter[key] += times
    if not counter[key]:
        del counter[key]
