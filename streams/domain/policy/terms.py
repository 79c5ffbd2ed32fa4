"""The terms of a policy, as values: who is promised what, what follows a stall, and the limits of it all."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from .counts import DEFAULT_COUNTING, Counting
from .intake import NO_INTAKE, Intake
from .promises import ALL_OFF, DEFAULT_PROMISES, Promises
from .reasons import DEFAULT_CAUSES, DEFAULT_REASONS, NURTURE, Action, Disposition, StallCause
from .rules import HasDimensions, Rule, RuleIndex
from .spans import Span, days

HALF_A_YEAR = days(180)
A_FORTNIGHT = days(14)

__all__ = ["ALL_OFF", "NURTURE", "Action", "HasDimensions", "Policy", "PolicyLimits", "Promises", "Rule"]


@dataclass(frozen=True, slots=True)
class PolicyLimits:
    """Where handing back ends. `max_age`: of a stall, in stream time; None is no limit."""

    max_recycles: int | None = 3
    max_age: Span | None = HALF_A_YEAR
    cooldown: Span = A_FORTNIGHT
    holdout_percent: int = 0
    holdout_salt: str = ""


@dataclass(frozen=True)
class Policy:
    """All that decisions follow, besides the lead itself. `version` goes with every decision.

    Args:
        version: The name of this state of the policy.
        promises: What is promised to everybody.
        rules: Exceptions; the first that matches a lead applies.
        reasons: What follows a stall; None: the lead is never handed back.
        otherwise: What follows a stall for a reason that is not named.
        limits: Where handing back ends.
        digest: Of the content of the file that the policy was read from; policies of the same terms are equal.
        counts: What counts as a touch and as progress, for leads without a rule.
        causes: Why a lead of this reason is cold; `other` for the rest.
        intake: To whom escalations and warnings are addressed; it changes no decision.
    """

    version: str = "1"
    promises: Promises = DEFAULT_PROMISES
    rules: tuple[Rule, ...] = ()
    reasons: Mapping[str, Action | None] = field(default_factory=lambda: DEFAULT_REASONS)
    otherwise: Action | None = NURTURE
    limits: PolicyLimits = PolicyLimits()
    digest: str = field(default="", compare=False)
    counts: Counting = DEFAULT_COUNTING
    causes: Mapping[str, StallCause] = field(default_factory=lambda: DEFAULT_CAUSES)
    intake: Intake = NO_INTAKE

    def promises_of(self, lead: HasDimensions) -> Promises:
        """What is promised about this lead: by the first rule that matches, else what is promised to everybody."""
        rule = self.rule_of(lead)
        return self.promises if rule is None else rule.promises

    def counts_of(self, lead: HasDimensions) -> Counting:
        """What counts as a touch and as progress for this lead."""
        rule = self.rule_of(lead)
        return self.counts if rule is None else rule.counts

    @cached_property
    def says_what_counts(self) -> bool:
        """Whether anything counts as something else than by default."""
        return any(counts != DEFAULT_COUNTING for counts in (self.counts, *(rule.counts for rule in self.rules)))

    def rule_of(self, lead: HasDimensions) -> Rule | None:
        """The first rule that matches this lead; None: none does."""
        if not self.rules:
            return None
        position = self._index.first(lead)
        return None if position < 0 else self.rules[position]

    def action_of(self, reason: str) -> Action | None:
        """What follows a stall for this reason; None: never hand the lead back."""
        return self.reasons.get(reason, self.otherwise)

    def is_named(self, reason: str) -> bool:
        """Whether the policy names this reason; if not, `otherwise` applies."""
        return reason in self.reasons

    def disposition_of(self, reason: str) -> Disposition:
        """What becomes of a lead that is cold for this reason."""
        action = self.action_of(reason)
        return "never" if action is None else action.disposition

    def cause_of(self, reason: str) -> StallCause:
        """Why a lead of this reason is cold."""
        return self.causes.get(reason, "other")

    def for_history(self) -> "Policy":
        """The same policy where the wall clock does not speak: no stall is too old."""
        return replace(self, limits=replace(self.limits, max_age=None))

    @cached_property
    def _index(self) -> RuleIndex:
        return RuleIndex(self.rules)
