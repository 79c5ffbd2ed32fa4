"""One lead, live: facts arrive in any order, stream time advances, and each emission becomes a fact of the lead."""

from msgspec import Struct, field
from msgspec.structs import replace

from .deadlines import HELD, Deadline, next_deadline
from .decisions import AtRisk, StallDecision, decide, fact_of_decision, id_of
from .facts import Contacted, Fact, Stalled, Warned, counted_by
from .ids import digest
from .lead import Lead
from .lead_history import Arrival, LeadHistory
from .policy import Policy


class Emission(Struct, frozen=True, gc=False):
    """A stall, a decision or a warning to publish, the fact of it that the lead remembers, and the lead after it.

    `now` is the stream time of the decision.
    """

    what: Stalled | StallDecision | AtRisk
    fact: Fact
    lead: Lead
    now: int


class LeadFold(Struct, eq=False, gc=False):
    """The history of one lead, kept settled: every stall in it is decided, and no revoke is pending.

    `emissions` is for the caller to send, in order, and to clear.
    """

    lead_id: str
    history: LeadHistory = field(default_factory=LeadHistory)
    emissions: list[Emission] = field(default_factory=list)

    @property
    def lead(self) -> Lead:
        """What the lead is now."""
        return self.history.lead

    def add(self, fact: Fact, policy: Policy, now: int) -> Arrival:
        """Take in one fact and decide what follows from it. `now` is stream time.

        A contact counts as the policy says when it arrives, for the rule of the lead as it is then.
        """
        if type(fact) is Contacted and fact.how is not None:
            fact = counted_by(fact, policy.counts_of(self.lead))
        arrival = self.history.add(fact)
        if arrival != "repeat":
            self.settle(policy, now, now)
            self.history.forget()
        return arrival

    def tick(self, policy: Policy, now: int, seen: int | None = None) -> None:
        """Fire every deadline that `now` is past. `seen`: stream time, if that is further."""
        seen = now if seen is None else seen
        while (deadline := self.deadline(policy)) is not None and deadline.due < now:
            if deadline.until:
                self._warn(deadline)
                continue
            if deadline.reason != HELD:
                stall = self._stall(deadline)
                if not self._emit(stall, stall, deadline.due):
                    break
            self.settle(policy, deadline.due, seen)
        self.history.forget()

    def deadline(self, policy: Policy) -> Deadline | None:
        """When to tick next; None if no clock runs, or what it would emit has been emitted already."""
        deadline = next_deadline(self.history.lead, policy)
        if deadline is not None and deadline.until and self._is_known(self._warning_id(deadline)):
            deadline = Deadline(deadline.until, deadline.reason, deadline.idle_since)
        return None if deadline is None or self._was_emitted(deadline, policy) else deadline

    def settle(self, policy: Policy, now: int, seen: int) -> None:
        """Decide until nothing is left to decide. `now` and `seen` as in `decide`."""
        while (decision := decide(self.lead_id, self.history.lead, policy, now, seen)) is not None:
            if not self._emit(decision, fact_of_decision(decision), now):
                break

    def _warn(self, deadline: Deadline) -> None:
        at, event_id, reason, idle_since = (
            deadline.due,
            self._warning_id(deadline),
            deadline.reason,
            deadline.idle_since,
        )
        warned = Warned(max(at, self.lead.newest_at), event_id, reason, idle_since)
        if self.history.is_late(warned):
            warned = replace(warned, at=warned.at + 1)
        self._emit(AtRisk(event_id, at, reason, idle_since, deadline.until), warned, at)

    def _emit(self, what: Stalled | StallDecision | AtRisk, fact: Fact, now: int) -> bool:
        if self.history.add(fact) != "new":
            return False  # a record forged under our own id: emitting it again would never end
        self.emissions.append(Emission(what, fact, self.lead, now))
        return True

    def _stall(self, deadline: Deadline) -> Stalled:
        at, stall_id = max(deadline.due, self.lead.newest_at), self._stall_id(deadline)
        stall = Stalled(at, stall_id, "detector", deadline.reason, deadline.idle_since)
        return replace(stall, at=at + 1) if self.history.is_late(stall) else stall

    def _was_emitted(self, deadline: Deadline, policy: Policy) -> bool:
        idle_since = deadline.idle_since
        if deadline.reason == HELD:
            decision = decide(self.lead_id, self.lead, policy, deadline.due)
            return decision is None or self._is_known(id_of(decision))
        for fact in self.history.facts:  # the id is only worth reckoning for a stall of the same clock
            if type(fact) is Stalled and fact.idle_since == idle_since and fact.event_id == self._stall_id(deadline):
                return True
        return False

    def _is_known(self, event_id: str) -> bool:
        return any(fact.event_id == event_id for fact in self.history.facts)

    def _warning_id(self, deadline: Deadline) -> str:
        return warning_id(self.lead_id, self.lead.pass_no, deadline.reason, deadline.idle_since)

    def _stall_id(self, deadline: Deadline) -> str:
        return digest("stall", self.lead_id, self.lead.pass_no, deadline.reason, deadline.idle_since)


def warning_id(lead_id: str, pass_no: int, reason: str, idle_since: int) -> str:
    """The event_id of the warning about the promise whose clock started at `idle_since`."""
    return digest("at_risk", lead_id, pass_no, reason, idle_since)
