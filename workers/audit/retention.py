"""What the topics still hold, and which leads can be recounted from it. Times are Kafka's timestamps, epoch ms."""

from dataclasses import dataclass

from schemas.events import LeadCreated, LeadSnapshot

from .lead_records import LeadRecords

SLACK_MS = 3_600_000
"""Timestamps of a partition are not quite in order: clocks differ."""


@dataclass(frozen=True, slots=True)
class Retained:
    """Everything that was written at or after `since` is in the topics; 0: nothing is missing."""

    since: int = 0

    def covers(self, records: LeadRecords) -> bool:
        """Whether the topics hold all facts of this lead: it was created after what they have lost."""
        if not self.since:
            return True
        if records.created_at is None or records.created_at < self.since + SLACK_MS:
            return False
        return records.snapshot is None or self._holds_first(records, records.snapshot)

    def _holds_first(self, records: LeadRecords, snapshot: LeadSnapshot) -> bool:
        """Whether the first creation that streams knows of is held. Later than `since` it cannot be lost."""
        first_no, first_at = _first_pass(snapshot)
        if first_at is None or first_at >= self.since:
            return True
        created = {one.occurred_at for one in records.facts.values() if isinstance(one, LeadCreated)}
        return first_no == 1 and first_at in created


def _first_pass(snapshot: LeadSnapshot) -> tuple[int, int | None]:
    first = snapshot.passes[0] if snapshot.passes else snapshot
    return first.pass_no, first.created_at
