"""Live counts of leads, derived and not counted along: each lead contributes, a change retracts and adds."""

from collections.abc import Iterable
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from .facts import DecidedAs
from .lead import CREATED, LOST, PROGRESSED, RECYCLED, STALLED, TOUCHED, WON, Lead, stage

if TYPE_CHECKING:
    from schemas.events import Stage

STEPS = {
    "created": CREATED,
    "touched": TOUCHED,
    "progressed": PROGRESSED,
    "stalled": STALLED,
    "recycled": RECYCLED,
    "won": WON,
    "lost": LOST,
}
WAITING: tuple[DecidedAs, ...] = ("suppress", "hold", "escalate")
K = TypeVar("K")
REMEMBERED = 10_000
PASS_LABELS = ("1", "2", "3", "4+")


class Step(NamedTuple):
    """A step of the funnel that passes with this number and origin have reached."""

    pass_label: str
    origin: str
    step: str


def contribution(lead: Lead) -> tuple[Step, ...]:
    """The steps that the passes of this lead have reached, one count each."""
    over = chain.from_iterable(_steps(old.pass_no, old.origin, old.reached) for old in lead.passes)
    return (*over, *_steps(lead.pass_no, lead.origin, lead.reached))


@lru_cache(maxsize=REMEMBERED)
def _steps(pass_no: int, origin: str, reached: int) -> tuple[Step, ...]:
    if not pass_no:
        return ()
    label = pass_label(pass_no)
    return tuple(Step(label, origin, step) for step, bit in STEPS.items() if reached & bit)


def pass_label(pass_no: int) -> str:
    """How a pass is named among few; a lead handed back before it was created counts with the first."""
    return PASS_LABELS[min(max(pass_no, 1), len(PASS_LABELS)) - 1]


class Funnel:
    """How many leads are where; exact for the leads that were put in, whatever they were before."""

    __slots__ = ("overdue", "stages", "steps", "waiting")

    def __init__(self) -> None:
        """Count nobody yet."""
        self.steps: dict[Step, int] = {}
        self.stages: dict[tuple[Stage, str], int] = {}
        self.overdue: dict[str, int] = {}
        """Leads that a clock found cold and that are so still, by its reason."""
        self.waiting: dict[DecidedAs, int] = {}
        """Leads whose stall is evaluated again, by the newest decision about it."""

    def replace(self, old: Lead | None, new: Lead | None) -> None:
        """Count a lead as `new` where it was counted as `old`; None is no lead."""
        if old is not None and new is not None and _is_same_pass(old, new):
            self._go_on(old, new)
            return
        if old is not None:
            self._put(old, contribution(old), -1)
        if new is not None:
            self._put(new, contribution(new), 1)

    def put(self, lead: Lead, times: int) -> None:
        """Count so many leads that count like this one."""
        self._put(lead, contribution(lead), times)

    def _go_on(self, old: Lead, new: Lead) -> None:
        """Most changes are none to be counted: they must cost next to nothing."""
        is_same_stall = old.stall == new.stall and (old.recycle is None) == (new.recycle is None)
        if old.reached == new.reached and old.closed == new.closed and is_same_stall:
            return
        pass_no, origin = new.pass_no, new.origin
        self._put(old, _steps(pass_no, origin, old.reached & ~new.reached), -1)
        self._put(new, _steps(pass_no, origin, new.reached & ~old.reached), 1)

    def _put(self, lead: Lead, steps: Iterable[Step], times: int) -> None:
        for step in steps:
            _count(self.steps, step, times)
        _count(self.stages, (stage(lead), lead.origin), times)
        stall = lead.stall
        if stall is not None and stall.declared_by == "detector":
            _count(self.overdue, stall.reason, times)
        if stall is not None and stall.decided in WAITING:
            _count(self.waiting, stall.decided, times)


class Census:
    """Counts many leads at once: those with equal contributions are added once, which a recovery of millions needs."""

    __slots__ = ("_alike", "_funnel")

    def __init__(self) -> None:
        """Count nobody yet."""
        self._funnel = Funnel()
        self._alike: dict[tuple[object, ...], tuple[Lead, int]] = {}

    def add(self, lead: Lead) -> None:
        """Count one more lead."""
        if lead.passes:
            self._funnel.replace(None, lead)
            return
        stall = lead.stall
        alike = (
            lead.pass_no,
            lead.origin,
            lead.reached,
            lead.closed,
            lead.recycle is None,
            lead.first_touch_at is None,
            stall and (stall.declared_by, stall.reason, stall.decided),
        )
        first, count = self._alike.get(alike, (lead, 0))
        self._alike[alike] = first, count + 1

    def funnel(self) -> Funnel:
        """The counts of all."""
        for lead, count in self._alike.values():
            self._funnel.put(lead, count)
        self._alike.clear()
        return self._funnel


def _is_same_pass(old: Lead, new: Lead) -> bool:
    return old.pass_no == new.pass_no and old.origin == new.origin and old.passes == new.passes


def _count(counter: dict[K, int], key: K, times: int) -> None:
    left = counter.get(key, 0) + times
    if left:
        counter[key] = left
    else:
        del counter[key]
