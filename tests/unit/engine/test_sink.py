"""How records are put into batches before anything is sent."""

from __future__ import annotations

from aiokafka import TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.engine.sink import Parcel

TO = TopicPartition("out", 3)


def a_parcel(size: int) -> Parcel:
    return Parcel(TO, lambda: BatchBuilder(size, 0, is_transactional=0))


def test_what_one_batch_cannot_hold_goes_into_the_next() -> None:
    parcel = a_parcel(200)
    for n in range(10):
        parcel.add(b"k%d" % n, b"v" * 40, [("h", b"1")])
    assert parcel.count == 10
    assert len(parcel.batches) > 1
    assert sum(batch.record_count() for batch in parcel.batches) == 10


def test_headers_may_be_any_sequence() -> None:
    parcel = a_parcel(200)
    parcel.add(b"k", b"v", (("h", b"1"),))
    assert parcel.batches[0].record_count() == 1


def test_a_record_that_is_larger_than_a_batch_goes_alone() -> None:
    parcel = a_parcel(200)
    for value in (b"v", b"v" * 500, b"v"):
        parcel.add(b"k", value, [])
    assert [batch.record_count() for batch in parcel.batches] == [1, 1, 1]
