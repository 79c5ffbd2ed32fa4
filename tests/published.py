"""The records that streams published, by their ids: no id may be published with different bytes."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from schemas.events import LeadDecided, LeadEscalated, LeadRecycled, LeadStalled

OutputRecord = LeadStalled | LeadRecycled | LeadEscalated | LeadDecided
OUTPUT_RECORDS: Mapping[str, type[OutputRecord]] = {
    "lead-stalled": LeadStalled,
    "lead-recycled": LeadRecycled,
    "lead-escalated": LeadEscalated,
    "lead-decisions": LeadDecided,
}
"""The topics that streams publishes events to, with their records."""


@dataclass
class Published:
    """The content of the output topics of streams. `conflicts`: ids that were published with different bytes."""

    ids: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By kind: `stalled`, `RECYCLE`, `REVOKE`, `ESCALATE`, `AT_RISK`, `decided ...`."""
    conflicts: list[str] = field(default_factory=list)
    stage_of: dict[str, str] = field(default_factory=dict)
    values: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """The bytes of each record, by kind and id."""
    lead_of: dict[tuple[str, str], str] = field(default_factory=dict)

    def values_of(self, leads: Collection[str]) -> dict[tuple[str, str], bytes]:
        """The bytes of each record about these leads, by kind and id."""
        return {name: value for name, value in self.values.items() if self.lead_of[name] in leads}

    @property
    def stages(self) -> Counter[str]:
        return Counter(self.stage_of.values())

    def counts(self) -> tuple[int, int, int]:
        """The numbers of stalls declared by the detector, of RECYCLEs and of REVOKEs."""
        return len(self.ids["stalled"]), len(self.ids["RECYCLE"]), len(self.ids["REVOKE"])

    def add(self, record: OutputRecord, value: bytes) -> None:
        """Add a record and the bytes that it was decoded from."""
        match record:
            case LeadStalled(declared_by="detector", event_id=event_id):
                self._add("stalled", event_id, record.lead_id, value)
            case LeadRecycled(action=action, recycle_id=recycle_id):
                self._add(action, recycle_id, record.lead_id, value)
            case LeadEscalated(action=action, escalation_id=escalation_id):
                self._add(action, escalation_id, record.lead_id, value)
            case LeadDecided(decision=decision, event_id=event_id):
                self._add(f"decided {decision}", event_id, record.lead_id, value)

    def _add(self, kind: str, record_id: str, lead_id: str, value: bytes) -> None:
        if self.values.setdefault((kind, record_id), value) != value:
            self.conflicts.append(f"{kind} {record_id}")
        self.lead_of[kind, record_id] = lead_id
        self.ids[kind].add(record_id)
