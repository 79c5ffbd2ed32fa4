"""The job of Leadloop in plain Faust, as its user guide says: an agent, a table on RocksDB, one send for each output.

For comparison only. At least once; it reads back what it told, and it has no merge: facts of one topic come long
before those of another, and its time follows the slowest.
"""

import logging
import os
import sys
from typing import Any

import faust

from schemas.topics import TOPICS
from streams.engine.garbage_collector import collect_rarely
from streams.runtime.settings import Settings
from tests.bench.job import Job
from tests.bench.small_job import GUIDE, JOBS, SmallJob

RAW: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}


class Plain:
    """The app, its table, and the job of each partition."""

    def __init__(self, settings: Settings, job: type[Job | SmallJob]) -> None:
        prefix = settings.topic_prefix
        self.app = _app(settings)
        self._jobs = [job(prefix, number, is_merged=False) for number in range(settings.partitions)]
        self._topics = {prefix + name: self.app.topic(prefix + name, **RAW) for name in TOPICS}
        self._table = _raw(self.app.Table("leads", partitions=settings.partitions, options={"driver": "rocksdict"}))
        inputs = self.app.topic(*(prefix + name for name in job.inputs), **RAW)
        self.app.agent(inputs, name="plain")(self.work)

    async def work(self, stream: Any) -> None:
        async for event in stream.events():
            try:
                await self._take(event.message)
            except Exception:  # the store raises nothing narrower
                logging.getLogger(__name__).exception("Faust would ack the record and go on: nothing would be measured")
                os._exit(70)

    async def _take(self, message: Any) -> None:
        job = self._jobs[message.partition]
        outputs = job.take(message, self._table)
        if message.offset + 1 == self.app.consumer.highwater(message.tp):
            outputs += job.end(message.topic, self._table)
        for topic, key, value, partition, headers in outputs:
            await self._topics[topic].send(key=key, value=value, partition=partition, headers=list(headers))


def _raw(table: Any) -> Any:
    """For bytes: of the schema of a table its RocksDB hears nothing."""
    table.key_serializer = table.value_serializer = "raw"
    return table


def _app(settings: Settings) -> faust.App:
    """Faust with what its users tune: a linger, a batch size, compression, no topic of a leader."""
    return faust.App(
        settings.app_id,
        broker=f"kafka://{settings.kafka.bootstrap_servers}",
        store="memory://" if settings.store == "memory" else "rocksdb://",
        datadir=str(settings.data_dir / "faust"),
        topic_partitions=settings.partitions,
        topic_replication_factor=settings.replication,
        topic_disable_leader=True,
        table_standby_replicas=0,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=settings.commit_seconds,
        broker_session_timeout=settings.session_seconds,
        broker_request_timeout=settings.session_seconds + 10,
        producer_linger=0.02,
        producer_max_batch_size=512_000,
        producer_compression_type="snappy",  # as in Leadloop; aiokafka packs lz4 at level 9
    )


def main() -> None:
    """Run one worker with the settings of streams. Not by the guide alone, it has Leadloop's codec and collector."""
    logging.basicConfig(level=logging.WARNING)
    named = tuple(sys.argv[1:])
    app = Plain(Settings.from_env(), JOBS[named]).app
    if named != GUIDE:
        collect_rarely()
    worker = faust.Worker(app, override_logging=False, quiet=True)
    worker.spinner = None
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
