"""The records that streams published, by their ids: no id may be published with different bytes."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.events import LeadDecided, LeadRecycled, LeadStalled

OUTPUT_RECORDS: Mapping[str, type[LeadStalled | LeadRecycled | LeadDecided]] = {
    "lead-stalled": LeadStalled,
    "lead-recycled": LeadRecycled,
    "lead-decisions": LeadDecided,
}
"""The topics that streams publishes events to, with their records."""


@dataclass
class Published:
    """The content of the output topics of streams. `conflicts`: ids that were published with different bytes."""

    ids: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By kind: `stalled`, `RECYCLE`, `REVOKE`, `decided ...`."""
    conflicts: list[str] = field(default_factory=list)
    stage_of: dict[str, str] = field(default_factory=dict)
    _values: dict[tuple[str, str], bytes] = field(default_factory=dict)

    @property
    def stages(self) -> Counter[str]:
        return Counter(self.stage_of.values())

    def counts(self) -> tuple[int, int, int]:
        """The numbers of stalls declared by the detector, of RECYCLEs and of REVOKEs."""
        return len(self.ids["stalled"]), len(self.ids["RECYCLE"]), len(self.ids["REVOKE"])

    def add(self, record: LeadStalled | LeadRecycled | LeadDecided, value: bytes) -> None:
        """Add a record and the bytes that it was decoded from."""
        match record:
            case LeadStalled(declared_by="detector", event_id=event_id):
                self._add("stalled", event_id, value)
            case LeadRecycled(action=action, recycle_id=recycle_id):
                self._add(action, recycle_id, value)
            case LeadDecided(decision=decision, event_id=event_id):
                self._add(f"decided {decision}", event_id, value)

    def _add(self, kind: str, record_id: str, value: bytes) -> None:
        if self._values.setdefault((kind, record_id), value) != value:
            self.conflicts.append(f"{kind} {record_id}")
        self.ids[kind].add(record_id)
