"""Unpacking what was fetched: the records that aiokafka makes of the same bytes, wherever reading begins and stops."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.fetched_records import FetchedRecords

TP = TopicPartition("lead-created", 3)
THEIRS = next(base for base in FetchedRecords.__mro__ if base.__module__ == fetcher.__name__)
ATTRIBUTES, CRC, COVERED = slice(21, 23), slice(17, 21), slice(21, None)
CONTROL, SNAPPY = 0x20, 2
OPTIONAL = st.none() | st.binary(max_size=8)
RECORD = st.tuples(OPTIONAL, OPTIONAL, st.lists(st.tuples(st.text(max_size=5), OPTIONAL), max_size=3))
BATCH = st.tuples(st.lists(RECORD, min_size=1, max_size=4), st.sampled_from([0, SNAPPY]), st.booleans())
Batch = tuple[list[tuple[Any, Any, Any]], int, bool]


@given(st.lists(BATCH, max_size=4), st.integers(0, 20), st.integers(0, 20))
def test_unpacked_records_equal_those_of_aiokafka(batches: list[Batch], begins: int, most: int) -> None:
    fetched = b"".join(written(batches))
    ours, theirs = unpacked(FetchedRecords, fetched, begins), unpacked(THEIRS, fetched, begins)
    begun = [fields(one) for one in islice(ours, most)]  # a chunk that is full stops, and the next goes on
    assert begun == [fields(one) for one in islice(theirs, most)]
    assert ours.next_fetch_offset == theirs.next_fetch_offset
    if len(begun) == most:
        assert [*map(fields, ours)] == [*map(fields, theirs)]
        assert ours.next_fetch_offset == theirs.next_fetch_offset


def test_a_batch_with_a_wrong_checksum_is_refused() -> None:
    fetched = bytearray(b"".join(written([([(b"key", b"value", [])], 0, False)])))
    fetched[-2] ^= 1
    with pytest.raises(CorruptRecordException):
        list(unpacked(FetchedRecords, bytes(fetched), 0))


def unpacked(made_by: Any, fetched: bytes, begins: int) -> Any:
    return made_by(TP, MemoryRecords(fetched), [], begins, None, None, True, fetcher.READ_UNCOMMITTED)


def fields(record: Any) -> tuple[Any, ...]:
    place = (record.topic, record.partition, record.offset, record.timestamp)
    return (*place, record.key, record.value, tuple(record.headers))


def written(batches: list[Batch]) -> list[bytes]:
    """As they lie in a log, one behind the other; a control batch is a marker of a transaction."""
    found, offset = [], 0
    for records, compression, is_control in batches:
        builder = DefaultRecordBatchBuilder(
            magic=2,
            compression_type=compression,
            is_transactional=0,
            producer_id=-1,
            producer_epoch=-1,
            base_sequence=-1,
            batch_size=1 << 20,
        )
        for number, (key, value, headers) in enumerate(records):
            builder.append(number, 1_760_000_000_000 + number, key, value, headers)
        batch = bytearray(builder.build())
        batch[0:8] = offset.to_bytes(8, "big")
        if is_control:
            batch[ATTRIBUTES] = (int.from_bytes(batch[ATTRIBUTES], "big") | CONTROL).to_bytes(2, "big")
            batch[CRC] = calc_crc32c(batch[COVERED]).to_bytes(4, "big")
        found.append(bytes(batch))
        offset += len(records) + is_control  # compaction leaves gaps
    return found
