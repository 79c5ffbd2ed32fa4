"""How records are put into batches before anything is sent."""

from __future__ import annotations

from aiokafka import TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.engine.sink import Batch

TO = TopicPartition("out", 3)


def a_batch(size: int) -> Batch:
    return Batch(TO, lambda: BatchBuilder(size, 0, is_transactional=0))


def test_records_that_do_not_fit_into_a_batch_are_sent_in_the_next() -> None:
    batch = a_batch(200)
    for n in range(10):
        batch.add(b"k%d" % n, b"v" * 40, [("h", b"1")])
    assert batch.count == 10
    assert len(batch.parts) > 1
    assert sum(part.record_count() for part in batch.parts) == 10


def test_headers_may_be_any_sequence() -> None:
    batch = a_batch(200)
    batch.add(b"k", b"v", (("h", b"1"),))
    assert batch.parts[0].record_count() == 1


def test_a_record_larger_than_a_batch_is_sent_alone() -> None:
    batch = a_batch(200)
    for value in (b"v", b"v" * 500, b"v"):
        batch.add(b"k", value, [])
    assert [part.record_count() for part in batch.parts] == [1, 1, 1]
