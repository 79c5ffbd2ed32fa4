"""What the topics say, counted record by record: nothing of Leadloop's own fold or read model is used."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from schemas.events import DealClosed, LeadContacted, LeadCreated, LeadRecycled, LeadStalled
from tests.world import World

MOVED = {"connected", "replied", "meeting_set", "meeting_held"}
NEVER_ENDS = 1 << 62
FACTS = ("lead-created", "lead-contacted", "deal-closed", "lead-stalled")
Fact = LeadCreated | LeadContacted | DealClosed | LeadStalled


@dataclass
class CountedPass:
    """One pass of a lead: from its creation to the next one."""

    created: LeadCreated
    happened: set[str] = field(default_factory=lambda: {"created"})
    money: Counter[str] = field(default_factory=Counter)
    reason: str = ""

    def add(self, fact: Fact) -> None:
        match fact:
            case LeadContacted(by="sales" | "lead"):
                self.happened |= {"touched", "progressed"} if fact.outcome in MOVED else {"touched"}
            case LeadStalled():
                self.happened |= {"stalled", "broken"} if fact.declared_by == "detector" else {"stalled"}
                self.reason = fact.reason
            case DealClosed(outcome="lost"):
                self.happened |= {"stalled", "lost"}
                self.reason = fact.reason
            case DealClosed(outcome="won"):
                self.happened.add("won")
                self.money[fact.currency] += fact.amount or 0

    def count(self) -> Counter[str]:
        """What counts of it, and its money under the name of the currency, in minor units."""
        happened = set(self.happened)
        if "touched" in happened and "broken" not in happened:
            happened.add("kept")
        if "touched" not in happened:
            happened.add("untouched")
        return Counter(happened) + self.money


class CountedTopics:
    """All passes of all leads, and all recycles. Each creation must begin a pass; what came before is of the first."""

    def __init__(self, world: World) -> None:
        self.passes: dict[tuple[str, int], CountedPass] = {}
        lives: dict[str, list[Fact]] = defaultdict(list)
        for topic in FACTS:
            for fact in world.decoded(topic):
                lives[fact.lead_id].append(fact)
        for lead_id, life in lives.items():
            self._add(lead_id, life)
        events: list[LeadRecycled] = world.decoded("lead-recycled")
        self.recycles = {one.recycle_id: one for one in events if one.action == "RECYCLE"}
        self.revoked = {one.recycle_id: one.cause for one in events if one.action == "REVOKE"}
        for one in self.recycles.values():
            counted = self.passes[one.lead_id, one.pass_no]
            counted.happened.add("recycled")
            if "won" in counted.happened:
                counted.happened.add("won_after")

    def _add(self, lead_id: str, life: list[Fact]) -> None:
        creations = sorted((one for one in life if isinstance(one, LeadCreated)), key=lambda one: one.occurred_at)
        ends = [*(one.occurred_at for one in creations[1:]), NEVER_ENDS]
        for number, (created, end) in enumerate(zip(creations, ends, strict=True), 1):
            counted = self.passes[lead_id, number] = CountedPass(created)
            begin = created.occurred_at if number > 1 else 0
            for fact in sorted(life, key=lambda one: one.occurred_at):
                if begin <= fact.occurred_at < end:
                    counted.add(fact)

    def _first(self) -> Iterator[CountedPass]:
        return (counted for (_, number), counted in self.passes.items() if number == 1)

    def by_origin(self) -> dict[str, Counter[str]]:
        """First passes of each origin."""
        return _summed((one.created.origin, one) for one in self._first())

    def by_campaign(self) -> dict[str, Counter[str]]:
        return _summed((one.created.campaign_id, one) for one in self._first())

    def by_owner(self) -> dict[str, Counter[str]]:
        return _summed((one.created.owner_id, one) for one in self._first())

    def by_reason(self) -> dict[str, Counter[str]]:
        """First passes that were handed back or not, by the reason for which they went cold last."""
        return _summed((one.reason, one) for one in self._first() if one.reason)

    def tracks(self) -> tuple[Counter[str], Counter[str]]:
        """Of each track all recycles, and those that stand."""
        standing = (one for key, one in self.recycles.items() if key not in self.revoked)
        return Counter(one.track for one in self.recycles.values()), Counter(one.track for one in standing)

    def states(self) -> dict[str, int]:
        """Recycles that stand, that marketing ended, and that Leadloop took back; those of which there is none, too."""
        requalified = sum(cause == "requalified" for cause in self.revoked.values())
        return {
            "standing": len(self.recycles) - len(self.revoked),
            "requalified": requalified,
            "revoked": len(self.revoked) - requalified,
        }


def _summed(passes: Iterator[tuple[str, CountedPass]]) -> dict[str, Counter[str]]:
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for value, counted in passes:
        sums[value].update(counted.count())
    return dict(sums)
