"""The response models of cohorts, and of what changed."""

from datetime import date

from pydantic import Field

from .api_models import ApiInstant, ApiModel, AsOf, Money
from .funnel_models import FunnelRow


class CohortRow(FunnelRow):
    """The passes that began within a month or a week, in UTC; `value` is `2026-03`, or the Monday of the week."""

    begins: ApiInstant
    ends: ApiInstant


class CohortPage(ApiModel):
    """Cohorts, oldest first. A cohort that is not over, and a young one, can still grow in every step."""

    by: str = Field(examples=["month"])
    first: date
    last: date
    rows: list[CohortRow]
    total: FunnelRow = Field(description="Of these cohorts together.")
    before: FunnelRow = Field(description="Of as many cohorts before them.")
    as_of: AsOf


class Happened(ApiModel):
    """How often each thing happened, by its own time. First contact, progress and going cold: the first of a pass."""

    created: int = 0
    touched: int = 0
    progressed: int = 0
    stalled: int = 0
    recycled: int = 0
    won: int = 0
    lost: int = 0
    won_money: Money = Field(default={})


class Changes(ApiModel):
    """What happened since the full hour about this time yesterday, and in the day before that."""

    since: ApiInstant
    now: ApiInstant
    changes: Happened
    before: Happened
    as_of: AsOf
