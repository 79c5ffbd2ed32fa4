"""Small stand-ins, written by hand, for what a unit test does not start."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, NamedTuple, NoReturn, Self, cast

from aiokafka.structs import TopicPartition

from streams.agents.inbound import Value
from streams.engine import NOT_STARTED, Chunk, FetchedRecord, Item, MemoryStore, Status
from streams.engine.chunk import ChunkContext
from streams.engine.failure import end_process

Headers = Sequence[tuple[str, bytes | None]]


def a_fetched_record(
    topic: str, key: bytes | None, value: bytes | None, offset: int = 0, partition: int = 0, headers: Headers = ()
) -> FetchedRecord:
    """A record as the engine fetches it."""
    return FetchedRecord(topic, partition, offset, 0, key, value, headers)


class Sent(NamedTuple):
    """One output of a chunk."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: Headers = ()


class FakeChunk(Chunk[Value]):
    """A chunk without Kafka: outputs stay in `sent`, changes in `changes`; `ended` is called in place of Kafka."""

    def __init__(
        self,
        records: Sequence[Item[Value]] = (),
        store: MemoryStore | None = None,
        *,
        partition: int = 0,
        complete_until: int = 0,
        ended: Callable[["FakeChunk"], None] | None = None,
    ) -> None:
        self.store = MemoryStore(partition) if store is None else store
        kafka = cast("Any", None)  # what would reach it is overridden below
        changelog = TopicPartition("changelog", partition)
        context = ChunkContext(partition, 1, changelog, self.store, kafka, kafka, end_process)
        super().__init__(context, records, complete_until)
        self.changes: dict[bytes, bytes | None] = {}
        self.sent: list[Sent] = []
        self.flushes = 0
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


class FakeDriver:
    """A driver that runs nothing and reports the status that it is given."""

    def __init__(self, status: Status = NOT_STARTED) -> None:
        self.now = status

    def status(self) -> Status:
        return self.now

    def run(self) -> NoReturn:
        raise NotImplementedError


class Log:
    """The inputs of one partition as Kafka keeps them: appended, and taken in offset order."""

    def __init__(self, topics: Sequence[str]) -> None:
        self.records: dict[str, list[FetchedRecord]] = {topic: [] for topic in topics}

    def append(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        kept = self.records[topic]
        kept.append(a_fetched_record(topic, key, value, offset=len(kept), headers=headers))


def positions_after(records: Sequence[Item[Value]]) -> dict[str, int]:
    """Where each topic goes on once these records are done."""
    return {item.record.topic: item.record.offset + 1 for item in records}
