"""The result of an audit: counts, and what was named on the way."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from .delivery_audit import DeliveryAudit, DeliveryState, NotJudged
from .differences import AuditDifference, AuditDifferenceKind
from .lead_audit import CountedLead, LeadAudit, NotCheckable
from .model_audit import ModelAudit, ModelState
from .plain_lead import STEPS, PlainPass
from .waiting_stalls import OpenStall


class AuditOfLead(NamedTuple):
    """The results about one lead, its deliveries, and its place in the read model."""

    lead: LeadAudit
    delivered: DeliveryAudit = DeliveryAudit()
    modelled: ModelAudit = ModelAudit()

    @property
    def differences(self) -> tuple[AuditDifference, ...]:
        return (*self.lead.differences, *self.elsewhere)

    @property
    def elsewhere(self) -> tuple[AuditDifference, ...]:
        """Differences of deliveries and of the read model."""
        return (*self.delivered.differences, *self.modelled.differences)


@dataclass(slots=True)
class OpenStalls:
    """Open stalls that wait for the same: how many, and the dates of the first and of the last, if they have one."""

    count: int = 0
    first_until: int | None = None
    last_until: int | None = None

    def add(self, until: int | None) -> None:
        self.count += 1
        if until is not None:
            self.first_until = until if self.first_until is None else min(self.first_until, until)
            self.last_until = until if self.last_until is None else max(self.last_until, until)


@dataclass(slots=True)
class AuditProgress:
    """How far an audit is: `records` of `records_total` are read, and `leads` are audited. `doing`: in words."""

    doing: str = "reading"
    records_total: int = 0
    records: int = 0
    leads: int = 0


OnAuditProgress = Callable[[AuditProgress], None]


@dataclass(slots=True)
class AuditResult:
    """What was found. Times are epoch ms.

    Attributes:
        on_difference: Called with each difference that is certain.
        on_open_stall: Called with each open stall.
        begun_at: The audit is about the records that Kafka had then.
        held_since: What was written before it is no longer in all topics; 0: everything is there.
        records: Read.
        leads: In the topics.
        balanced: Of them, those without a difference.
        not_checkable: Of them, those that cannot be recounted, by why.
        pending: Of them, those whose newest facts streams has not processed yet, or that changed at each look.
        differing: Of them, those with differences.
        differences: By kind.
        stages: How many leads are in each stage, by their facts.
        standing: Recycles that stand.
        steps: How many passes reached each step of the funnel, by origin.
        open_stalls: By what they wait for: decision and why.
        deliveries: How many events are in each state, by endpoint and state.
        repeated: How many events arrived more than once without a replay, by endpoint. Delivery is at least once.
        not_judged: Events and endpoints about which nothing can be said, by why.
        first_due_at: When the first of the deliveries that wait is due; None: none waits.
        read_model: How many leads were compared with the read model, and of how many it is behind.
        seconds: How long it took.
    """

    on_difference: Callable[[AuditDifference], None]
    on_open_stall: Callable[[OpenStall], None]
    begun_at: int = 0
    held_since: int = 0
    records: int = 0
    leads: int = 0
    balanced: int = 0
    not_checkable: Counter[NotCheckable] = field(default_factory=Counter)
    pending: int = 0
    differing: int = 0
    differences: Counter[AuditDifferenceKind] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    standing: int = 0
    steps: Counter[tuple[str, str]] = field(default_factory=Counter)
    open_stalls: dict[tuple[str, str], OpenStalls] = field(default_factory=dict)
    deliveries: Counter[tuple[str, DeliveryState]] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)
    not_judged: Counter[NotJudged] = field(default_factory=Counter)
    first_due_at: int | None = None
    read_model: Counter[ModelState] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def is_balanced(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def settle(self, found: AuditOfLead, *, is_pending: bool = False) -> None:
        """Count the result about one lead. `is_pending`: its differences prove nothing yet."""
        audit = found.lead
        self.leads += 1
        if audit.counted is not None:
            self._count(audit.counted)
        if audit.open_stall is not None:
            stall = audit.open_stall
            self.open_stalls.setdefault((stall.decision, stall.why), OpenStalls()).add(stall.until)
            self.on_open_stall(stall)
        self._count_deliveries(found.delivered)
        if found.modelled.state:
            self.read_model[found.modelled.state] += 1
        if is_pending and not audit.not_checkable:
            self.pending += 1
        elif found.differences and not is_pending:
            self.differing += 1
            for one in found.differences:
                self.differ(one)
        elif audit.not_checkable:
            self.not_checkable[audit.not_checkable] += 1
        else:
            self.balanced += 1

    def differ(self, difference: AuditDifference) -> None:
        """Count and name a difference."""
        self.differences[difference.kind] += 1
        self.on_difference(difference)

    def _count(self, lead: CountedLead) -> None:
        self.stages[lead.stage] += 1
        self.standing += lead.is_standing
        for one in lead.passes:
            self._count_pass(one)

    def _count_deliveries(self, delivered: DeliveryAudit) -> None:
        self.deliveries.update(delivered.states)
        self.repeated.update(delivered.repeated)
        self.not_judged.update(delivered.not_judged)
        if delivered.due_at is not None:
            self.first_due_at = min(delivered.due_at, self.first_due_at or delivered.due_at)

    def _count_pass(self, one: PlainPass) -> None:
        for step, bit in STEPS.items():
            if one.reached & bit:
                self.steps[one.origin, step] += 1
