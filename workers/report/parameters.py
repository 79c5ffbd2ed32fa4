"""The parameters of the read API. One that does not exist is refused, with the nearest name that does."""

import re
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from schemas.events import Stage
from schemas.topics import MAX_LEAD_ID
from streams.domain.facts import MAX_TEXT
from workers.explaining.words import zone_named
from workers.read_model.cohorts import CohortLength, period_from, period_until
from workers.read_model.escalations import EscalationState
from workers.read_model.index import RecycleState
from workers.values.currencies import CODES, minor_digits

from .api_models import DecisionFilter, FunnelGrouping, FunnelStep, LeadModel, PassLabel
from .lead_query import LeadQuery

MAX_CURSOR = 4096
SHOWN_COHORTS, MOST_COHORTS = 12, 120
_DELAY = re.compile(r"(\d{1,9})([smhd])")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]")


def _rfc3339(given: object) -> object:
    """Reject numbers: pydantic would take them for seconds since 1970."""
    if isinstance(given, str) and not _TIME.match(given):
        raise ValueError("write a time with its zone, such as 2026-03-16T09:30:00Z")
    return given


def _calendar_day(given: object) -> object:
    """Reject numbers, as `_rfc3339` does."""
    if isinstance(given, str) and not _DAY.fullmatch(given):
        raise ValueError("write a day, such as 2026-03-16")
    return given


def _milliseconds(given: object) -> object:
    """`90s`, `15m`, `4h` or `2d` in ms."""
    found = _DELAY.fullmatch(str(given))
    if found is None:
        raise ValueError("write a time span, such as 90s, 15m, 4h or 2d")
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[found[2]] * 1000


def _known_currency(code: str) -> str:
    if code.upper() not in CODES:
        raise ValueError("write the code of a currency, such as EUR")
    return code.upper()


def _known_fields(names: str | None) -> str | None:
    known = list(LeadModel.model_fields)
    for name in (names or "").split(",") if names else ():
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.5)
            raise ValueError(f"there is no field {name[:64]!r}" + (f": did you mean {near[0]}?" if near else ""))
    return names


def _known_zone(name: str | None) -> str | None:
    if name is not None and zone_named(name) is None:
        raise ValueError("write the name of a time zone, such as Europe/Berlin")
    return name


Moment = Annotated[AwareDatetime, BeforeValidator(_rfc3339)]
ZoneName = Annotated[str | None, AfterValidator(_known_zone)]
PeriodDay = Annotated[date, BeforeValidator(_calendar_day), Field(ge=date(1970, 1, 1), le=date(2999, 12, 31))]
Delay = Annotated[int, BeforeValidator(_milliseconds, json_schema_input_type=str)]
Currency = Annotated[str, AfterValidator(_known_currency)]
LeadSort = Literal[
    "created", "-created", "touched", "-touched", "due", "-due", "closed", "-closed", "amount", "-amount"
]
QueryText = Annotated[str | None, Field(max_length=MAX_TEXT)]


class Parameters(BaseModel):
    """The base of all: unknown names are an error."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _has_known_names(cls, given: object) -> object:
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for name in given if isinstance(given, dict) else ():
            if name not in known:
                raise ValueError(_unknown(str(name), known))
        return given


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    help_text = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(known))}"
    return f"there is no parameter {name[:64]!r}: {help_text}"


class PageParameters(Parameters):
    """Of all lists."""

    limit: int = Field(50, ge=1, le=500, description="The most that a page holds.")
    cursor: str | None = Field(
        None, max_length=MAX_CURSOR, description="`next` of the former page, with the same filters."
    )


class LeadParameters(PageParameters):
    """Which leads. All filters that are given must fit."""

    stage: Stage | None = None
    stalled: bool | None = Field(None, description="Whether a stall stands; true: the longest cold first.")
    due_from: Moment | None = Field(None, description="A promise breaks then or later; the next first.")
    due_before: Moment | None = Field(None, description="A promise breaks before then; the next first.")
    decision: DecisionFilter | None = Field(
        None, description="What was decided about the stall that stands; the next to be evaluated again first."
    )
    origin: QueryText = None
    campaign: QueryText = None
    segment: QueryText = None
    owner: QueryText = None
    account: QueryText = None
    reason: QueryText = Field(None, description="Why the lead is cold; with `step`: why the pass last went cold.")
    track: QueryText = Field(None, description="Of the recycle that stands.")
    pass_label: PassLabel | None = Field(None, alias="pass", description="Which pass; without `step`: the current.")
    step: FunnelStep | None = Field(
        None,
        description="A pass has reached this step; origin, campaign, owner, reason and pass are of that pass.",
    )
    without: FunnelStep | None = Field(None, description="A pass has not reached this step; see `step`.")
    begins: Annotated[str | None, Field(min_length=1, max_length=MAX_LEAD_ID)] = Field(
        None, description="The beginning of lead_id."
    )
    created_from: Moment | None = Field(
        None, description="The current pass began then or later; with `step` or `without`: the pass that fits."
    )
    created_before: Moment | None = None
    touched_from: Moment | None = Field(None, description="The last touch was then or later.")
    touched_before: Moment | None = None
    closed_from: Moment | None = Field(None, description="The deal of this pass was closed then or later.")
    closed_before: Moment | None = None
    amount_from: Decimal | None = Field(
        None,
        max_digits=18,
        description="An amount in whole units of `currency`, such as 1500 or 1500.50.",
        examples=["1500"],
    )
    amount_below: Decimal | None = Field(None, max_digits=18)
    currency: Currency | None = Field(None, description="ISO 4217; leads with an amount in it.", examples=["EUR"])
    at_risk: bool | None = Field(None, description="Sales was warned about the promise that runs now.")
    system_delay_from: Delay | None = Field(
        None, description="The creation took this long or longer to reach Leadloop.", examples=["90s"]
    )
    human_delay_from: Delay | None = Field(
        None, description="The first touch came this long or longer after the creation.", examples=["4h"]
    )
    sort: LeadSort | None = Field(
        None, description="The order; with `-` the largest first. Leads without the value are left out."
    )

    fields: Annotated[str | None, AfterValidator(_known_fields)] = Field(
        None,
        max_length=MAX_TEXT,
        description="The columns of the CSV file, with commas between them; JSON has all fields.",
        examples=["lead_id,stage,owner_id"],
    )

    @property
    def columns(self) -> list[str]:
        """The columns of a CSV file; none: all."""
        return self.fields.split(",") if self.fields else []

    @model_validator(mode="after")
    def _names_the_currency(self) -> Self:
        needs = self.amount_from is not None or self.amount_below is not None or self.sort in {"amount", "-amount"}
        if needs and self.currency is None:
            raise ValueError("amounts of different currencies cannot be compared: give currency, such as currency=EUR")
        return self

    @property
    def query(self) -> LeadQuery:
        given: dict[str, Any] = self.model_dump(exclude={"limit", "cursor", "sort", "fields"})
        for name, value in given.items():
            match value:
                case datetime():
                    given[name] = epoch_ms(value)
                case Decimal():
                    given[name] = int(value.scaleb(minor_digits(self.currency or "")))
        sort: Any = None if self.sort is None else self.sort.removeprefix("-")
        return LeadQuery(**given, sort=sort, is_backwards=bool(self.sort and self.sort.startswith("-")))


class FunnelParameters(PageParameters):
    """Which rows of the funnel."""

    limit: int = Field(100, ge=1, le=500, description="The most that a page holds.")
    by: FunnelGrouping = "origin"
    pass_label: PassLabel | None = Field(None, alias="pass", description="Only these passes.")
    order: Literal["name", "leads"] = Field(
        "name", description="leads: the largest rows on one page, and the sum of all others as `others`."
    )


class CohortParameters(Parameters):
    """Which cohorts."""

    by: CohortLength = "month"
    first: PeriodDay | None = Field(None, alias="from", description="The first day; its whole cohort is counted.")
    last: PeriodDay | None = Field(None, alias="to", description="The last day; default: today.")
    origin: QueryText = None
    pass_label: PassLabel | None = Field(None, alias="pass", description="Only these passes.")

    @model_validator(mode="after")
    def _is_a_period(self) -> Self:
        if self.first is not None and self.last is not None:
            if self.first > self.last:
                raise ValueError("from is after to: exchange them")
            _check_length(self.by, self.first, self.last)
        return self

    def period(self, today: date) -> tuple[date, date]:
        """The first and the last day of the period; one of them may follow from the other."""
        if self.first is not None:
            return self.first, self.last or min(max(today, self.first), period_from(self.by, self.first, MOST_COHORTS))
        return period_until(self.by, self.last or today, SHOWN_COHORTS), self.last or today


def _check_length(by: CohortLength, first: date, last: date) -> None:
    if last > period_from(by, first, MOST_COHORTS):
        raise ValueError(f"{MOST_COHORTS} {by}s at most: choose a shorter period, or by=month")


class RecycleParameters(PageParameters):
    """Which recycles."""

    state: RecycleState | None = None


class EscalationParameters(PageParameters):
    """Which escalations."""

    state: EscalationState | None = None
    owner: QueryText = None


class ZoneParameters(Parameters):
    """In which time zone."""

    timezone: ZoneName = Field(
        None,
        description="The IANA time zone of sentences and days; default: that of a calendar of the policy, else UTC.",
    )


class NoParameters(Parameters):
    """None at all."""


def epoch_ms(at: AwareDatetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)
