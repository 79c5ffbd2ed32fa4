"""A cluster of real brokers on one machine: replicas, and leaders that move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confluent_kafka import ElectionType, KafkaException
from confluent_kafka.admin import AdminClient

from tests.kafka import RealKafka, free_ports, new_cluster_id
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HEAP = "256m"


class KafkaCluster:
    """So many KRaft nodes, each a broker and a controller; topics have three replicas, of which two have to be in sync.

    Node n (from 1) is `nodes[n - 1]`.
    """

    def __init__(self, directory: Path, count: int = 3) -> None:
        ports = free_ports(2 * count)
        pairs = list(zip(ports[:count], ports[count:], strict=True))
        voters = ",".join(f"{number}@127.0.0.1:{controller}" for number, (_, controller) in enumerate(pairs, 1))
        cluster = new_cluster_id()
        self.nodes = [
            RealKafka(directory / f"node-{number}", pair, _changes(number, voters, count), HEAP, cluster)
            for number, pair in enumerate(pairs, 1)
        ]
        self.bootstrap = ",".join(node.bootstrap for node in self.nodes)
        self._admin: Any = None

    def start(self, within: float = 90) -> None:
        """Start all nodes, and wait until each is part of the cluster."""
        for node in self.nodes:
            node.begin()
        wait_for(lambda: len(self._metadata().brokers) == len(self.nodes), within, "all brokers are there")

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()

    def leaders(self) -> dict[int, int]:
        """How many partitions each node leads."""
        found = dict.fromkeys(range(1, len(self.nodes) + 1), 0)
        for topic in self._metadata().topics.values():
            for partition in topic.partitions.values():
                found[partition.leader] = found.get(partition.leader, 0) + 1
        return found

    def is_in_sync(self) -> bool:
        """Whether every replica of every partition is in sync."""
        topics = self._metadata().topics.values()
        return all(len(one.isrs) == len(one.replicas) for topic in topics for one in topic.partitions.values())

    def elect_preferred(self) -> None:
        """Move each leader to the first of its replicas, while clients work."""
        self.admin().elect_leaders(ElectionType.PREFERRED, None, request_timeout=60).result()

    def admin(self) -> Any:
        if self._admin is None:
            self._admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        return self._admin

    def _metadata(self) -> Any:
        def found() -> Any:
            try:
                return self.admin().list_topics(timeout=5)
            except KafkaException:
                return None

        return wait_for(found, 60, "a broker answers")


def _changes(number: int, voters: str, count: int) -> Mapping[str, str]:
    replicas, in_sync = str(count), str(max(1, count - 1))
    return {
        "node.id": str(number),
        "controller.quorum.voters": voters,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
        "min.insync.replicas": in_sync,
        "auto.leader.rebalance.enable": "false",
        "num.network.threads": "1",
        "num.io.threads": "2",
    }
