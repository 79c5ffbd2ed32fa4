"""The terms of a policy, as values: who is promised what, what follows a stall, and the limits of it all."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Protocol

from .patterns import is_like
from .spans import PlainTime, Span, days

REMEMBERED_LEADS = 10_000
DIMENSIONS = ("origin", "segment", "campaign", "owner")

Dimensions = tuple[str, str, str, str]


class HasDimensions(Protocol):
    """What has the dimensions that rules match."""

    @property
    def origin(self) -> str: ...
    @property
    def segment(self) -> str: ...
    @property
    def campaign_id(self) -> str: ...
    @property
    def owner_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Promises:
    """What is promised about a lead; None is a clock that is off.

    `grace` is how long after an agreed next step follow-up may take; None: agreed next steps move no clock.
    """

    never_contacted: Span | None = None
    no_follow_up: Span | None = None
    no_progress: Span | None = None
    grace: Span | None = None
    max_attempts: int | None = None


ALL_OFF = Promises()
AT_ONCE = PlainTime(0)
HALF_A_YEAR = days(180)
A_FORTNIGHT = days(14)
DEFAULT_PROMISES = Promises(days(2), days(7), days(30), days(1), 6)


@dataclass(frozen=True, slots=True)
class Rule:
    """An exception from the promises to everybody: for leads that match every dimension it names.

    A dimension matches if any of its patterns does (a word, or one with `*` and `?`).
    """

    name: str
    promises: Promises
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def matches(self, dimensions: Dimensions) -> bool:
        """Whether the rule is for leads of these dimensions."""
        return all(
            any(is_like(value, pattern) for pattern in self.when[dimension])
            for dimension, value in zip(DIMENSIONS, dimensions, strict=True)
            if dimension in self.when
        )


@dataclass(frozen=True, slots=True)
class Action:
    """What a RECYCLE requests: the track, how long after the stall it starts, and the cooldown until the next.

    `escalate` is how long sales has to act after the stall, before the lead goes back; None: it goes back at once.
    """

    track: str
    delay: Span = AT_ONCE
    cooldown: Span | None = None  # None: the limit for all
    escalate: Span | None = None


@dataclass(frozen=True, slots=True)
class PolicyLimits:
    """Where handing back ends. `max_age`: of a stall, in stream time; None is no limit."""

    max_recycles: int | None = 3
    max_age: Span | None = HALF_A_YEAR
    cooldown: Span = A_FORTNIGHT
    holdout_percent: int = 0
    holdout_salt: str = ""


NURTURE = Action("nurture")
DEFAULT_REASONS: Mapping[str, Action | None] = MappingProxyType(
    {
        "never_contacted": Action("introduce-again"),
        "no_follow_up": Action("keep-warm"),
        "no_progress": Action("re-engage", days(7)),
        "attempts_exhausted": Action("re-engage", days(14)),
        "no_response": Action("re-engage", days(90)),
        "bad_timing": Action("right-time", days(60)),
        "no_budget": Action("value", days(90)),
        "price": Action("offer", days(30)),
        "no_authority": Action("reach-the-decider", days(30)),
        "competitor": Action("switch", days(180)),
        "product_gap": Action("product-news", days(90)),
        "unqualified": Action("nurture", days(90)),
        "lost": Action("nurture", days(90)),
        "poor_fit": None,
        "invalid": None,
        "duplicate": None,
    }
)


@dataclass(frozen=True, slots=True)
class Policy:
    """All that decisions follow, besides the lead itself. `version` goes with every decision.

    `digest` identifies the content of the file that the policy was read from; policies of the same terms are equal.
    In `reasons`, None is a lead that is never handed back; `otherwise` is for the reasons that are not named.
    """

    version: str = "1"
    promises: Promises = DEFAULT_PROMISES
    rules: tuple[Rule, ...] = ()
    reasons: Mapping[str, Action | None] = field(default_factory=lambda: DEFAULT_REASONS)
    otherwise: Action | None = NURTURE
    limits: PolicyLimits = PolicyLimits()
    digest: str = field(default="", compare=False)
    _matched: dict[Dimensions, Promises] = field(default_factory=dict, init=False, repr=False, compare=False)

    def promises_of(self, lead: HasDimensions) -> Promises:
        """What is promised about this lead: by the first rule that matches, else what is promised to everybody."""
        if not self.rules:
            return self.promises
        dimensions = (lead.origin, lead.segment, lead.campaign_id, lead.owner_id)
        return self._matched.get(dimensions) or self._match(dimensions)

    def action_of(self, reason: str) -> Action | None:
        """What follows a stall for this reason; None: never hand the lead back."""
        return self.reasons.get(reason, self.otherwise)

    def for_history(self) -> "Policy":
        """The same policy where the wall clock does not speak: no stall is too old."""
        return replace(self, limits=replace(self.limits, max_age=None))

    def _match(self, dimensions: Dimensions) -> Promises:
        if len(self._matched) >= REMEMBERED_LEADS:
            self._matched.clear()
        promises = next((rule.promises for rule in self.rules if rule.matches(dimensions)), self.promises)
        return self._matched.setdefault(dimensions, promises)
