"""What happened in the last day, and in the one before: most are parts of lists by time."""

from collections.abc import Mapping

from workers.read_model.cohorts import hour_of
from workers.read_model.list_members import timed
from workers.read_model.pass_figures import WON_MONEY

from . import api_models, cohort_models
from .funnel_rows import money_of, sum_of
from .generation_reader import GenerationReader, ListRange, Reading, ScoreRange

_HOUR_MS, _HOURS = 3_600_000, 24


async def changes_of(reader: GenerationReader, reading: Reading, now: int) -> cohort_models.Changes:
    """Count. `now` in epoch ms. Raises ReadModelUnavailable."""
    since = (now // _HOUR_MS - _HOURS) * _HOUR_MS
    former = since - _HOURS * _HOUR_MS
    hours = [hour_of(since + place * _HOUR_MS).encode() for place in range(-_HOURS, _HOURS + 1)]
    closed = await reader.counts(reading, "hour", hours)
    within = (("by:created", since, now + 1), ("by:created", former, since), ("by:touched", since, now + 1))
    created, created_before, touched = [await reader.scored_size(reading, ScoreRange(*one)) for one in within]
    names = ("recycles", "escalations")
    parts = [_part(name, *times) for name in names for times in ((since, now + 1), (former, since))]
    recycled, recycled_before, escalated, escalated_before, stalled = await reader.sizes(
        reading, [*parts, _part("stalled", since, now + 1)]
    )
    return cohort_models.Changes(
        since=api_models.instant(since),
        now=api_models.instant(now),
        changes=cohort_models.Happened(
            created=created,
            contacted=touched,
            went_cold=stalled,
            recycled=recycled,
            escalated=escalated,
            **_closed(sum_of(closed[_HOURS:])),
        ),
        before=cohort_models.Happened(
            created=created_before,
            recycled=recycled_before,
            escalated=escalated_before,
            **_closed(sum_of(closed[:_HOURS])),
        ),
        as_of=reading.as_of,
    )


def _part(name: str, begin: int, end: int) -> ListRange:
    return ListRange(name, b"[" + timed(begin).encode(), b"(" + timed(end).encode())


def _closed(fields: Mapping[str, int]) -> cohort_models.Closes:
    return {
        "won": fields.get("won", 0),
        "lost": fields.get("lost", 0),
        "won_money": money_of(fields, WON_MONEY),
    }
