"""What the clients of one run share: the loop, the network, the brokers, the coordinator, and how all is set."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from aiokafka.errors import KafkaError

from streams.engine.fencing import OWNER_KEY

from .broker import NODES, Broker
from .group import Group
from .network import Link, Network

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from aiokafka.structs import TopicPartition

    from .broker import Origin, Record
    from .loop import Host, SimulatedLoop

T = TypeVar("T")
CHANGELOG = "leadloop-changelog"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Of clients and worker, in seconds and records; times in production's proportions, a third as long."""

    session: float = 10.0
    rebalance: float = 20.0
    heartbeat: float = 1.0
    deadline: float = 16.0
    delivery: float = 13.0
    request: float = 13.0
    commit: float = 0.5
    fetch_wait: float = 0.5
    fetch_records: int = 20
    batch_records: int = 8
    renew_after: float = 21_600.0
    last_epoch: int = 32_766
    worn_from: int = 32_700


class Cluster:
    """One Kafka cluster, and the way to it."""

    def __init__(
        self, loop: SimulatedLoop, random: Random, settings: Settings, partitions: int, wall: Callable[[], float]
    ) -> None:
        self.loop = loop
        self.settings = settings
        self.happened: Counter[str] = Counter()
        self.is_fenced = True
        self.network = Network(loop, random, self.happened)
        self.broker = Broker(loop, partitions, wall, self.happened)
        self.broker.last_epoch = settings.last_epoch
        self.fenced: list[str] = []
        """Owners that were fenced by somebody who was none: nothing is lost, but they have to start again."""
        self._claims: dict[TopicPartition, tuple[str, int]] = {}  # who claimed last, with an epoch of which term
        self.group = Group(loop, self.broker, random, self.happened, settings.session, settings.rebalance)

    def links(self, host: Host) -> Sequence[Link]:
        """New connections of a client, one to each node."""
        return [Link(host, node) for node in range(NODES)]

    async def ask(self, link: Link, action: Callable[[], Any]) -> Any:
        """Send a request that may be repeated, until it is answered."""
        while True:
            try:
                return await self.network.call(link, action, self.settings.request)
            except KafkaError as error:
                if not getattr(error, "retriable", False):
                    raise
                await asyncio.sleep(0.1)

    def produce(self, host: Host, tp: TopicPartition, origin: Origin, records: Sequence[Record]) -> int:
        """Answer a produce request of a host, which may have ended meanwhile."""
        if host.is_dead:
            self.happened["batch of an ended process"] += 1
        end = self.broker.logs[tp].end
        first = self.broker.produce(tp, origin, records)
        owner = self.broker.owners.get(tp.partition)
        if first >= end and owner != host.name:
            self.happened[f"{tp.topic} of a former owner arrived late"] += 1
            self.broker.late.update((tp, offset) for offset in range(first, first + len(records)))
        if first >= end and records[0][0] == OWNER_KEY:
            self._claimed(host, tp, origin)
        return first

    def _claimed(self, host: Host, tp: TopicPartition, origin: Origin) -> None:
        owner = self.broker.owners.get(tp.partition), self.broker.terms[tp.partition]
        if host.name != owner[0] and self._claims.get(tp) == owner:
            self.fenced.append(f"{owner[0]}, the owner of {tp}, by {host.name}")
        self._claims[tp] = host.name, self.broker.asked_in.get((origin.producer, origin.epoch), 0)
