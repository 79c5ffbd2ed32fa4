"""The sections of a policy file, and the values of the domain that each one stands for.

What the file omits is as in the default policy; what a rule omits is as for everybody.
"""

from dataclasses import replace
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from streams.domain.policy.calendars import Calendar, Hours
from streams.domain.policy.counts import Counting
from streams.domain.policy.patterns import ANYTHING
from streams.domain.policy.promises import ContactFrom, Promises
from streams.domain.policy.reasons import Action, StallCause
from streams.domain.policy.rules import WORDS, Interval, Rule
from streams.domain.policy.terms import PolicyLimits
from streams.runtime.documents import violation

from .field_types import (
    Activities,
    Actors,
    AttemptsOrOff,
    Calendars,
    ClockSpan,
    CountOrOff,
    EscalationSpan,
    Holidays,
    NonEmptyText,
    OpenHours,
    Outcomes,
    Passes,
    Patterns,
    ProgressOutcomes,
    Section,
    SpanField,
    SpanOrOff,
    TimeZone,
    WarningSpan,
)
from .holiday_dates import PublicHolidays, public_holidays
from .syntax import SpanWords, parse_minor_units, parse_week


def _listed(value: object) -> object:
    return value if isinstance(value, dict) else {"also": value}


class HolidaysFile(Section):
    """The holidays of a calendar: of a country or region, and dates of its own."""

    country: str | None = None
    region: str | None = None
    also: Holidays = ()
    but: Holidays = Field(default=(), alias="except")

    @model_validator(mode="after")
    def _exist(self) -> Self:
        if self.region is not None and self.country is None:
            raise violation(f"the region {self.region!r} of which country?", "write for example 'country: DE'")
        self.public()
        return self

    def public(self) -> PublicHolidays:
        """Those of the country or region."""
        return PublicHolidays(frozenset(), "") if self.country is None else public_holidays(self.country, self.region)

    def dates(self) -> frozenset[date]:
        """All of them."""
        return (self.public().dates - set(self.but)) | set(self.also)


def _every_day(value: object) -> object:
    return {"mon-sun": value} if value == "always" else value


class CalendarFile(Section):
    """The working hours of a team."""

    timezone: TimeZone
    hours: Annotated[dict[str, OpenHours], BeforeValidator(_every_day)]
    holidays: Annotated[HolidaysFile, BeforeValidator(_listed)] = HolidaysFile()

    @field_validator("hours")
    @classmethod
    def _no_day_twice(cls, hours: dict[str, tuple[Hours, ...]]) -> dict[str, tuple[Hours, ...]]:
        parse_week(hours)
        return hours

    def calendar(self, name: str) -> Calendar:
        return Calendar(name, self.timezone, parse_week(self.hours), self.holidays.dates())


def _as_promise(value: object) -> object:
    return value if isinstance(value, dict) else {"within": value}


class PromiseFile(Section):
    """One promise that is a span: alone, or with its warning."""

    within: ClockSpan = None
    warn: WarningSpan = None


class ContactPromiseFile(PromiseFile):
    """The promise of a first touch, and when its clock starts."""

    since: ContactFrom = Field(default="created", alias="from")


Promise = Annotated[PromiseFile, BeforeValidator(_as_promise)]


class PromisesFile(Section):
    """What is promised, to everybody or by a rule."""

    never_assigned: Promise = PromiseFile()
    never_contacted: Annotated[ContactPromiseFile, BeforeValidator(_as_promise)] = ContactPromiseFile()
    no_follow_up: Promise = PromiseFile()
    no_progress: Promise = PromiseFile()
    no_next_step: Promise = PromiseFile()
    grace: SpanOrOff = None
    max_attempts: AttemptsOrOff = None

    def over(self, promises: Promises, calendars: Calendars) -> Promises:
        """These promises with the values that the file gives here."""
        given = self.given(calendars)
        clocks = {name: part.given(calendars) for name, part in given.items() if isinstance(part, PromiseFile)}
        values = {name: value for name, value in given.items() if name not in clocks}
        values |= {name: parts["within"] for name, parts in clocks.items() if "within" in parts}
        if "since" in (contact := clocks.get("never_contacted", {})):
            values["contact_from"] = contact["since"]
        promises = replace(promises, **values)
        warn = {**promises.warn, **{name: parts["warn"] for name, parts in clocks.items() if "warn" in parts}}
        return replace(promises, warn={name: span for name, span in warn.items() if span and getattr(promises, name)})


class AmountFile(Section):
    """A range of expected amounts, in major units with `digits` digits after the point."""

    digits: int = Field(default=2, ge=0, le=4)
    since: object = Field(default=None, alias="from")
    below: object = None

    @model_validator(mode="after")
    def _is_range(self) -> Self:
        if self.since is None and self.below is None:
            raise violation("a range without bounds", "write for example '{ from: 10000, below: 50000 }'")
        interval = self.interval()
        if interval.end is not None and interval.first >= interval.end:
            raise violation("no amount is in this range", "write the smaller amount at 'from'")
        return self

    def interval(self) -> Interval:
        first, end = (
            None if each is None else parse_minor_units(each, self.digits) for each in (self.since, self.below)
        )
        return Interval(first or 0, end)


class WhenFile(Section):
    """Which leads a rule is for."""

    origin: Patterns = (ANYTHING,)
    segment: Patterns = (ANYTHING,)
    campaign: Patterns = (ANYTHING,)
    owner: Patterns = (ANYTHING,)
    account: Patterns = (ANYTHING,)
    amount: AmountFile | None = None
    passes: Passes | None = Field(default=None, alias="pass")

    def interval(self) -> Interval | None:
        """The range of the amount in minor units."""
        return None if self.amount is None else self.amount.interval()


class CountsFile(Section):
    """What counts as a touch and as progress."""

    by: Actors = Field(default=frozenset(), alias="touch")
    activities: Activities = frozenset()
    ignored: Outcomes = Field(default=frozenset(), alias="ignore")
    progress: ProgressOutcomes = frozenset()

    @model_validator(mode="after")
    def _no_contradiction(self) -> Self:
        if both := sorted(self.ignored & self.progress):
            raise violation(f"{both[0]!r} is progress and is ignored", "leave it out of one of the lists")
        return self


class RuleFile(Section):
    """An exception."""

    name: str = ""
    when: WhenFile = WhenFile()
    promises: PromisesFile = PromisesFile()
    counts: CountsFile = CountsFile()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set & {"promises", "counts"}:
            raise violation("'promises' is missing", "write 'promises: …'")
        return self

    def rule(self, number: int, promises: Promises, counts: Counting, calendars: Calendars) -> Rule:
        return Rule(
            self.name or f"rule {number}",
            self.promises.over(promises, calendars),
            {name: getattr(self.when, name) for name in WORDS if name in self.when.model_fields_set},
            self.when.interval(),
            self.when.passes,
            replace(counts, **self.counts.given(calendars)),
        )


class ActionFile(Section):
    """What follows a stall."""

    track: NonEmptyText = ""
    delay: SpanField = SpanWords(0, "day", None)
    cooldown: SpanField | None = None
    escalate: EscalationSpan | None = None
    disposition: Literal["timed", "triggered", "never"] = "timed"

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.disposition == "never":
            if given := sorted(self.model_fields_set & {"track", "delay", "cooldown", "escalate"}):
                raise violation(f"a lead that is never handed back has no {given[0]!r}", f"leave {given[0]!r} out")
        elif "track" not in self.model_fields_set:
            raise violation("'track' is missing", "write 'track: …'")
        if self.disposition == "triggered" and "delay" in self.model_fields_set:
            raise violation("a triggered reason waits for the date that sales reports", "leave 'delay' out")
        return self

    def action(self, calendars: Calendars) -> Action | None:
        if self.disposition == "never":
            return None
        return Action(**{name: value for name, value in self.given(calendars).items() if name != "cause"})


class ReasonFile(ActionFile):
    """What follows a stall for one reason."""

    cause: StallCause | None = None


def _never(value: object) -> object:
    if value is None or (isinstance(value, str) and value != "never"):
        raise violation("no action", "write 'never', or a track: '{ track: keep-warm }'")
    return {"disposition": "never"} if value == "never" else value


OtherReasons = Annotated[ActionFile, BeforeValidator(_never)]
OneReason = Annotated[ReasonFile, BeforeValidator(_never)]


class HoldoutFile(Section):
    """The control group."""

    percent: int = Field(default=0, ge=0, le=100)
    salt: str = ""


class LimitsFile(Section):
    """Where handing back ends."""

    max_recycles: CountOrOff = None
    max_age: SpanOrOff = None
    cooldown: SpanField = SpanWords(0, "day", None)
    holdout: HoldoutFile = HoldoutFile()

    def limits(self, calendars: Calendars) -> PolicyLimits:
        values = self.given(calendars)
        holdout = values.pop("holdout", self.holdout)
        return PolicyLimits(**values, holdout_percent=holdout.percent, holdout_salt=holdout.salt)
