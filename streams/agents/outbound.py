"""Encodes and addresses what one partition publishes."""

from collections.abc import Collection, Sequence
from typing import Protocol

from schemas.codec import Codec
from schemas.dead_letters import KEPT_BYTES, cut_headers, fit_to_keep, reason_headers
from schemas.events import AnyRecord, Heartbeat, LeadSnapshot
from schemas.headers import cloudevents_headers
from schemas.topics import TOPICS
from streams.agents.loopback_cache import LoopbackCache
from streams.agents.records import SOURCE, decided, escalated, recycled, revoked, stalled
from streams.domain.decisions import AtRisk, Escalate, Recycle, Revoke
from streams.domain.facts import Fact, Stalled
from streams.domain.lead_fold import Emission
from streams.domain.policy import Policy
from streams.engine import FetchedRecord

KEPT_KEY = 4_096  # of a dead letter's key: packed, what came in a megabyte may be any length

Headers = Sequence[tuple[str, bytes | None]]


class Output(Protocol):
    """What a chunk offers to send with."""

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: Headers = (),
    ) -> None: ...


class Outbound:
    """Outputs stay on the number of their lead in `aligned` topics, which have as many partitions as the inputs.

    Elsewhere the key decides, which is the same rule, but costs a hash for each.
    """

    def __init__(
        self,
        codec: Codec,
        prefix: str,
        partition: int,
        aligned: Collection[str],
        policy: Policy,
        loopback: LoopbackCache | None = None,
    ) -> None:
        self._codec = codec
        self._loopback = loopback or LoopbackCache()
        self._topics = {name: prefix + name for name in TOPICS}
        self._numbers = dict.fromkeys(aligned, partition)
        self.policy = policy

    def emit(self, out: Output, key: bytes, lead_id: str, emission: Emission, traceparent: bytes | None) -> None:
        """Send an own stall, or a decision and what follows from it."""
        what, lead = emission.what, emission.lead
        if isinstance(what, Stalled):
            self._send(out, "lead-stalled", key, stalled(lead_id, what), traceparent, emission.fact)
            return
        if isinstance(what, AtRisk):
            self._send(out, "lead-escalated", key, escalated(lead_id, what, lead, self.policy), traceparent)
            return
        if isinstance(what, Recycle):
            self._send(out, "lead-recycled", key, recycled(lead_id, what, lead), traceparent, emission.fact)
        elif isinstance(what, Revoke):
            self._send(out, "lead-recycled", key, revoked(lead_id, what, lead), traceparent, emission.fact)
        elif isinstance(what, Escalate):
            self._send(out, "lead-escalated", key, escalated(lead_id, what, lead, self.policy), traceparent)
        self._send(out, "lead-decisions", key, decided(lead_id, what, lead, self.policy), traceparent)

    def snapshot(self, out: Output, key: bytes, record: LeadSnapshot) -> None:
        """Send the current state of a lead."""
        self._send(out, "lead-snapshots", key, record, None)

    def heartbeat(self, out: Output, now: int) -> None:
        """Send the record whose age, when it is consumed again, is the end-to-end latency of the partition."""
        beat = Heartbeat(occurred_at=now, recorded_at=now, source=SOURCE, says="alive")
        self._send(out, "stream-heartbeats", None, beat, None)

    def dead_letter(self, out: Output, record: FetchedRecord, reason: str, error: str, now: int) -> None:
        """Send the original bytes, with headers that name their source and what is wrong with them."""
        out.send(
            self._topics["lead-dead-letters"],
            record.key and record.key[:KEPT_KEY],
            record.value and record.value[:KEPT_BYTES],
            headers=[*_kept_headers(record), *_reasons(record, reason, error, now)],
        )

    def reroute(self, out: Output, record: FetchedRecord, key: bytes, partition: int) -> None:
        """Publish the same record again, where the default partitioner would have put it."""
        out.send(record.topic, key, record.value, partition=partition, headers=_kept_headers(record))

    def _send(
        self,
        out: Output,
        topic: str,
        key: bytes | None,
        record: AnyRecord,
        traceparent: bytes | None,
        known: Fact | None = None,
    ) -> None:
        value, name = self._codec.encode(record), self._topics[topic]
        if known is not None:
            self._loopback.expect((name, key), value, known)
        headers = cloudevents_headers(record, topic, traceparent)
        out.send(name, key, value, partition=self._numbers.get(topic), headers=headers)


def _kept_headers(record: FetchedRecord) -> Headers:
    return record.headers if fit_to_keep(record.headers) else ()


def _reasons(record: FetchedRecord, reason: str, error: str, now: int) -> Headers:
    reasons = reason_headers(
        reason, error, topic=record.topic, partition=record.partition, offset=record.offset, seen_at=now
    )
    return [*reasons, *cut_headers(record.value)]
