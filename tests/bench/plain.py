"""The same job in plain Faust, as its users write it: an agent, a table, one send for each output.

For comparison only: it decodes, folds, decides and tells with the very code of Leadloop, at least once. It has neither
the merge (its deadlines follow the slowest of its topics) nor the reading back of what it told.
"""

import logging
import time
from collections import defaultdict
from typing import Any

import faust

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.topics import TOPICS
from streams.agents.inbound import Inbound
from streams.agents.leads import Milestones, milestones
from streams.agents.outbound import Headers, Outbound
from streams.agents.records import snapshot
from streams.config.settings import Settings
from streams.domain.history import History
from streams.domain.ledger import Ledger
from streams.domain.policy import Policy
from streams.engine import Clock, run
from tests.bench.measure import UPSTREAM

RAW: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}


class Box:
    """What the records of ours want to be sent."""

    def __init__(self) -> None:
        self.sends: list[tuple[str, dict[str, Any]]] = []

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, *, partition: int | None = None, headers: Headers = ()
    ) -> None:
        fields = {"key": key, "value": value, "partition": partition, "headers": list(headers)}
        self.sends.append((topic, fields))


class Plain:
    """The app, its table, and the deadlines of each partition."""

    def __init__(self, settings: Settings) -> None:
        codec, prefix = Codec(Catalogue.bundled()), settings.topic_prefix
        self.app = _app(settings)
        self._policy = Policy().for_history()
        self._inbound = Inbound(codec, prefix, lambda: time.time_ns() // 1_000_000)
        self._outs = [Outbound(codec, prefix, n, set(TOPICS), self._policy.version) for n in range(settings.partitions)]
        inputs = [prefix + name for name in UPSTREAM]
        self._topics = {prefix + name: self.app.topic(prefix + name, **RAW) for name in TOPICS}
        self._table = self.app.Table("leads", partitions=settings.partitions, schema=faust.Schema(**RAW))
        self._clocks: dict[int, Clock] = defaultdict(Clock)
        self._newest: dict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(inputs, 0))
        self.app.agent(self.app.topic(*inputs, **RAW), name="plain")(self.work)

    async def work(self, stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            at, fact = self._inbound(message)
            now = self._time(message.partition, message.topic, at)
            for due, key in self._clocks[message.partition].advance(now):
                ledger, before = self._load(key)
                ledger.tick(self._policy, due + 1)
                await self._finish(message.partition, key, ledger, before)
            ledger, before = self._load(message.key)
            ledger.add(fact, self._policy, now)  # type: ignore[arg-type]  # the bench sends facts only
            await self._finish(message.partition, message.key, ledger, before)

    def _time(self, number: int, topic: str, at: int) -> int:
        """As far as every topic has been read: one that is ahead must not break the promises of the others."""
        newest = self._newest[number]
        newest[topic] = max(newest[topic], at)
        return min(newest.values())

    def _load(self, key: bytes) -> tuple[Ledger, Milestones | None]:
        raw = self._table.get(key)
        if raw is None:
            return Ledger(key.decode()), None
        ledger = Ledger(key.decode(), History.decode(raw))
        return ledger, milestones(ledger.lead, ledger.deadline(self._policy))

    async def _finish(self, number: int, key: bytes, ledger: Ledger, before: Milestones | None) -> None:
        box, out, clock = Box(), self._outs[number], self._clocks[number]
        due = ledger.deadline(self._policy)
        for told in ledger.told:
            out.tell(box, key, ledger.lead_id, told, None)
        if milestones(ledger.lead, due) != before:
            out.snapshot(box, key, snapshot(ledger.lead_id, ledger.history, due, clock.now))
        for topic, fields in box.sends:
            await self._topics[topic].send(**fields)
        self._table[key] = ledger.history.encode()
        clock.set(key, due and due.due)


def _app(settings: Settings) -> faust.App:
    """Faust with what its users tune: a linger, a batch size, compression, no topic of a leader."""
    return faust.App(
        settings.app_id,
        broker=f"kafka://{settings.kafka.bootstrap_servers}",
        store="memory://",
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
    """Run one worker with the settings of streams; `run` sets the garbage collector as it does for Leadloop."""
    logging.basicConfig(level=logging.WARNING)
    run(Plain(Settings.from_env()).app)


if __name__ == "__main__":
    main()
