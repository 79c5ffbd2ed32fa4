"""Cohorts, of the counts by month and week; recycles by track."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from streams.domain.funnel import PASS_LABELS
from workers.read_model.cohorts import (
    CohortLength,
    cohorts_between,
    first_day,
    following,
    origin_cohort,
    period_until,
)
from workers.read_model.index import TRACK_BY

from . import api_models, cohort_models, funnel_models
from .funnel_rows import CONTACT, row_of, sum_of, track_of
from .queries import ReadModel

MOST_TRACKS = 100


async def cohort_page(
    model: ReadModel,
    by: CohortLength,
    period: tuple[date, date],
    pass_label: api_models.PassLabel | None,
    origin: str | None,
) -> cohort_models.CohortPage:
    """The cohorts of a period, with their sum and that of the period before.

    Args:
        model: The read model.
        by: The length of a cohort.
        period: Its first and last day; whole cohorts are counted.
        pass_label: Only these passes; None: all.
        origin: Only of this origin; None: all.
    """
    names = list(cohorts_between(by, *period))
    former = list(_before(by, first_day(names[0]), len(names)))
    labels = (pass_label,) if pass_label else PASS_LABELS
    dimension = by if origin is None else f"origin-{by}"
    asked = [name if origin is None else origin_cohort(name, origin) for name in (*former, *names)]
    counts = await model.counts(dimension, asked)
    rows = [
        cohort_models.CohortRow(
            begins=_midnight(first_day(name)),
            ends=_midnight(following(by, first_day(name))),
            **dict(row_of(name, row, labels, CONTACT)),
        )
        for name, row in zip(names, counts[len(former) :], strict=True)
    ]
    return cohort_models.CohortPage(
        by=by,
        first=first_day(names[0]),
        last=following(by, first_day(names[-1])) - timedelta(days=1),
        rows=rows,
        total=row_of("", sum_of(counts[len(former) :]), labels, CONTACT),
        before=row_of("", sum_of(counts[: len(former)]), labels, CONTACT),
        as_of=await model.as_of(),
    )


def begins_before(by: CohortLength, begins: datetime, many: int) -> datetime:
    """When the first of so many cohorts began before the one that began then."""
    return _midnight(first_day(next(iter(_before(by, begins.date(), many)))))


async def track_page(model: ReadModel) -> funnel_models.TrackPage:
    """What became of recycles, by track."""
    rows = [track_of(track, counts) async for track, counts in model.rows(TRACK_BY)]
    found = [(row.standing + row.requalified + row.revoked, row) for row in rows]
    ranked = sorted((one for one in found if one[0]), key=lambda one: (-one[0], one[1].track))
    return funnel_models.TrackPage(tracks=[row for _, row in ranked[:MOST_TRACKS]], as_of=await model.as_of())


def _before(by: CohortLength, first: date, many: int) -> Iterable[str]:
    last = first - timedelta(days=1)
    return cohorts_between(by, period_until(by, last, many), last)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)
