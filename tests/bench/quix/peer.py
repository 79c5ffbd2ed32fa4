"""The job of Leadloop in Quix Streams, in a process and an environment of its own.

For comparison only. At least once; state in Quix's own RocksDB with its changelog, both written per checkpoint.
"""

import gc
import logging
import sys
from importlib import import_module
from typing import Any, NamedTuple

from streams.runtime.settings import Settings
from tests.bench.job import Job, Outputs
from tests.bench.small_job import JOBS, SmallJob

CONSUMER = {"queued.min.messages": 100_000, "fetch.queue.backoff.ms": 5}
PRODUCER = {
    "linger.ms": 20,
    "batch.size": 512_000,
    "compression.type": "snappy",
    "queue.buffering.max.messages": 1_000_000,
}
BYTES = dict.fromkeys(("key_deserializer", "value_deserializer"), "bytes")
STATE = b"lead"
COMMIT_SECONDS = 1.0  # five times what the others have: its state is written once a commit
POLL_SECONDS = 0.05  # 1 by default; its merge waits for so long whenever a topic was read to its end


class Record(NamedTuple):
    """A consumed record, as the job wants it."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Any


class Table:
    """The store of one partition, for all its keys: a deadline concerns another lead than the record at hand."""

    def __init__(self, transaction: Any) -> None:
        self._transaction = transaction

    def get(self, key: bytes) -> bytes | None:
        value: bytes | None = self._transaction.get_bytes(STATE, key)
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._transaction.set_bytes(STATE, value, key)


class Peer:
    """The application, one dataframe of all inputs, and the job of each partition."""

    def __init__(self, settings: Settings, job: type[Job | SmallJob]) -> None:
        quix: Any = import_module("quixstreams")
        self._context = quix.message_context
        prefix = settings.topic_prefix
        self.app = _app(quix, settings)
        self._jobs = [job(prefix, number, is_merged=True) for number in range(settings.partitions)]
        frame, *others = (self.app.dataframe(self.app.topic(prefix + name, **BYTES)) for name in job.inputs)
        for other in others:
            frame = frame.concat(other)  # which merges by Kafka's timestamps
        frame.register_store()
        frame.update(self.take, metadata=True)
        self._stream, self._processing = frame.stream_id, frame.processing_context

    def take(self, value: bytes, key: bytes | None, timestamp: int, headers: Any) -> None:
        context = self._context()
        number = context.partition
        transaction = self._processing.checkpoint.get_store_transaction(self._stream, number)
        outputs = self._jobs[number].take(Record(context.topic, key, value, headers), Table(transaction))
        if outputs:
            self._send(outputs, timestamp)

    def _send(self, outputs: Outputs, timestamp: int) -> None:
        produce = self._processing.producer.produce
        for topic, key, value, partition, headers in outputs:
            produce(topic, value, key, headers=[*headers], partition=partition, timestamp=timestamp)


def _app(quix: Any, settings: Settings) -> Any:
    return quix.Application(
        broker_address=settings.kafka.bootstrap_servers,
        consumer_group=settings.app_id,
        auto_offset_reset="earliest",
        commit_interval=COMMIT_SECONDS,
        consumer_poll_timeout=POLL_SECONDS,
        consumer_extra_config=CONSUMER,
        producer_extra_config=PRODUCER,
        state_dir=str(settings.data_dir / "quix"),
        loglevel=logging.WARNING,
    )


def main() -> None:
    """Run until killed; the garbage collector is set as Leadloop sets it."""
    peer = Peer(Settings.from_env(), JOBS[tuple(sys.argv[1:])])
    gc.freeze()
    gc.set_threshold(500_000, 50, 100)
    peer.app.run()


if __name__ == "__main__":
    main()
