"""The small job on Leadloop's engine: a chunk at a time, each lead decoded once and written back once a chunk.

Leads stay in memory decoded, as many as streams keeps.
"""

import logging
from collections.abc import AsyncIterable
from dataclasses import replace

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.events import LeadContacted
from streams.agents.leads import CACHED
from streams.app import connect, job_of
from streams.engine import Chunk, FetchedRecord, RecoveredPartition
from streams.runtime.settings import Settings
from tests.bench.small_job import DECODE, ENCODE, TOLD, TOPIC, Known, touched


class Small:
    """The job, and the driver that runs it."""

    def __init__(self, settings: Settings) -> None:
        self._codec = Codec(Catalogue.bundled())
        self._told = settings.topic_prefix + TOLD
        self._leads: dict[int, dict[bytes, Known]] = {}
        self._cached = CACHED // settings.partitions
        settings = replace(settings, clock="wall")  # no importer bounds one topic
        job = replace(
            job_of(settings, self.decoded, self.work, name="small"),
            inputs=(settings.topic_prefix + TOPIC,),
            on_recovered=self.recovered,
            on_revoked=self.revoked,
            may_skip_tick=lambda _number, _complete_until: True,
        )
        self.driver = connect(settings, job)

    def decoded(self, record: FetchedRecord) -> tuple[int, LeadContacted]:
        touch = self._codec.decode(record.value, LeadContacted)
        return touch.occurred_at, touch

    async def recovered(self, partition: RecoveredPartition) -> int:
        self._leads[partition.number] = {}
        return 0

    async def revoked(self, number: int) -> None:
        del self._leads[number]

    async def work(self, chunks: AsyncIterable[Chunk[LeadContacted]]) -> None:
        async for chunk in chunks:
            if not chunk.is_abandoned:
                async with chunk:
                    self._take(chunk)

    def _take(self, chunk: Chunk[LeadContacted]) -> None:
        leads, moved = self._leads[chunk.partition], dict[bytes, Known]()
        for item in chunk.records:
            key = item.record.key or b""
            known = leads.get(key)
            if known is None:
                raw = chunk.get(key)
                known = leads[key] = Known() if raw is None else DECODE(raw)
            moved[key] = known
            told = touched(known, item.value)
            if told is not None:
                chunk.send(self._told, key, self._codec.encode(told), partition=chunk.partition)
        for key, known in moved.items():
            chunk.put(key, ENCODE(known))
        if len(leads) > self._cached:
            leads.clear()


def main() -> None:
    """Run one worker with the settings of streams."""
    logging.basicConfig(level=logging.WARNING)
    Small(Settings.from_env()).driver.run()


if __name__ == "__main__":
    main()
