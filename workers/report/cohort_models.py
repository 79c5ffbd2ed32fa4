"""The response models of cohorts, and of what changed."""

from datetime import date
from typing import TypedDict

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


class Closes(TypedDict):
    """Deals that were closed within some hours."""

    won: int
    lost: int
    won_money: Money


class Happened(ApiModel):
    """What happened within a day. null: only known of the last day."""

    created: int = Field(default=0, description="Leads whose current pass began.")
    contacted: int | None = Field(default=None, description="Leads whose newest touch it was.")
    went_cold: int | None = Field(default=None, description="Leads that went cold and still are.")
    recycled: int = Field(default=0, description="Times that a lead was handed back.")
    escalated: int = Field(default=0, description="Broken promises that sales was asked to act on.")
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
