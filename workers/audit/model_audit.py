"""The audit of the read model: leads in batches, and its totals. What is not projected yet is no difference."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Literal

from msgspec import Struct

from schemas.codec import Codec, Undecodable
from schemas.events import LeadSnapshot

from .differences import AuditDifference
from .lead_records import LeadRecords
from .model_checks import RecountedTotals, check_document, is_projected
from .model_reader import ModelLead, ModelReader, ModelTotals
from .stored import SNAPSHOTS, StoredRecord

ModelState = Literal["", "compared", "behind"]
"""Whether the read model was compared; behind: it has not processed all records of the lead."""


class ModelAudit(Struct, frozen=True, gc=False):
    """The result about one lead in the read model."""

    state: ModelState = ""
    differences: tuple[AuditDifference, ...] = ()


class ModelAuditor:
    """Compares the read model with the topics. Methods raise ModelUnreadable.

    Args:
        reader: The read model; None: nothing is compared.
        codec: Decodes snapshots.
        has_all: Whether the snapshots of all leads are read, so that totals can be compared.
    """

    def __init__(self, reader: ModelReader | None, codec: Codec, *, has_all: bool) -> None:
        self._reader = reader
        self._codec = codec
        self._has_all = has_all
        self._totals: ModelTotals | None = None
        self._recounted = RecountedTotals()
        self._leads: Mapping[str, ModelLead] = {}

    def begin(self) -> None:
        """Read the totals. To be called before the ends of the topics are read: so they contain all that is counted."""
        if self._reader is not None and self._has_all:
            self._totals = self._reader.totals()

    def prepare(self, lead_ids: Sequence[str], partition: int) -> None:
        """Read these leads, all of one partition; `audit` is about them."""
        if self._reader is not None:
            self._leads = self._reader.leads(lead_ids, partition)

    def audit(self, records: LeadRecords) -> ModelAudit:
        """Compare a lead."""
        lead = self._leads.get(records.lead_id)
        if lead is None:
            return ModelAudit()
        if not is_projected(records, lead):
            return ModelAudit("behind")
        return ModelAudit("compared", tuple(check_document(records, lead)))

    def count(self, stored: Sequence[StoredRecord]) -> None:
        """Count a lead for the totals; once for each lead."""
        if self._totals is None:
            return
        positions = self._totals.positions
        read = [one for one in stored if one.topic == SNAPSHOTS and one.offset < positions.get(one.partition, 0)]
        newest = max(read, key=lambda one: one.offset, default=None)
        if newest is not None and newest.value is not None:
            with suppress(Undecodable):
                self._recounted.add(self._codec.decode(newest.value, LeadSnapshot))

    def finish(self) -> Iterator[AuditDifference]:
        """The differences of the totals; to be called when all leads are counted."""
        if self._totals is not None:
            yield from self._recounted.check(self._totals)
