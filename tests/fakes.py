"""Small stand-ins, written by hand, for what a unit test does not start."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Self

from streams.engine import Chunk, Item, MemoryStore, Status

Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class FakeRecord:
    """A record as a consumer gives it, as far as the agents look at it."""

    topic: str
    key: bytes | None
    value: bytes | None
    offset: int = 0
    partition: int = 0
    headers: Headers = ()


class Sent(NamedTuple):
    """One output of a chunk."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: Headers = ()


class FakeChunk(Chunk):
    """A chunk of no engine: outputs stay in `sent`, changes in `changes`; `ended` is called in place of Kafka."""

    def __init__(
        self,
        records: Sequence[Item] = (),
        store: MemoryStore | None = None,
        *,
        partition: int = 0,
        complete_until: int = 0,
        ended: Callable[["FakeChunk"], None] | None = None,
    ) -> None:
        self.partition = partition
        self.records = records
        self.complete_until = complete_until
        self.bound = 0
        self.current = None
        self.store = MemoryStore(partition) if store is None else store
        self.changes: dict[bytes, bytes | None] = {}
        self.sent: list[Sent] = []
        self.flushes = 0
        self._is_abandoned = False
        self._ended = ended

    async def flush(self) -> None:
        self.flushes += 1

    def get(self, key: bytes) -> bytes | None:
        return self.changes[key] if key in self.changes else self.store.get(key)

    def put(self, key: bytes, value: bytes | None) -> None:
        self.changes[key] = value

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: Headers = (),
    ) -> None:
        self.sent.append(Sent(topic, key, value, partition, headers))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._ended is not None:
            self._ended(self)

    def to(self, topic: str) -> list[Sent]:
        """What was sent to a topic, in order."""
        return [one for one in self.sent if one.topic == topic]


class FakeConsumer:
    """The consumer of an engine that was never started: every topic has `partitions`, and `told` is its status."""

    def __init__(self, partitions: int = 1, told: Status | None = None, aligned: Collection[str] = ()) -> None:
        self.sink = self
        self.told = told or Status(is_assigned=False, is_member=False)
        self._partitions = partitions
        self._others: Mapping[str, int] = dict.fromkeys(aligned, 2 * partitions)

    def count(self, topic: str) -> int:
        return self._others.get(topic, self._partitions)

    def status(self) -> Status:
        return self.told


class Log:
    """The inputs of one partition as Kafka keeps them: appended, and taken in offset order."""

    def __init__(self, topics: Sequence[str]) -> None:
        self.records: dict[str, list[FakeRecord]] = {topic: [] for topic in topics}

    def append(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        kept = self.records[topic]
        kept.append(FakeRecord(topic, key, value, offset=len(kept), headers=headers))


def positions_after(records: Sequence[Item]) -> dict[str, int]:
    """Where each topic goes on once these records are done."""
    return {item.record.topic: item.record.offset + 1 for item in records}
