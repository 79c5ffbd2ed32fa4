"""How many leads stand where: the sizes of lists, so that each number is that of the list behind it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple, get_args
from zoneinfo import ZoneInfo

from schemas.events import Stage
from workers.read_model.escalations import EscalationState
from workers.read_model.index import RecycleState
from workers.read_model.list_members import timed
from workers.read_model.pass_figures import EXPECTED_MONEY

from . import api_models
from .funnel_rows import money_of
from .generation_reader import GenerationReader, ListRange, Reading

STAGES: tuple[Stage, ...] = get_args(Stage)
DECISIONS: tuple[api_models.DecisionFilter, ...] = get_args(api_models.DecisionFilter)
RECYCLE_STATES: tuple[RecycleState, ...] = get_args(RecycleState)
ESCALATION_STATES: tuple[EscalationState, ...] = get_args(EscalationState)
MOST_OWNERS = 100


class Days(NamedTuple):
    """Now, and the midnights that end today and the seven days after it. Epoch ms."""

    now: int
    midnights: tuple[int, ...]
    zone: ZoneInfo

    @classmethod
    def of(cls, now: int, zone: ZoneInfo) -> "Days":
        today = datetime.fromtimestamp(now / 1000, UTC).astimezone(zone).date()
        ends = (datetime.combine(today + timedelta(days=days), datetime.min.time(), zone) for days in range(1, 9))
        return cls(now, tuple(int(end.timestamp() * 1000) for end in ends), zone)

    def parts(self, name: str) -> list[ListRange]:
        """The parts of a list by time: overdue, today, each of the seven days, later."""
        bounds = [timed(at).encode() for at in (self.now, *self.midnights)]
        between = (ListRange(name, b"[" + begin, b"(" + end) for begin, end in pairwise(bounds))
        return [ListRange(name, b"-", b"(" + bounds[0]), *between, ListRange(name, b"[" + bounds[-1], b"+")]

    def of_owner(self, name: str) -> list[ListRange]:
        """Overdue, today, the seven days."""
        now, today, week = (timed(at).encode() for at in (self.now, self.midnights[0], self.midnights[-1]))
        return [
            ListRange(name, b"-", b"(" + now),
            ListRange(name, b"[" + now, b"(" + today),
            ListRange(name, b"[" + today, b"(" + week),
        ]


async def overview_of(reader: GenerationReader, reading: Reading, days: Days) -> api_models.Overview:
    """Count. Raises ReadModelUnavailable."""
    names = [
        "all",
        *(f"stage:{one}" for one in STAGES),
        *(f"decision:{one}" for one in DECISIONS),
        *(f"recycles:{one}" for one in RECYCLE_STATES),
        *(f"escalations:{one}" for one in ESCALATION_STATES),
    ]
    sizes = iter(await reader.sizes(reading, [*map(ListRange, names), *days.parts("due")]))
    owners, has_more = await _owners(reader, reading, days)
    staged = await reader.counts(reading, "stage", [one.encode() for one in STAGES])
    decided = await reader.counts(reading, "decision", [one.encode() for one in DECISIONS])
    return api_models.Overview(
        now=api_models.instant(days.now),
        timezone=days.zone.key,
        leads=next(sizes),
        stages={one: next(sizes) for one in STAGES},
        decisions={one: next(sizes) for one in DECISIONS},
        recycles={one: next(sizes) for one in RECYCLE_STATES},
        escalations={one: next(sizes) for one in ESCALATION_STATES},
        overdue=next(sizes),
        today=next(sizes),
        days=[_day(begins, ends, next(sizes)) for begins, ends in pairwise(days.midnights)],
        later=next(sizes),
        expected_money={name: money_of(row, EXPECTED_MONEY) for name, row in zip(STAGES, staged, strict=True)},
        decided_money={name: money_of(row, EXPECTED_MONEY) for name, row in zip(DECISIONS, decided, strict=True)},
        owners=owners,
        has_more_owners=has_more,
        as_of=reading.as_of,
    )


def _day(begins: int, ends: int, due: int) -> api_models.DayCount:
    return api_models.DayCount(begins=api_models.instant(begins), ends=api_models.instant(ends), due=due)


async def _owners(
    reader: GenerationReader, reading: Reading, days: Days
) -> tuple[list[api_models.OwnerOverview], bool]:
    found = await reader.members(reading, ListRange("rows:owner"), None, most=MOST_OWNERS + 2)
    names = [name.decode() for name in found if name]
    ranges = [one for name in names[:MOST_OWNERS] for one in _of_owner(name, days)]
    sizes = iter(await reader.sizes(reading, ranges) if ranges else [])
    owners = [_owner_counts(name, [next(sizes) for _ in range(_PER_OWNER)]) for name in names[:MOST_OWNERS]]
    return owners, len(names) > MOST_OWNERS


_PER_OWNER = 8


def _of_owner(name: str, days: Days) -> list[ListRange]:
    return [
        ListRange(f"owner:{name}"),
        *days.of_owner(f"owner-due:{name}"),
        ListRange(f"owner-decision:ESCALATE:{name}"),
        *(ListRange(f"owner-escalations-{state}:{name}") for state in ESCALATION_STATES),
    ]


def _owner_counts(name: str, sizes: list[int]) -> api_models.OwnerOverview:
    leads, overdue, today, week, escalated, is_open, answered, missed = sizes
    return api_models.OwnerOverview(
        owner=name,
        leads=leads,
        overdue=overdue,
        today=today,
        week=week,
        escalated=escalated,
        open=is_open,
        answered=answered,
        missed=missed,
    )
