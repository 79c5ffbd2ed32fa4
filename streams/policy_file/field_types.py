"""The types of the values in a policy file, with their validators, and what all its sections have in common."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationInfo

from streams.domain.facts import MAX_TEXT
from streams.domain.policy.calendars import Calendar, Hours
from streams.domain.policy.counts import ACTIVITIES, ACTORS, INBOUND, NEVER_PROGRESS, OUTCOMES
from streams.domain.policy.rules import Interval
from streams.runtime.documents import did_you_mean, violation

from .holiday_dates import FIRST_YEAR, LAST_YEAR
from .syntax import SpanWords, parse_day, parse_hours, parse_passes, parse_span, parse_warning, parse_zone

Calendars = Mapping[str, Calendar]
NO_TOUCH = {
    "marketing": "what marketing does is never a touch",
    "automation": "what automation does is never a touch; replies that it recorded are the lead's",
}
NO_PROGRESS = dict.fromkeys(NEVER_PROGRESS, "nothing came of such a contact, so it is no progress")


def _span(text: object, info: ValidationInfo) -> SpanWords:
    return parse_span(text, info.context or {})


def _clock(text: object, info: ValidationInfo) -> SpanWords | None:
    return None if text == "off" else parse_span(text, info.context or {}, least=1)


def _warning(text: object, info: ValidationInfo) -> SpanWords | None:
    return None if text == "off" else parse_warning(text, info.context or {})


def _escalation(text: object, info: ValidationInfo) -> SpanWords:
    span = parse_span(text, info.context or {})
    if span.number == 0:
        raise violation("sales has no time to act", "write for example '4 hours', or leave 'escalate' out")
    return span


def _span_or_off(text: object, info: ValidationInfo) -> SpanWords | None:
    return None if text == "off" else parse_span(text, info.context or {})


def _count_or_off(value: object) -> int | None:
    if value == "off":
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise violation(f"{value!r} is no number of times", "write a whole number, or 'off'")
    return value


def _attempts(value: object) -> int | None:
    if (count := _count_or_off(value)) == 0:
        raise violation("no attempt is allowed, so the first touch breaks it", "write at least 1, or 'off'")
    return count


def as_list(value: object) -> object:
    """The value as a list: one alone may stand without brackets."""
    return value if isinstance(value, list) else [value]


def _holiday(text: object) -> date:
    day = parse_day(text)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise violation(f"{day} is not between {FIRST_YEAR} and {LAST_YEAR}", "write the year of the holiday")
    return day


def _symbols(value: object, known: Iterable[str], wrong: Mapping[str, str]) -> frozenset[str]:
    names = as_list(value)
    for name in names if isinstance(names, list) else []:
        if not isinstance(name, str) or name not in known:
            problem = wrong.get(str(name), f"{name!r} is not known here")
            raise violation(problem, did_you_mean(name, known))
    return frozenset(names) if isinstance(names, list) else frozenset()


def _actors(value: object) -> frozenset[str]:
    return _symbols(value, ACTORS, NO_TOUCH)


def _activities(value: object) -> frozenset[str]:
    return _symbols(value, ACTIVITIES, {})


def _outcomes(value: object) -> frozenset[str]:
    return _symbols(value, OUTCOMES, {})


def _progress(value: object) -> frozenset[str]:
    known = (INBOUND, *(outcome for outcome in OUTCOMES if outcome not in NEVER_PROGRESS))
    return _symbols(value, known, NO_PROGRESS)


SpanField = Annotated[SpanWords, PlainValidator(_span)]
ClockSpan = Annotated[SpanWords | None, PlainValidator(_clock)]
WarningSpan = Annotated[SpanWords | None, PlainValidator(_warning)]
EscalationSpan = Annotated[SpanWords, PlainValidator(_escalation)]
SpanOrOff = Annotated[SpanWords | None, PlainValidator(_span_or_off)]
CountOrOff = Annotated[int | None, PlainValidator(_count_or_off)]
AttemptsOrOff = Annotated[int | None, PlainValidator(_attempts)]
Patterns = Annotated[tuple[str, ...], BeforeValidator(as_list), Field(min_length=1)]
NonEmptyText = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]  # it must fit into a record
Holidays = Annotated[tuple[Annotated[date, PlainValidator(_holiday)], ...], BeforeValidator(as_list)]
Day = Annotated[date, PlainValidator(parse_day)]
TimeZone = Annotated[ZoneInfo, PlainValidator(parse_zone)]
OpenHours = Annotated[tuple[Hours, ...], PlainValidator(parse_hours)]
Passes = Annotated[Interval, PlainValidator(parse_passes)]
Actors = Annotated[frozenset[str], PlainValidator(_actors), Field(min_length=1)]
Activities = Annotated[frozenset[str], PlainValidator(_activities), Field(min_length=1)]
Outcomes = Annotated[frozenset[str], PlainValidator(_outcomes)]
ProgressOutcomes = Annotated[frozenset[str], PlainValidator(_progress), Field(min_length=1)]


class Section(BaseModel):
    """A part of the file: unknown keys are violations, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    def given(self, calendars: Calendars) -> dict[str, Any]:  # keyword arguments of a type of the domain
        """The values that the file gives in this section, with their spans on their calendars."""
        values = ((name, getattr(self, name)) for name in self.model_fields_set)
        return {name: on_calendar(value, calendars) for name, value in values}


def on_calendar(value: object, calendars: Calendars) -> object:
    """A span as the domain has it; any other value is as it is."""
    return value.on(calendars) if isinstance(value, SpanWords) else value
