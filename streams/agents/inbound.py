"""Reads what Kafka holds: once per record, before the merge. Never raises on what a record contains."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from schemas.codec import Codec, Undecodable
from schemas.events import FactRecord, Heartbeat
from schemas.headers import SCHEMA_ID_HEADERS
from schemas.topics import INPUTS, TOPICS
from streams.agents.loopback_cache import LoopbackCache
from streams.domain.errors import Poison
from streams.domain.facts import Fact
from streams.domain.received import Misplaced, check_not_ahead, received
from streams.engine import FetchedRecord

AT_ONCE = 0  # the event time of what must not wait in the merge


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record for the dead letters."""

    reason: str
    error: str


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A null value, as a connector writes after a deletion: no fact, and no fault."""


_TOMBSTONE = Tombstone()
Value = Fact | Heartbeat | RejectedRecord | Misplaced | Tombstone


class Inbound:
    """Turns a fetched record into its event time (epoch ms) and what the loop works on."""

    def __init__(
        self,
        codec: Codec,
        prefix: str,
        wall_ms: Callable[[], int],
        *,
        is_live: bool = False,
        loopback: LoopbackCache | None = None,
        with_how: bool = False,
    ) -> None:
        self._codec = codec
        self._loopback = loopback or LoopbackCache()
        self._records: dict[str, type[FactRecord | Heartbeat]] = {
            prefix + name: cast("type[FactRecord | Heartbeat]", TOPICS[name].record) for name in INPUTS
        }
        self._wall_ms = wall_ms
        self._is_live = is_live
        self.with_how = with_how
        """Whether the policy says what counts: then contacts come with what it needs."""

    def __call__(self, record: FetchedRecord) -> tuple[int, Value]:
        known = self._loopback.pop((record.topic, record.key), record.value)
        return self._read(record) if known is None else (known.at, known)

    def _read(self, record: FetchedRecord) -> tuple[int, Value]:
        if record.value is None:
            return AT_ONCE, _TOMBSTONE
        try:
            event, now = self._codec.decode(record.value, self._records[record.topic]), self._wall_ms()
            if isinstance(event, Heartbeat):
                return self._heartbeat(event, now)
            fact = received(event, record.key, now, with_how=self.with_how)
        except (Undecodable, Poison) as fault:
            return AT_ONCE, RejectedRecord(fault.reason, fault.detail + _hint(record.headers))
        return (AT_ONCE if isinstance(fact, Misplaced) else fact.at), fact

    def _heartbeat(self, beat: Heartbeat, now: int) -> tuple[int, Value]:
        check_not_ahead(beat.occurred_at, now)
        # Only the word of an importer may move the bound of history; live, the others wait like any record.
        is_timed = self._is_live or beat.says == "complete"
        return beat.occurred_at if is_timed else AT_ONCE, beat


def _hint(headers: Sequence[tuple[str, bytes | None]]) -> str:
    """Name the header that contains the schema id, if the serializer wrote it there."""
    name = next((name for name, _ in headers if name in SCHEMA_ID_HEADERS), "")
    return f"; its schema id is in the header {name}: have the serializer write it before the value" if name else ""
