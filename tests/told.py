"""What streams told, by its ids: nothing may be told twice with different bytes."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.events import LeadDecided, LeadRecycled, LeadStalled

TELLING: Mapping[str, type[LeadStalled | LeadRecycled | LeadDecided]] = {
    "lead-stalled": LeadStalled,
    "lead-recycled": LeadRecycled,
    "lead-decisions": LeadDecided,
}


@dataclass
class Told:
    """What stands in the topics that streams writes. Ids by kind; `clashes`: one id, different bytes."""

    ids: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    clashes: list[str] = field(default_factory=list)
    stage_of: dict[str, str] = field(default_factory=dict)
    _seen: dict[tuple[str, str], bytes] = field(default_factory=dict)

    @property
    def stages(self) -> Counter[str]:
        return Counter(self.stage_of.values())

    def counts(self) -> tuple[int, int, int]:
        """Own stalls, RECYCLEs and REVOKEs."""
        return len(self.ids["stalled"]), len(self.ids["RECYCLE"]), len(self.ids["REVOKE"])

    def hear(self, record: LeadStalled | LeadRecycled | LeadDecided, value: bytes) -> None:
        """A record, and the bytes that it was read from."""
        match record:
            case LeadStalled(declared_by="detector", event_id=event_id):
                self._note("stalled", event_id, value)
            case LeadRecycled(action=action, recycle_id=recycle_id):
                self._note(action, recycle_id, value)
            case LeadDecided(decision=decision, event_id=event_id):
                self._note(f"decided {decision}", event_id, value)

    def _note(self, kind: str, name: str, value: bytes) -> None:
        if self._seen.setdefault((kind, name), value) != value:
            self.clashes.append(f"{kind} {name}")
        self.ids[kind].add(name)
