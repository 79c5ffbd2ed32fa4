"""Driver: the interface between the engine and the framework that runs it (consumer group, agents, process).

`faust_driver` is the only one in production; tests/memory_driver.py runs without Kafka. One suite holds both to what is
written here (tests/contract/test_drivers.py), so a third one can be written against it.

What a driver does:

1. It joins the consumer group with all inputs of its job and gives `OwnedPartitions` a `JobContext`.
2. On assignment it calls `OwnedPartitions.start`; the partitions then recover and pull their records by themselves.
3. On revocation, and before it stops, it makes `may_flow()` False, awaits `OwnedPartitions.drain()` and commits, before
   another member can own the partitions.
4. `hand_over(chunk)` brings the chunk to the job's agent. It may drop one only if it revokes the partition.
5. It commits `Offsets` at an interval, and never acknowledges anything by itself.
6. It ends with exit code 0 on SIGTERM or SIGINT. What a listener or a task of it raises ends the process by `fail`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiokafka.structs import OffsetAndMetadata, TopicPartition

    from .fetched_records import FetchedRecord
    from .status import Status


class Driver(Protocol):
    """A worker that is ready to run one job."""

    def status(self) -> Status:
        """What the worker knows of itself; may be called from any thread, also before `run`."""
        ...

    def run(self) -> NoReturn:
        """Work until SIGTERM or SIGINT, then drain, commit and exit 0."""
        ...


class Reader(Protocol):
    """What reading needs of a Kafka consumer; aiokafka's fits."""

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[FetchedRecord]]: ...
    async def position(self, partition: TopicPartition) -> int: ...
    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]: ...


class GroupMember(Reader, Protocol):
    """A consumer in the job's group: it fetches the inputs and commits their offsets."""

    def highwater(self, partition: TopicPartition) -> int | None: ...
    def last_poll_timestamp(self, partition: TopicPartition) -> int | None:
        """Epoch ms at which the last fetch of this partition was answered."""
        ...

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None: ...


class ChangelogReader(Reader, Protocol):
    """A consumer outside the group, for one changelog partition."""

    def assign(self, partitions: Sequence[TopicPartition]) -> None: ...
    def seek(self, partition: TopicPartition, offset: int) -> None: ...
    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]: ...
