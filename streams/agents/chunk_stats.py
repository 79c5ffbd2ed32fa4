"""What one chunk did, counted in plain numbers: told to Prometheus once, when the chunk is done."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from streams.domain.decisions import AtRisk, Recycle, Revoke, StallDecision
from streams.domain.facts import Closed, Contacted, Created, Decided, Fact, Revoked, Stalled, Updated
from streams.domain.policy import Policy

KINDS: dict[type[Fact], str] = {
    Created: "created",
    Updated: "updated",
    Contacted: "contacted",
    Closed: "closed",
    Stalled: "stalled",
    Decided: "recycled",
    Revoked: "revoked",
}
"""Facts as Prometheus counts them."""


@dataclass(slots=True)
class ChunkStats:
    """Counts by label; times in seconds."""

    facts: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    stalls: Counter[str] = field(default_factory=Counter)
    decided: list[tuple[StallDecision, int]] = field(default_factory=list)  # with the number of the lead's pass
    warned: Counter[str] = field(default_factory=Counter)
    unnamed: int = 0  # decisions about a reason that the policy does not name
    repeats: int = 0
    late: int = 0
    rerouted: int = 0
    first_contacts: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # by origin
    detection_delays: list[float] = field(default_factory=list)
    freshness: float | None = None
    beat_at: int = 0  # epoch ms: when the newest heartbeat that came through was sent

    def emitted(self, what: StallDecision | AtRisk, pass_no: int, policy: Policy) -> None:
        """Count a warning, or a decision about a lead in this pass."""
        if isinstance(what, AtRisk):
            self.warned[what.reason] += 1
            return
        self.decided.append((what, pass_no))
        if not isinstance(what, Revoke) and not policy.is_named(what.reason):
            self.unnamed += 1

    def decisions(self) -> Counter[tuple[type[StallDecision], str]]:
        """Decisions by kind and why."""
        return Counter((type(one), one.cause if isinstance(one, Revoke) else one.why) for one, _ in self.decided)

    def recycles(self) -> Counter[int]:
        """Recycles by the number of the pass."""
        return Counter(pass_no for one, pass_no in self.decided if type(one) is Recycle)


def is_own(fact: Fact) -> bool:
    """Whether it is an own record that was read back: no repeat of an upstream."""
    return isinstance(fact, Decided | Revoked) or (isinstance(fact, Stalled) and fact.declared_by == "detector")
