"""The section of a policy file that names who gets escalations and warnings in place of the owner of a lead."""

from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from streams.domain.policy.intake import Absence, Intake
from streams.runtime.documents import violation

from .field_types import Day, NonEmptyText, Section, TimeZone

UTC_ZONE = ZoneInfo("UTC")


class AbsenceFile(Section):
    """Who is away. Both days are part of the absence."""

    owner: NonEmptyText
    since: Day | None = Field(default=None, alias="from")
    until: Day | None = None

    @model_validator(mode="after")
    def _is_range(self) -> Self:
        if self.since is not None and self.until is not None and self.since > self.until:
            raise violation("the absence ends before it begins", "write the earlier day at 'from'")
        return self


def _as_absence(value: object) -> object:
    return value if isinstance(value, dict) else {"owner": value}


class IntakeFile(Section):
    """Who gets the escalations and warnings of leads without an owner, or with one who is away."""

    owner: NonEmptyText
    away: tuple[Annotated[AbsenceFile, BeforeValidator(_as_absence)], ...] = ()
    timezone: TimeZone = UTC_ZONE

    def intake(self) -> Intake:
        away = frozenset(Absence(one.owner, one.since, one.until) for one in self.away)
        return Intake(self.owner, away, self.timezone)
