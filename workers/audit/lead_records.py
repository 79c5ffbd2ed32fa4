"""All records of one lead, decoded, each event once."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from unicodedata import normalize

import msgspec

from schemas.codec import Codec, Undecodable
from schemas.compiled import FRAMING_BYTES
from schemas.dead_letters import TOPIC as DEAD_LETTERS
from schemas.events import (
    DealClosed,
    FactRecord,
    LeadCreated,
    LeadDecided,
    LeadEscalated,
    LeadRecycled,
    LeadSnapshot,
)
from schemas.topics import TOPICS
from workers.read_model.generation import PartitionId

from .delivery_records import DeliveryRecords
from .stored import AUDITED, FACTS, OUTCOMES, WAITING, StoredRecord, is_rejection, rejected_note

STREAMS: Final = "leadloop/streams"
"""The source of what streams publishes."""
_NUMBER_OF_FACT_TOPICS: Final = len(FACTS)
_WORDS: Final = ("origin", "campaign_id", "segment", "owner_id", "account_id", "reason")
_RECORDS: Final = tuple(TOPICS[name].record for name in AUDITED)
_TRACES: Final = frozenset(AUDITED.index(name) for name in (*WAITING, *OUTCOMES))


@dataclass(slots=True)
class LeadRecords:
    """What the topics hold of one lead.

    Attributes:
        lead_id: Its id.
        facts: Upstream facts, stalls, RECYCLE and REVOKE by event_id; of several with one id the first.
        emitted_again: The last of several records of streams with one event_id, where it differs from the first.
        verdicts: The decisions, of records with one event_id the last, in the order of the log.
        escalations: The ESCALATE events by their event_id.
        snapshot: The newest; None if there is none, or if it was deleted.
        is_deleted: The newest snapshot is a tombstone.
        delivery: The events that are delivered, and what became of them.
        created_at: Kafka's timestamp of the first creation; None if there is none.
        written_at: Kafka's timestamp of each fact, by event_id.
        has_old_records: Some of what streams published was written by a version with other schemas.
        ends: The offset behind the newest record of each partition.
    """

    lead_id: str
    facts: dict[str, FactRecord] = field(default_factory=dict)
    emitted_again: dict[str, FactRecord] = field(default_factory=dict)
    verdicts: list[LeadDecided] = field(default_factory=list)
    escalations: dict[str, LeadEscalated] = field(default_factory=dict)
    snapshot: LeadSnapshot | None = None
    is_deleted: bool = False
    delivery: DeliveryRecords = field(default_factory=DeliveryRecords)
    created_at: int | None = None
    written_at: dict[str, int] = field(default_factory=dict)
    has_old_records: bool = False
    ends: dict[PartitionId, int] = field(default_factory=dict)

    def is_consumed(self, committed: Mapping[PartitionId, int]) -> bool:
        """Whether streams has consumed all facts; `committed`: its offsets, 0 where it has not committed."""
        return all(end <= committed.get(place, 0) for place, end in self.ends.items() if place.topic in FACTS)


class LeadReader:
    """Decodes the records of a lead.

    Records that streams rejected, or whose key is not their lead, are left out.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._framing: dict[type, bytes] = {
            kind: codec.encode(kind())[:FRAMING_BYTES] for kind in (LeadDecided, LeadRecycled, LeadSnapshot)
        }

    def __call__(self, key: bytes, records: Iterable[StoredRecord]) -> LeadRecords:
        """Collect what these records say.

        Args:
            key: The lead_id, as it is the key of its records.
            records: In any order.

        Raises:
            RegistryUnavailable: A schema is not known, and the registry does not answer.
        """
        lead = LeadRecords(key.decode(errors="replace"))
        in_order = sorted(records, key=lambda one: (one.topic, one.partition, one.offset))
        letters = (one.note for one in in_order if AUDITED[one.topic] == DEAD_LETTERS)
        rejected = {note for note in letters if is_rejection(note)}
        for one in in_order:
            if rejected and rejected_note(one.place, one.offset) in rejected:
                continue
            self._take(lead, one)
        lead.verdicts = _each_once(lead.verdicts)
        return lead

    def _take(self, lead: LeadRecords, one: StoredRecord) -> None:
        if AUDITED[one.topic] != DEAD_LETTERS:
            lead.ends[one.place] = max(one.offset + 1, lead.ends.get(one.place, 0))
        elif is_rejection(one.note):
            return
        if one.value is None:
            self._deleted(lead, one)
            return
        with suppress(Undecodable):
            if one.topic in _TRACES:
                lead.delivery.add_trace(lead.lead_id, one, self._codec)
            else:
                self._decoded(lead, one, one.value)

    def _decoded(self, lead: LeadRecords, one: StoredRecord, value: bytes) -> None:
        kind: Any = _RECORDS[one.topic]  # one of many
        record = self._codec.decode(value, kind)
        if record.lead_id != lead.lead_id:
            return
        if one.topic < _NUMBER_OF_FACT_TOPICS:
            _fact(lead, _composed(record), one)
        else:
            self._output(lead, record)
        if isinstance(record, LeadRecycled | LeadEscalated):
            lead.delivery.add_event(record, one)
        framing = value[:FRAMING_BYTES]
        lead.has_old_records |= self._framing.get(kind, framing) != framing

    def _deleted(self, lead: LeadRecords, one: StoredRecord) -> None:
        if _RECORDS[one.topic] is LeadSnapshot:
            lead.snapshot, lead.is_deleted = None, True

    def _output(self, lead: LeadRecords, record: LeadDecided | LeadEscalated | LeadSnapshot) -> None:
        match record:
            case LeadSnapshot():
                lead.snapshot, lead.is_deleted = record, False
            case LeadDecided():
                lead.verdicts.append(record)
            case LeadEscalated(action="ESCALATE"):
                lead.escalations[record.event_id] = record
            case LeadEscalated():
                pass


def _fact(lead: LeadRecords, record: FactRecord, one: StoredRecord) -> None:
    match record:
        case LeadRecycled(action="UNKNOWN") | DealClosed(outcome="unknown"):
            return
        case LeadCreated():
            lead.created_at = one.written_at if lead.created_at is None else min(lead.created_at, one.written_at)
    known = lead.facts.get(record.event_id)
    if known is None or (type(known) is not type(record) and one.written_at < lead.written_at[record.event_id]):
        lead.facts[record.event_id] = record
        lead.written_at[record.event_id] = one.written_at
    elif known != record and type(known) is type(record) and record.source == STREAMS:
        lead.emitted_again[record.event_id] = record


def _composed(record: Any) -> Any:
    """The fact with its words composed (Unicode NFC), as rules and reasons of a policy are."""
    words = ((name, getattr(record, name, None)) for name in _WORDS)
    changed = {name: normalize("NFC", word) for name, word in words if word and not word.isascii()}
    return msgspec.structs.replace(record, **changed) if changed else record


def _each_once(verdicts: Iterable[LeadDecided]) -> list[LeadDecided]:
    """One for each event_id, at the place of the last: whoever emitted it then did not know of it."""
    last: dict[str, LeadDecided] = {}
    for one in verdicts:
        last.pop(one.event_id, None)
        last[one.event_id] = one
    return list(last.values())
