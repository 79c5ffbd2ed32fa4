"""A live loop for scenarios: all processes but report, and a receiver; and what became of each lead."""

from __future__ import annotations

import json
import re
import time
from base64 import b64encode
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import yaml
from confluent_kafka import Consumer, Message, TopicPartition

from schemas.topics import TOPICS, WAITS, partition_of
from tests.audited import AuditOfWorld, audit_of
from tests.component.projection.harness import Process
from tests.kafka_records import CONSUMER, end_of
from tests.waiting import wait_for
from tests.world import CODEC, World
from workers.http.keys import digest_of, new_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schemas.events import LeadDecided, LeadSnapshot

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
PARTITIONS = 2
GRACE_SECONDS = 3
"""The allowed lateness: longer than ingest takes to publish all facts of a request, on a machine under load too."""
SECRET = f"whsec_{b64encode(bytes(range(32))).decode()}"
WAITING = tuple(f"delivery-wait-{name}" for name in WAITS)
FOLLOWED = ("lead-stalled", "lead-recycled", "lead-escalated", "lead-decisions", "lead-snapshots", "delivery-results")
MARKETING: Mapping[str, Mapping[str, Any]] = {"marketing": {}}
WITHIN = 30.0
"""Seconds that an idle machine needs at most from a fact to all that follows from it."""


def now() -> int:
    """Epoch ms."""
    return time.time_ns() // 1_000_000


def ago(span: float, unit: int = HOUR) -> int:
    """Epoch ms of the moment that is so many units ago."""
    return now() - int(span * unit)


class Outputs:
    """The records of streams and deliver about each lead, by topic, in the order of writing."""

    def __init__(self, world: World) -> None:
        self._world = world
        settings = {"bootstrap.servers": world.bootstrap, "group.id": "scenarios", **CONSUMER}
        self._ends = Consumer(settings)  # requests of offsets would wait for the fetches of the same connection
        self._consumer = Consumer(settings)
        self._places = [(name, number) for name in (*FOLLOWED, *WAITING) for number in range(world.partitions)]
        self._consumer.assign([TopicPartition(world.prefix + name, number, 0) for name, number in self._places])
        self._next: dict[tuple[str, int], int] = dict.fromkeys(self._places, 0)
        self._records: dict[tuple[str, str], list[Any]] = defaultdict(list)

    def of(self, topic: str, lead_id: str) -> Sequence[Any]:
        """All records of a topic about a lead; of waiting topics, the bytes."""
        self._read()
        return self._records[topic, lead_id]

    def close(self) -> None:
        self._consumer.close()
        self._ends.close()

    def _read(self) -> None:
        """Read up to the present ends."""
        prefix = self._world.prefix
        ends = {(name, number): end_of(self._ends, prefix + name, number) for name, number in self._places}
        while any(self._next[place] < end for place, end in ends.items()):
            for message in self._consumer.consume(1000, 0.05):
                if message.error() is None:
                    self._take(message)

    def _take(self, message: Message) -> None:
        topic = (message.topic() or "").removeprefix(self._world.prefix)
        self._next[topic, message.partition() or 0] = (message.offset() or 0) + 1
        record, key, value = TOPICS[topic].record, message.key() or b"", message.value() or b""
        self._records[topic, key.decode()].append(value if record is None else CODEC.decode(value, record))


class LiveLoop:
    """All processes, and the facts that are posted to them. `limits`: of each endpoint, which has its own receiver."""

    def __init__(
        self, world: World, redis_url: str, policy: str, limits: Mapping[str, Mapping[str, Any]] = MARKETING
    ) -> None:
        self.world = world
        self.outputs = Outputs(world)
        self._key = new_key()
        self._redis_url = redis_url
        folder = world.folder
        self._receivers = {name: receiver(folder / f"{name}.log") for name in limits}
        self._ports = {name: port_of(process) for name, process in self._receivers.items()}
        endpoints = {name: _webhook(port, limits[name]) for name, port in self._ports.items()}
        document = {"allow_networks": ["127.0.0.0/8"], "endpoints": endpoints}
        (folder / "policy.yml").write_text(policy, encoding="utf-8")
        source = {"keys": [digest_of(self._key)], "scopes": ["ingest"]}
        (folder / "keys.yml").write_text(yaml.safe_dump({"sources": {"crm": source}}), encoding="utf-8")
        (folder / "endpoints.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
        self._streams = world.streams(**self.env())
        env = world.env(**self.env())
        self._ingest = Process(folder / "ingest.log", env, "workers.cli", "ingest")
        self._deliver = Process(folder / "deliver.log", env, "workers.cli", "deliver")
        self._project = Process(folder / "project.log", env, "workers.cli", "project")

    def env(self) -> dict[str, str]:
        folder = self.world.folder
        return {
            "LEADLOOP_CLOCK": "wall",
            "LEADLOOP_GRACE_SECONDS": str(GRACE_SECONDS),
            "LEADLOOP_SESSION_SECONDS": "30",
            "LEADLOOP_POLICY_FILE": str(folder / "policy.yml"),
            "LEADLOOP_POLICY_SECONDS": "0.5",
            "LEADLOOP_KEYS_FILE": str(folder / "keys.yml"),
            "LEADLOOP_ENDPOINTS_FILE": str(folder / "endpoints.yml"),
            "LEADLOOP_TEST_SECRET": SECRET,
            "LEADLOOP_INGEST_PORT": "0",
            "REDIS_URL": self._redis_url,
        }

    def wait_ready(self) -> None:
        """Wait until all processes are ready."""
        self._streams.wait_ready()
        self._ingest.wait_ready(90)
        self._deliver.wait_ready(90)
        self._project.wait_ready(90)

    def check(self) -> None:
        """Fail if a process has ended."""
        assert self._streams.is_alive(), self._streams.tail()
        for process in (self._ingest, self._deliver, self._project, *self._receivers.values()):
            assert process.process.poll() is None, process.said()[-3000:]

    def audit(self) -> AuditOfWorld:
        """Audit everything while the processes run: leads, deliveries and the read model."""
        env = self.env()
        return audit_of(self.world, Path(env.pop("LEADLOOP_POLICY_FILE")), more=env)

    def close(self) -> None:
        for process in (self._ingest, self._deliver, self._project, *self._receivers.values()):
            process.kill()
        self.outputs.close()
        self.world.close()

    def post(self, *events: Mapping[str, Any]) -> None:
        """Post events in one request to ingest, which accepts them all."""
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        url, data = f"{self._ingest.address()}/v1/events", json.dumps(events).encode()
        with urlopen(Request(url, data, headers), timeout=120) as response:  # noqa: S310  a server of the test
            assert response.status == 202, response.read()

    def received(self, endpoint: str = "marketing") -> list[dict[str, Any]]:
        """The events that an endpoint accepted, in the order of arrival. All requests were signed."""
        return [message["data"] for message in self.seen(endpoint)["messages"].values()]

    def arrivals(self, endpoint: str) -> list[float]:
        """When requests arrived at an endpoint: seconds since 1970, in their order."""
        return sorted(attempt["at"] for attempt in self.seen(endpoint)["tries"])

    def seen(self, endpoint: str = "marketing") -> dict[str, Any]:
        """The log of a receiver: `messages` that it took, and all `tries`."""
        with urlopen(f"http://127.0.0.1:{self._ports[endpoint]}/_seen", timeout=120) as response:
            seen: dict[str, Any] = json.load(response)
        assert [attempt["error"] for attempt in seen["tries"] if attempt["error"]] == []
        return seen


def receiver(log: Path) -> Process:
    """Start a receiver that verifies signatures."""
    return Process(log, {}, "tests.simulators.receiver", "--secret", SECRET)


def port_of(process: Process) -> int:
    """The port of a receiver, once it is ready."""
    [port] = wait_for(lambda: re.findall(r"ready (\d+)", process.said()), 90, "the receiver is ready")
    return int(port)


def _webhook(port: int, limits: Mapping[str, Any]) -> dict[str, Any]:
    webhook: dict[str, Any] = {
        "kind": "webhook",
        "url": f"http://127.0.0.1:{port}/",
        "allow_http": True,
        "ports": [port],
        "secrets": [{"env": "LEADLOOP_TEST_SECRET"}],
    }
    return webhook | ({"limits": dict(limits)} if limits else {})


@dataclass(frozen=True)
class ScenarioLead:
    """One lead of a live loop."""

    loop: LiveLoop
    lead_id: str

    @property
    def partition(self) -> int:
        return partition_of(self.lead_id.encode(), PARTITIONS)

    def event(self, kind: str, at: int, **fields: object) -> dict[str, object]:
        """An event for `LiveLoop.post`. `at`: epoch ms."""
        return {"kind": kind, "lead_id": self.lead_id, "occurred_at": at, **fields}

    def post(self, kind: str, at: int, **fields: object) -> None:
        self.loop.post(self.event(kind, at, **fields))

    # -- what became of it -------------------------------------------------------------------------

    def records(self, *topics: str) -> list[Any]:
        """All that was published about it to these topics."""
        self.loop.check()
        return [record for topic in topics for record in self.loop.outputs.of(topic, self.lead_id)]

    def snapshot(self) -> LeadSnapshot | None:
        """Its newest snapshot."""
        snapshots: Sequence[LeadSnapshot] = self.loop.outputs.of("lead-snapshots", self.lead_id)
        return snapshots[-1] if snapshots else None

    def decisions(self) -> list[str]:
        """Its decisions, each with why."""
        decided: Sequence[LeadDecided] = self.records("lead-decisions")
        return [f"{each.decision} {each.why}" for each in decided]

    def stalls_of_the_detector(self) -> list[str]:
        """The reasons of the stalls that the detector declared."""
        return [each.reason for each in self.records("lead-stalled") if each.declared_by == "detector"]

    def received(self) -> list[dict[str, Any]]:
        """What marketing received about it."""
        return [data for data in self.loop.received() if data["lead_id"] == self.lead_id]

    def received_briefly(self) -> list[str]:
        """The same: each action, with its track or its cause."""
        return [f"{data['action']} {data['track'] or data['cause']}" for data in self.received()]

    def outcomes(self, action: str) -> list[str]:
        """How deliver settled its events of this action."""
        return [result.outcome for result in self.records("delivery-results") if result.action == action]

    # -- waiting -----------------------------------------------------------------------------------

    def wait_decided(self, *decisions: str) -> None:
        """Wait until these, and no others, are its decisions."""
        _wait_for_exactly(self.decisions, decisions)

    def wait_received(self, *messages: str) -> None:
        """Wait until marketing has received these messages about it, and no others."""
        _wait_for_exactly(self.received_briefly, messages)

    def wait_settled(self, action: str) -> list[str]:
        """Wait until deliver has settled an event of this action; returns the outcomes."""
        return wait_for(lambda: self.outcomes(action), WITHIN, f"{action} is settled")

    def wait_waiting(self) -> None:
        """Wait until a delivery of it waits in Kafka."""
        wait_for(lambda: self.records(*WAITING), WITHIN, "a delivery waits")

    def wait_snapshot(self, **fields: object) -> LeadSnapshot:
        """Wait until its newest snapshot has these values."""

        def matching() -> LeadSnapshot | None:
            snapshot = self.snapshot()
            return snapshot if all(getattr(snapshot, name, ...) == fields[name] for name in fields) else None

        try:
            snapshot = wait_for(matching, WITHIN)
        except AssertionError:
            snapshot = None
        assert snapshot is not None, f"not {fields}: {self.snapshot()}"
        return snapshot


def _wait_for_exactly(found: Callable[[], list[str]], expected: Sequence[str]) -> None:
    """Fail at once if what is found is no beginning of what is expected."""

    def are_all_found() -> bool:
        now_found = found()
        assert now_found == [*expected][: len(now_found)]
        return len(now_found) == len(expected)

    wait_for(are_all_found, WITHIN, str(expected))
