"""Decides when the result about a lead is certain.

A difference is certain if it is there at two looks, with no record about the lead in between, and streams had consumed
all facts of the lead before. What is being processed is therefore not reported, and a live system can be audited.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from .delivery_audit import DeliveryAuditor, DeliveryKnowledge
from .lead_audit import LeadAudit, LeadAuditor
from .lead_records import LeadReader, LeadRecords
from .model_audit import ModelAuditor
from .result import AuditOfLead, AuditResult
from .retention import Retained
from .stored import StoredRecord
from .topic_log import LogView

KeyedRecords = tuple[bytes, Sequence[StoredRecord]]
"""The key of a lead, and all of its records."""


@dataclass(slots=True)
class GroupKnowledge:
    """What is known of the partitions of one number.

    `stream_time`: streams has fired every deadline before it (epoch ms). `delivery`: about deliveries.
    """

    retained: Retained = field(default_factory=Retained)
    delivery: DeliveryKnowledge = field(default_factory=DeliveryKnowledge)
    stream_time: int = 0


@dataclass(frozen=True, slots=True)
class FurtherLook:
    """A look after the first: the topics then, and at the look before."""

    before: LogView
    now: LogView
    is_first: bool
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
        deliveries: Compares what endpoints were given.
        model: Compares the read model.
        result: Where leads are counted.
        grace_ms: How late streams may fire a deadline.
    """

    def __init__(
        self,
        reader: LeadReader,
        auditor: LeadAuditor,
        deliveries: DeliveryAuditor,
        model: ModelAuditor,
        result: AuditResult,
        grace_ms: int,
    ) -> None:
        self._reader = reader
        self._auditor = auditor
        self._deliveries = deliveries
        self._model = model
        self._result = result
        self._grace_ms = grace_ms

    def begin(self) -> None:
        """To be called before the ends of the topics are read."""
        self._model.begin()

    def prepare(self, partition: int, batch: Sequence[KeyedRecords]) -> None:
        """Read what else is needed about these leads, which are looked at next."""
        self._model.prepare([key.decode(errors="replace") for key, _ in batch], partition)

    def first(self, known: GroupKnowledge, key: bytes, stored: Sequence[StoredRecord]) -> bool:
        """Look at a lead; returns whether it is certain that nothing differs.

        Stream time is known only when all leads of the group have been read, so dates that may have passed are for the
        second look.
        """
        records = self._reader(key, stored)
        if records.snapshot is not None:
            known.stream_time = max(known.stream_time, records.snapshot.recorded_at)
        self._model.count(stored)
        found = self._look(known, records, 0, is_certain=False)
        if found.differences or self._may_be_overdue(found.lead):
            return False
        self._result.settle(found)
        return True

    def again(self, known: GroupKnowledge, key: bytes, stored: Sequence[StoredRecord], look: FurtherLook) -> bool:
        """Look at a lead once more; returns whether the result is certain now."""
        records = self._reader(key, stored)
        known.delivery.consumed = look.now.consumed_by_deliver
        found = self._look(known, records, known.stream_time - self._grace_ms, is_certain=True)
        is_behind = bool(found.lead.differences) and not records.is_consumed(look.now.consumed_by_streams)
        if is_behind and found.elsewhere:  # what was delivered does not depend on what streams will consume
            found = found._replace(lead=replace(found.lead, differences=()))
        is_in_work = look.has_moved(stored) or (is_behind and not found.elsewhere) or self._is_new(found, look)
        if found.differences and is_in_work and not look.is_last:
            return False
        self._result.settle(found, is_pending=bool(found.differences) and is_in_work)
        return True

    def _is_new(self, found: AuditOfLead, look: FurtherLook) -> bool:
        """Whether the read model did not differ at the look before: it may have records that came after this one."""
        return look.is_first and bool(found.modelled.differences) and self._may_be_overdue(found.lead)

    def finish(self) -> None:
        """Compare the totals, when all leads have been looked at."""
        for one in self._model.finish():
            self._result.differ(one)

    def _look(self, known: GroupKnowledge, records: LeadRecords, fired_until: int, *, is_certain: bool) -> AuditOfLead:
        return AuditOfLead(
            self._auditor.audit(records, known.retained, fired_until),
            self._deliveries.audit(records.lead_id, records.delivery, known.delivery, is_certain=is_certain),
            self._model.audit(records),
        )

    def _may_be_overdue(self, audit: LeadAudit) -> bool:
        stall = audit.open_stall
        return stall is not None and stall.until is not None and stall.until < self._result.begun_at
