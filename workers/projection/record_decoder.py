"""Decodes records into changes of a lead. Pure, except that an unknown schema may be fetched from a registry."""

from dataclasses import dataclass
from typing import Final, get_args

from schemas.codec import Codec, Undecodable
from schemas.codec import Reason as UndecodableReason
from schemas.events import DeliveryResult, LeadDecided, LeadEscalated, LeadSnapshot
from schemas.instants import FUTURE_MS
from schemas.topics import MAX_LEAD_ID, TOPIC_OF
from streams.domain.entrance import check_entrance
from streams.domain.errors import Poison, PoisonReason
from streams.domain.fact_of_record import fact_of
from streams.domain.facts import LAST_AT
from workers.read_model.lead_document import ENTRY_KINDS, TimelineEntry, TimelineRecord

SKIPPED: Final = (*get_args(UndecodableReason), *get_args(PoisonReason), "unusable")
"""Why a record may be skipped. Where the topic is an input of streams, streams has published a dead letter for it."""


@dataclass(frozen=True, slots=True)
class LeadChanged:
    """The newest truth about a lead."""

    lead_id: str
    value: bytes
    snapshot: LeadSnapshot


@dataclass(frozen=True, slots=True)
class LeadDeleted:
    """The lead was deleted."""

    lead_id: str


@dataclass(frozen=True, slots=True)
class FactRecorded:
    """One entry of a lead's timeline."""

    lead_id: str
    entry: TimelineEntry


@dataclass(frozen=True, slots=True)
class SkippedRecord:
    """A record that concerns no lead."""

    reason: str


LogEvent = LeadChanged | LeadDeleted | FactRecorded | SkippedRecord
_NUMBERS = {kind: number for number, kind in enumerate(ENTRY_KINDS)}
_KIND_OF = {TOPIC_OF[kind].name: kind for kind in ENTRY_KINDS}


class RecordDecoder:
    """Decodes records into events. An invalid record is a `SkippedRecord`, never an exception.

    Raises:
        RegistryUnavailable: A schema is not known yet, and the registry does not answer: retry later.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def __call__(self, topic: str, key: bytes | None, value: bytes | None, published_at: int) -> LogEvent:
        try:
            if topic == "lead-snapshots":
                return self._snapshot(key, value)
            return self._entry(_KIND_OF[topic], value, published_at)
        except (Undecodable, Poison) as error:
            return SkippedRecord(error.reason)

    def _snapshot(self, key: bytes | None, value: bytes | None) -> LogEvent:
        if value is None:
            lead_id = (key or b"").decode(errors="replace")
            return LeadDeleted(lead_id) if lead_id else SkippedRecord("no_lead_id")
        snapshot = self._codec.decode(value, LeadSnapshot)
        if not _is_lead_id(snapshot.lead_id):
            return SkippedRecord("no_lead_id")
        return LeadChanged(snapshot.lead_id, value, snapshot)

    def _entry(self, kind: type[TimelineRecord], value: bytes | None, published_at: int) -> LogEvent:
        record = self._codec.decode(value, kind)
        match record:
            case DeliveryResult() | LeadDecided() | LeadEscalated():
                if not _is_lead_id(record.lead_id) or not 0 < record.occurred_at < LAST_AT:
                    return SkippedRecord("unusable")
            case _:
                check_entrance(record)  # what streams rejects is skipped here
                fact_of(record)
        if record.occurred_at > published_at + FUTURE_MS:
            return SkippedRecord("future")
        entry = TimelineEntry(record.occurred_at, _NUMBERS[kind], _name_of(record), value or b"")
        return FactRecorded(record.lead_id, entry)


def _is_lead_id(lead_id: str) -> bool:
    return 0 < len(lead_id) <= MAX_LEAD_ID


def _name_of(record: TimelineRecord) -> str:
    if isinstance(record, DeliveryResult):
        if record.escalation_id:
            return f"{record.endpoint} {record.escalation} {record.escalation_id}"
        return f"{record.endpoint} {record.action} {record.recycle_id}"
    return record.event_id
