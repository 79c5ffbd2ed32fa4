"""What streams would do with the bytes of a record: decided by the code with which streams reads its inputs."""

from dataclasses import dataclass
from typing import cast

from schemas.catalogue import Catalogue
from schemas.codec import Codec, Undecodable
from schemas.events import FactRecord, Heartbeat
from schemas.topics import TOPIC_OF, Topic, partition_of
from streams.domain.errors import Poison
from streams.domain.facts import Contacted, Fact, counted_by
from streams.domain.policy import Policy
from streams.domain.received import Misplaced, check_not_ahead, received

from .fixes import fix_of
from .framings import framing_of, schema_id_of


@dataclass(frozen=True)
class FoldedFact:
    """Streams folds the fact. `partition`: of its lead.

    `is_misplaced`: the given key is not its lead, so streams publishes it again under the right one.
    """

    record: FactRecord
    fact: Fact
    partition: int
    is_misplaced: bool


@dataclass(frozen=True)
class UnfitRecord:
    """Streams sends it to the dead-letter topic. `record` is None if it cannot be decoded."""

    reason: str
    detail: str
    fix: str
    record: FactRecord | Heartbeat | None = None


@dataclass(frozen=True)
class NoFact:
    """Streams does not fold it: a heartbeat, or a record of a topic that streams does not consume."""

    detail: str


RecordVerdict = FoldedFact | UnfitRecord | NoFact


class Judge:
    """Judges records as a streams worker would."""

    def __init__(self, catalogue: Catalogue, policy: Policy, partitions: int, now: int) -> None:
        """Take what a worker has.

        Args:
            catalogue: The schemas and ids.
            policy: What counts as a touch; rules are not looked at, because the lead is not known.
            partitions: Of every input.
            now: Of the wall clock, epoch ms.
        """
        self._catalogue, self._codec = catalogue, Codec(catalogue)
        self._policy, self._partitions, self._now = policy, partitions, now

    def topic_of(self, value: bytes) -> Topic | None:
        """The topic of the record whose schema a value names; None if it names none that is known."""
        schema_id = schema_id_of(value)
        schema = None if schema_id is None else self._catalogue.schema_of_id(schema_id)
        if schema is None:
            return None
        return next((topic for record, topic in TOPIC_OF.items() if record.__name__ == schema["name"]), None)

    def judge(self, topic: Topic, value: bytes, key: bytes | None) -> RecordVerdict:
        """Judge a record.

        Args:
            topic: That it is published to.
            value: Its bytes; empty: a tombstone.
            key: Its key; None: the right one.
        """
        if not topic.is_input:
            return NoFact(f"streams does not consume {topic.name}")
        if not value:
            return NoFact("a null value (a tombstone): streams ignores and counts it")
        record: FactRecord | Heartbeat | None = None
        try:
            record = self._codec.decode(value, cast("type[FactRecord | Heartbeat]", topic.record))
            if isinstance(record, Heartbeat):
                check_not_ahead(record.occurred_at, self._now)
                return NoFact(f"a heartbeat ({record.says}) up to {record.occurred_at}; it has no key")
            return self._accepted(record, key)
        except Undecodable as fault:
            return self._undecodable(value, fault)
        except Poison as poison:
            return UnfitRecord(poison.reason, poison.detail, fix_of(poison.reason), record)

    def _accepted(self, record: FactRecord, key: bytes | None) -> FoldedFact:
        own_key = record.lead_id.encode()
        fact = cast("Fact", received(record, own_key, self._now, with_how=True))  # misplaced is only another key
        is_misplaced = key is not None and isinstance(received(record, key, self._now), Misplaced)
        if isinstance(fact, Contacted):
            fact = counted_by(fact, self._policy.counts)
        return FoldedFact(record, fact, partition_of(own_key, self._partitions), is_misplaced)

    def _undecodable(self, value: bytes, fault: Undecodable) -> UnfitRecord:
        framing = framing_of(value, self._catalogue) if fault.reason in ("not_avro", "unknown_schema") else None
        if framing is not None:
            return UnfitRecord(fault.reason, f"{fault.detail}: this is {framing.found}", framing.fix)
        if fault.reason == "wrong_record" and (meant := self.topic_of(value)) is not None:
            return UnfitRecord(fault.reason, fault.detail, f"publish it to {meant.name}")
        return UnfitRecord(fault.reason, fault.detail, fix_of(fault.reason))
