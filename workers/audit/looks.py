"""Decides when the result about a lead is certain.

A difference is certain if it is there at two looks, with no record about the lead in between, and streams had consumed
all facts of the lead before. What is being processed is therefore not reported, and a live system can be audited.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .lead_audit import LeadAudit, LeadAuditor
from .lead_records import LeadReader
from .result import AuditResult
from .retention import Retained
from .stored import StoredRecord
from .topic_log import LogView


@dataclass(slots=True)
class GroupKnowledge:
    """What is known of the partitions of one number.

    `stream_time`: streams has fired every deadline before it (epoch ms).
    """

    retained: Retained = field(default_factory=Retained)
    stream_time: int = 0


@dataclass(frozen=True, slots=True)
class FurtherLook:
    """A look after the first: the topics then, and at the look before."""

    before: LogView
    now: LogView
    is_last: bool

    def is_about(self, stored: Sequence[StoredRecord]) -> bool:
        """Whether the lead differed at the look before: it has records of then."""
        return any(one.offset < self.before.ends[one.place] for one in stored)

    def has_moved(self, stored: Sequence[StoredRecord]) -> bool:
        """Whether there are records that came after the look before."""
        return any(one.offset >= self.before.ends[one.place] for one in stored)


class Looks:
    """Looks at leads; what is certain about one goes to the result.

    Args:
        reader: Decodes the records of a lead.
        auditor: Recounts and compares.
        result: Where leads are counted.
        grace_ms: How late streams may fire a deadline.
    """

    def __init__(self, reader: LeadReader, auditor: LeadAuditor, result: AuditResult, grace_ms: int) -> None:
        self._reader = reader
        self._auditor = auditor
        self._result = result
        self._grace_ms = grace_ms

    def first(self, known: GroupKnowledge, key: bytes, stored: Sequence[StoredRecord]) -> bool:
        """Look at a lead; returns whether it is certain that nothing differs.

        Stream time is known only when all leads of the group have been read, so dates that may have passed are for the
        second look.
        """
        records = self._reader(key, stored)
        if records.snapshot is not None:
            known.stream_time = max(known.stream_time, records.snapshot.recorded_at)
        audit = self._auditor.audit(records, known.retained)
        if audit.differences or self._may_be_overdue(audit):
            return False
        self._result.settle(audit)
        return True

    def again(self, known: GroupKnowledge, key: bytes, stored: Sequence[StoredRecord], look: FurtherLook) -> bool:
        """Look at a lead once more; returns whether the result is certain now."""
        records = self._reader(key, stored)
        audit = self._auditor.audit(records, known.retained, known.stream_time - self._grace_ms)
        if audit.differences:
            is_in_work = look.has_moved(stored) or not records.is_consumed(look.now.consumed_by_streams)
            if is_in_work and not look.is_last:
                return False
            self._result.settle(audit, is_pending=is_in_work)
        else:
            self._result.settle(audit)
        return True

    def _may_be_overdue(self, audit: LeadAudit) -> bool:
        stall = audit.open_stall
        return stall is not None and stall.until is not None and stall.until < self._result.begun_at
