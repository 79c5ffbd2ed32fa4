"""The environment of a test of deliver: its own topics, receivers that misbehave on request, workers as processes."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.events import DeliveryResult, EndpointState, LeadEscalated, LeadRecycled
from schemas.topics import TOPIC_OF, TOPICS
from tests.audited import OF_DELIVER, audit_of_deliveries
from tests.component.delivery.job import Job
from tests.kafka import Broker
from tests.kafka_records import Record, produce, read_all
from tests.simulators.receiver import Receiver
from tests.waiting import DELIVER_GRACE, LOAD_FACTOR, TIMEOUT
from workers.audit.kafka_log import KafkaLog
from workers.delivery.core.model import RetryState
from workers.delivery.events import DeliveredEvent, decode_event, id_of, result_key

CODEC = Codec(Catalogue.bundled())
SECRET = "whsec_" + "A" * 32
FINAL = ("accepted", "no_op", "refused", "unverified", "dead", "expired")
NAMES = (
    "lead-recycled",
    "lead-escalated",
    "delivery-results",
    "lead-dead-letters",
    "endpoint-states",
    "endpoint-events",
    "operator-actions",
)


def a_recycle(number: int, action: Any = "RECYCLE", **fields: Any) -> LeadRecycled:
    now = int(time.time() * 1000)
    return LeadRecycled(
        **{
            "event_id": f"{action}-{number}",
            "lead_id": f"lead-{number}",
            "occurred_at": now,
            "recorded_at": now,
            "action": action,
            "recycle_id": f"recycle{number}",
            "track": "nurture",
            **fields,
        }
    )


def an_escalation(number: int, action: Any = "ESCALATE", **fields: Any) -> LeadEscalated:
    now = int(time.time() * 1000)
    return LeadEscalated(
        **{
            "event_id": f"{action}-{number}",
            "lead_id": f"lead-{number}",
            "occurred_at": now,
            "recorded_at": now,
            "action": action,
            "escalation_id": f"escalation{number}",
            "reason": "never_contacted",
            "owner_id": "ana",
            "until": now + 3_600_000,
            **fields,
        }
    )


REAL_WAITS = (1_000, 10_000, 60_000, 600_000, 3_600_000, 21_600_000)
"""How long (ms) a record stays in each of the waiting topics in production."""
REAL_SCHEDULE = (0.0, 5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Seconds between attempts in production."""


@dataclass
class World:
    """`receivers`: one for each endpoint that is a webhook, by its name; `others`: sections of those that are none."""

    broker: Broker
    directory: Path
    redis_url: str
    partitions: int = 3
    receivers: dict[str, Receiver] = field(default_factory=dict)
    limits: dict[str, dict[str, Any]] = field(default_factory=dict)
    others: dict[str, dict[str, Any]] = field(default_factory=dict)
    prefix: str = field(default_factory=lambda: f"d{uuid4().hex[:8]}.")
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        names = [*NAMES, *(name for name in TOPICS if name.startswith("delivery-wait-"))]
        topics = {self.prefix + name: self.partitions for name in names}
        topics[self.prefix + "endpoint-states"] = topics[self.prefix + "endpoint-events"] = 1
        self.broker.make_topics(topics)
        os.environ["LEADLOOP_TEST_SECRET"] = SECRET
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
                worker.wait(TIMEOUT)
        for receiver in self.receivers.values():
            await receiver.__aexit__(None, None, None)

    async def endpoint(self, name: str, **section: Any) -> Receiver:
        """An endpoint with a receiver of its own."""
        receiver = Receiver([SECRET])
        await receiver.__aenter__()
        self.receivers[name] = receiver
        self.limits[name] = section
        return receiver

    def document(self) -> str:
        """endpoints.yml."""
        lines = ["allow_networks: [127.0.0.0/8]", "endpoints:"]
        for name, receiver in self.receivers.items():
            lines += [
                f"  {name}:",
                "    kind: webhook",
                f"    url: http://127.0.0.1:{receiver.port}/",
                "    allow_http: true",
                f"    ports: [{receiver.port}]",
                "    secrets: [{env: LEADLOOP_TEST_SECRET}]",
                *(f"    {key}: {value}" for key, value in self.limits[name].items()),
            ]
        lines += [f"  {name}: {json.dumps(section)}" for name, section in self.others.items()]
        return "\n".join(lines)

    def job(self, **changes: Any) -> Job:
        return replace(Job(self.broker.bootstrap, self.prefix, self.redis_url, self.document()), **changes)

    def start(self, job: Job | None = None) -> subprocess.Popen[bytes]:
        """Start a worker."""
        command = [sys.executable, "-m", "tests.component.delivery.job"]
        with (self.directory / f"worker{len(self.workers)}.log").open("ab") as log:
            worker = subprocess.Popen(command, env=(job or self.job()).environment(), stdout=log, stderr=log)
        self.workers.append(worker)
        return worker

    def publish(self, events: Iterable[DeliveredEvent]) -> None:
        """Publish each to its topic, in their order."""
        for kind, several in groupby(events, type):
            records = [Record(event.lead_id.encode(), CODEC.encode(event)) for event in several]
            produce(self.broker.bootstrap, self.prefix + TOPIC_OF[kind].name, records)

    def set_state(self, endpoint: str, state: Any) -> None:
        """Publish the state of an endpoint."""
        record_state = EndpointState(endpoint=endpoint, state=state, occurred_at=int(time.time() * 1000), by="test")
        record = Record(endpoint.encode(), CODEC.encode(record_state))
        produce(self.broker.bootstrap, f"{self.prefix}endpoint-states", [record])

    def read(self, topic: str) -> list[Record]:
        return read_all(self.broker.bootstrap, self.prefix + topic)

    def results(self) -> list[DeliveryResult]:
        """By partition, in the order of writing."""
        return [CODEC.decode(record.value, DeliveryResult) for record in self.read("delivery-results")]

    def waited(self) -> set[tuple[str, str, str]]:
        """Deliveries that are in the waiting topics, or were."""
        records = [one for name in TOPICS if name.startswith("delivery-wait-") for one in self.read(name)]
        found = [(RetryState.of(one.headers).endpoint, decode_event(CODEC, one.value)) for one in records]
        return {(endpoint, id_of(event), event.action) for endpoint, event in found}

    def finished(self) -> dict[tuple[str, str, str], list[str]]:
        """The final outcomes of each delivery: (endpoint, recycle_id or escalation_id, action)."""
        found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for result in self.results():
            if result.outcome in FINAL:
                found[result.endpoint, *result_key(result)].append(result.outcome)
        return dict(found)

    async def wait_finished(self, deliveries: Iterable[tuple[str, str, str]], within: float = 40.0) -> None:
        """Wait until each of these deliveries has a final outcome."""
        wanted = set(deliveries)
        await until(
            lambda: wanted <= set(self.finished()), within, lambda: f"{wanted - set(self.finished())} {self.logs()}"
        )

    def audit(self) -> list[str]:
        """What the audit finds wrong with the deliveries, all of whose events must be consumed."""
        log = KafkaLog({"bootstrap.servers": self.broker.bootstrap}, self.prefix, "leadloop", OF_DELIVER)
        found = audit_of_deliveries(log, self.document(), self.directory)
        assert found.result.deliveries.total() > 0
        return [str(one) for one in found.differences]

    def members(self) -> int:
        """Workers that Kafka has given partitions."""
        admin = AdminClient({"bootstrap.servers": self.broker.bootstrap, "log_level": 0})
        (group,) = admin.describe_consumer_groups([f"{self.prefix}leadloop-deliver"]).values()
        try:
            return sum(bool(member.assignment.topic_partitions) for member in group.result(20).members)
        except KafkaException:  # nobody has joined it yet
            return 0

    def logs(self) -> str:
        return "\n".join(path.read_text()[-3000:] for path in sorted(self.directory.glob("worker*.log")))


async def until(
    condition: Callable[[], object], within: float = 20.0, describe: Callable[[], str] = str, every: float = 0.1
) -> None:
    """Wait for a condition without blocking the receivers, which run in the same event loop.

    Raises:
        TimeoutError: not true within `LOAD_FACTOR` times `within` seconds; with the text of `describe`.
    """
    limit = within * LOAD_FACTOR
    end = time.monotonic() + limit
    while not await asyncio.to_thread(condition):
        if time.monotonic() > end:
            raise TimeoutError(f"not within {limit} s: {describe()}")
        await asyncio.sleep(every)


async def stopped(worker: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> int:
    """Its exit code after SIGTERM."""
    worker.send_signal(number)
    return await asyncio.to_thread(worker.wait, DELIVER_GRACE)


def of(endpoints: Sequence[str], events: Iterable[DeliveredEvent]) -> list[tuple[str, str, str]]:
    """The deliveries of these events for these endpoints."""
    return [(name, id_of(event), event.action) for event in events for name in endpoints]
