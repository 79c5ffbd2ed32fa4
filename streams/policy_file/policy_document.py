"""Reads and validates the YAML file of a policy; every violation names its line.

What the file omits is as in the default policy; what a rule omits is as in `promises`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from hashlib import blake2b
from itertools import combinations
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from streams.domain.facts import MAX_TEXT
from streams.domain.policy.calendars import Calendar, Hours
from streams.domain.policy.patterns import ANYTHING, covers
from streams.domain.policy.terms import DIMENSIONS, Action, Policy, PolicyLimits, Promises, Rule
from streams.runtime.documents import DocumentError, Violation, YamlDocument, violation

from .syntax import SpanWords, parse_day, parse_hours, parse_span, parse_week, parse_zone

DIGEST_BYTES = 8

Calendars = Mapping[str, Calendar]


class PolicyError(DocumentError):
    """All violations in a policy file; each line of the message has file, line, problem and what to write instead."""


def parse_policy(text: str, name: str) -> Policy:
    """Parse a policy file. The digest of the policy is the BLAKE2b of its text: 8 bytes, in hex.

    Args:
        text: Its content.
        name: The file name in messages.

    Raises:
        PolicyError: It is not a valid policy.
    """
    try:
        document = YamlDocument(text, name)
    except DocumentError as unread:
        raise PolicyError(name, unread.faults) from None
    file, faults = document.check(_PolicyFile, context=_calendars(document.data))
    faults += [_unreachable(document, *each) for each in _covered(document.data)]
    if file is None or faults:
        raise PolicyError(name, faults)
    return file.policy(blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest())


def _span(text: object, info: ValidationInfo) -> SpanWords:
    return parse_span(text, info.context or {})


def _clock(text: object, info: ValidationInfo) -> SpanWords | None:
    return None if text == "off" else parse_span(text, info.context or {}, least=1)


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


def _never(value: object) -> object:
    if value is None or (isinstance(value, str) and value != "never"):
        raise violation("no action", "write 'never', or a track: '{ track: keep-warm }'")
    return None if value == "never" else value


def _list(value: object) -> object:
    return value if isinstance(value, list) else [value]


SpanField = Annotated[SpanWords, PlainValidator(_span)]
PromiseSpan = Annotated[SpanWords | None, PlainValidator(_clock)]
EscalationSpan = Annotated[SpanWords, PlainValidator(_escalation)]
SpanOrOff = Annotated[SpanWords | None, PlainValidator(_span_or_off)]
CountOrOff = Annotated[int | None, PlainValidator(_count_or_off)]
Patterns = Annotated[tuple[str, ...], BeforeValidator(_list), Field(min_length=1)]
NonEmptyText = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]  # it must fit into a record
Day = Annotated[date, PlainValidator(parse_day)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    def given(self, calendars: Calendars) -> dict[str, Any]:  # keyword arguments of a type of the domain
        """The values that the file gives in this section, with their spans on their calendars."""
        values = ((name, getattr(self, name)) for name in self.model_fields_set)
        return {name: _on(value, calendars) for name, value in values}


class _CalendarFile(_Section):
    timezone: Annotated[ZoneInfo, PlainValidator(parse_zone)]
    hours: dict[str, Annotated[tuple[Hours, ...], PlainValidator(parse_hours)]]
    holidays: tuple[Day, ...] = ()

    @field_validator("hours")
    @classmethod
    def _no_day_twice(cls, hours: dict[str, tuple[Hours, ...]]) -> dict[str, tuple[Hours, ...]]:
        parse_week(hours)
        return hours

    def calendar(self, name: str) -> Calendar:
        return Calendar(name, self.timezone, parse_week(self.hours), frozenset(self.holidays))


class _PromisesFile(_Section):
    never_contacted: PromiseSpan = None
    no_follow_up: PromiseSpan = None
    no_progress: PromiseSpan = None
    grace: SpanOrOff = None
    max_attempts: CountOrOff = None


class _WhenFile(_Section):
    origin: Patterns = (ANYTHING,)
    segment: Patterns = (ANYTHING,)
    campaign: Patterns = (ANYTHING,)
    owner: Patterns = (ANYTHING,)


class _RuleFile(_Section):
    name: str = ""
    when: _WhenFile = _WhenFile()
    promises: _PromisesFile

    def rule(self, number: int, default_promises: Promises, calendars: Calendars) -> Rule:
        promises = replace(default_promises, **self.promises.given(calendars))
        return Rule(self.name or f"rule {number}", promises, self.when.given(calendars))


class _ActionFile(_Section):
    track: NonEmptyText
    delay: SpanField = SpanWords(0, "day", None)
    cooldown: SpanField | None = None
    escalate: EscalationSpan | None = None


ActionOrNever = Annotated[_ActionFile | None, BeforeValidator(_never)]


class _HoldoutFile(_Section):
    percent: int = Field(default=0, ge=0, le=100)
    salt: str = ""


class _LimitsFile(_Section):
    max_recycles: CountOrOff = None
    max_age: SpanOrOff = None
    cooldown: SpanField = SpanWords(0, "day", None)
    holdout: _HoldoutFile = _HoldoutFile()

    def limits(self, calendars: Calendars) -> PolicyLimits:
        values = self.given(calendars)
        holdout = values.pop("holdout", self.holdout)
        return PolicyLimits(**values, holdout_percent=holdout.percent, holdout_salt=holdout.salt)


class _PolicyFile(_Section):
    version: NonEmptyText
    calendars: dict[str, _CalendarFile] = {}
    promises: _PromisesFile = _PromisesFile()
    rules: list[_RuleFile] = []
    reasons: dict[str, ActionOrNever] = {}
    otherwise: ActionOrNever = None
    limits: _LimitsFile = _LimitsFile()

    def policy(self, digest: str) -> Policy:
        calendars = {name: file.calendar(name) for name, file in self.calendars.items()}
        default = Policy()
        promises = replace(default.promises, **self.promises.given(calendars))
        rules = (rule.rule(n, promises, calendars) for n, rule in enumerate(self.rules, start=1))
        actions = {reason: _action(file, calendars) for reason, file in self.reasons.items()}
        return Policy(
            version=self.version,
            promises=promises,
            rules=tuple(rules),
            reasons=actions if "reasons" in self.model_fields_set else default.reasons,
            otherwise=_action(self.otherwise, calendars) if "otherwise" in self.model_fields_set else default.otherwise,
            limits=self.limits.limits(calendars),
            digest=digest,
        )


def _action(file: _ActionFile | None, calendars: Calendars) -> Action | None:
    return None if file is None else Action(**file.given(calendars))


def _on(value: object, calendars: Calendars) -> object:
    return value.on(calendars) if isinstance(value, SpanWords) else value


def _calendars(data: object) -> dict[str, Calendar | None]:
    """The calendars by name; None for an invalid one, whose violations are reported elsewhere."""
    named = data.get("calendars") if isinstance(data, dict) else None
    return (
        {str(name): _calendar(str(name), content) for name, content in named.items()} if isinstance(named, dict) else {}
    )


def _calendar(name: str, content: object) -> Calendar | None:
    try:
        return _CalendarFile.model_validate(content).calendar(name)
    except ValidationError:
        return None


def _covered(data: object) -> Iterator[tuple[int, int]]:
    """Pairs of an earlier and a later rule, of which the later one can never apply."""
    rules = data.get("rules") if isinstance(data, dict) else None
    patterns = [_patterns(rule) for rule in rules] if isinstance(rules, list) else []
    seen: set[int] = set()
    for (earlier, wide), (later, narrow) in combinations(enumerate(patterns), 2):
        if later not in seen and wide is not None and narrow is not None and _is_covered(narrow, wide):
            seen.add(later)
            yield earlier, later


def _patterns(rule: object) -> dict[str, list[str]] | None:
    """The patterns of a rule by dimension; None if it is not written as a rule."""
    when = rule.get("when", {}) if isinstance(rule, dict) else None
    if not isinstance(when, dict) or not set(when) <= set(DIMENSIONS):
        return None
    lists = {name: value if isinstance(value, list) else [value] for name, value in when.items()}
    return {name: [str(pattern) for pattern in patterns] for name, patterns in lists.items()}


def _is_covered(narrow: dict[str, list[str]], wide: dict[str, list[str]]) -> bool:
    return all(
        all(any(covers(each, pattern) for each in patterns) for pattern in narrow.get(name, [ANYTHING]))
        for name, patterns in wide.items()
    )


def _unreachable(document: YamlDocument, earlier: int, later: int) -> Violation:
    line = document.line_of(("rules", earlier))
    problem = f"no lead ever comes to this rule: the one on line {line} takes all of its leads"
    return document.fault(("rules", later), problem, "put it before that one, or leave it out")
