"""The job that a driver has to run: it writes down what happens to it. As a process, on Faust: see `main`."""

import json
import logging
import sys
from collections.abc import AsyncIterable
from pathlib import Path

from streams.engine import Chunk, FetchedRecord, Job, MemoryStore, RecoveredPartition
from streams.engine.faust_driver import FaustDriver
from streams.engine.kafka_clients import ClientSettings

PARTITIONS = 2


class Written:
    """A job over `a` and `b`: the state of a key is the text of its values, in order; each value is an output."""

    def __init__(self, name: str, seen: Path) -> None:
        self._name = name
        self._seen = seen
        self.job = Job(
            name="written",
            inputs=(f"{name}-a", f"{name}-b"),
            outputs=(f"{name}-out",),
            changelog=f"{name}-changelog",
            partitions=PARTITIONS,
            store=MemoryStore,
            decode=decode,
            agent=self.work,
            on_recovered=self.recovered,
            on_revoked=self.revoked,
            may_skip_tick=lambda _number, _complete_until: True,
            tick=0.1,
            max_records=10,
        )

    async def recovered(self, partition: RecoveredPartition) -> int:
        self._note("recovered", partition.number, partition.partitions_of(f"{self._name}-out"))
        return 0

    async def revoked(self, number: int) -> None:
        self._note("revoked", number, 0)

    async def work(self, chunks: AsyncIterable[Chunk[str]]) -> None:
        async for chunk in chunks:
            async with chunk:
                self._note("chunk", chunk.partition, len(chunk.records))
                for item in chunk.records:
                    if item.value == "bug":
                        raise ValueError(item.value)
                    key = item.record.key or b""
                    chunk.put(key, (chunk.get(key) or b"") + item.value.encode())
                    chunk.send(f"{self._name}-out", key, item.value.encode(), partition=chunk.partition)

    def _note(self, what: str, number: int, count: int) -> None:
        with self._seen.open("a") as seen:
            seen.write(json.dumps([what, number, count]) + "\n")


def decode(record: FetchedRecord) -> tuple[int, str]:
    """Values are `time:text`."""
    at, _, text = (record.value or b"").decode().partition(":")
    return int(at), text


def main(bootstrap: str, name: str, directory: str) -> None:
    """Run it on Faust."""
    logging.basicConfig(level=logging.INFO)
    clients = ClientSettings(connection={"bootstrap_servers": bootstrap}, group=name, session=10.0, heartbeat=1.0)
    job = Written(name, Path(directory) / "seen").job
    FaustDriver(job, clients, data_dir=Path(directory) / "faust", commit_seconds=0.3).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
