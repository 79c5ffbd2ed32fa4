"""FetchedRecords: what aiokafka fetched, unpacked at half of its price.

aiokafka makes each record in three calls, of which one fills a class of eleven fields; that was an eighth of a small
job. It offers no way to say otherwise, so `install` puts another class where its fetcher looks for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class FetchedRecord(Struct, frozen=True, gc=False):
    """A record as it lies in Kafka. `timestamp`: epoch ms, by Kafka's clock or the sender's, as the topic wants it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class FetchedRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka carries no types
    """The records of one fetched partition; for consumers that read what is not committed, without deserializers."""

    next_fetch_offset: int

    def __iter__(self) -> Iterator[FetchedRecord]:
        iterator: Iterator[FetchedRecord] = self._records_iterator
        return iterator

    def _unpack_records(self) -> Iterator[FetchedRecord]:
        topic, number = self._tp
        while self._records.has_next():
            batch = self._records.next_batch()
            if self._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"Invalid CRC - {self._tp}")
            if not batch.is_control_batch:
                wanted = self.next_fetch_offset
                for record in batch:
                    offset = record.offset
                    if offset >= wanted:  # a batch comes as a whole, from wherever it is asked for
                        self.next_fetch_offset = offset + 1
                        yield FetchedRecord(
                            topic, number, offset, record.timestamp, record.key, record.value, record.headers
                        )
            self.next_fetch_offset = batch.next_offset  # compaction may have taken its last records


def install() -> None:
    """For every consumer of this process."""
    fetcher.PartitionRecords = FetchedRecords
