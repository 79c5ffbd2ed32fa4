"""The audit of a large log in a real Kafka: its time, CPU time, peak memory, and the size of its temporary files.

A few thousand generated histories are decided in memory by the agent of streams; what it consumed and published, and
what an endpoint answered, is then written for as many leads as are wanted, each with an id of its own.
"""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from confluent_kafka import Consumer, Producer, TopicPartition
from msgspec.structs import replace

from schemas.events import DeliveryResult, LeadRecycled
from schemas.names import deliver_group, streams_group
from streams.policy_file import parse_policy
from tests.bench.measure import a_kafka
from tests.component.scenarios.generated_leads import END, generated_leads
from tests.component.scenarios.test_generated_history import POLICY
from tests.unit.agents.agent_harness import AgentHarness
from tests.unit.audit.audited import of_agent
from tests.world import CODEC, World
from workers.audit.stored import AUDITED, FACTS, WAITING

SIZES = (100_000,)
TEMPLATES = 2_000
MOST_FACTS = 4
"""Of a lead; longer histories only take longer."""
PARTITIONS = 12
ENDPOINTS = "endpoints: {crm: {kind: kafka, topic: crm}}"
_SAMPLE_SECONDS = 0.25


class Template(NamedTuple):
    """The records of one lead: topic and value, in which its id is to be replaced."""

    lead_id: bytes
    records: Sequence[tuple[str, bytes]]


@dataclass
class Peaks:
    """The most that an audit used of memory and of temporary files, in MB."""

    memory: float = 0.0
    scratch: float = 0.0

    def add(self, memory: float, scratch: float) -> None:
        self.memory, self.scratch = max(memory, self.memory), max(scratch, self.scratch)


class AuditFigures(NamedTuple):
    """Of one audit; CPU in seconds."""

    seconds: float
    cpu: float
    peaks: Peaks
    printed: str


def main(sizes: Sequence[int] = SIZES) -> None:
    """Print the figures for each number of leads."""
    templates = _templates()
    for leads in sizes:
        with a_kafka() as (bootstrap, folder):
            world = World.on_real(bootstrap, folder, PARTITIONS)
            records = _publish(world, templates, leads)
            found = _audit(world)
            print(found.printed)
            print(
                f"{leads:,} leads, {records:,} records, {PARTITIONS} partitions: {found.seconds:.0f} s"
                f" ({leads / found.seconds:,.0f} leads/s, {records / found.seconds:,.0f} records/s),"
                f" CPU {found.cpu:.0f} s,"
                f" peak memory {found.peaks.memory:.0f} MB, temporary files {found.peaks.scratch:.0f} MB",
                flush=True,
            )


def _templates() -> list[Template]:
    """Generated leads with all that streams and an endpoint said; every id is ten bytes long."""
    agent = AgentHarness(parse_policy(POLICY, "policy").for_history())
    facts = chain.from_iterable(
        (replace(fact, lead_id=f"t-{n:08}") for fact in of_lead)
        for n, of_lead in enumerate(one for one in generated_leads(TEMPLATES).values() if len(one) <= MOST_FACTS)
    )
    agent.add(*sorted(facts, key=lambda fact: fact.occurred_at)).until(END).run()
    found = {key: [(AUDITED[one.topic], one.value or b"") for one in stored] for key, stored in of_agent(agent).items()}
    return [Template(key, [*records, *_answers(records)]) for key, records in found.items()]


def _answers(records: Sequence[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Every recycle event was accepted by the endpoint, when it might be sent."""
    for topic, value in records:
        if topic == "lead-recycled":
            event = CODEC.decode(value, LeadRecycled)
            at = max(event.occurred_at, event.not_before or 0)
            result = DeliveryResult(recycle_id=event.recycle_id, action=event.action, lead_id=event.lead_id)
            result = replace(result, endpoint="crm", occurred_at=at, outcome="accepted", attempts=1, status=200)
            yield "delivery-results", CODEC.encode(result)


def _publish(world: World, templates: Sequence[Template], leads: int) -> int:
    """Write so many leads; streams and deliver have consumed everything. Returns the number of records."""
    count, producer = (
        0,
        Producer(
            {
                "bootstrap.servers": world.bootstrap,
                "linger.ms": 50,
                "compression.type": "lz4",
                "queue.buffering.max.messages": 1_000_000,
                "partitioner": "murmur2_random",
            }
        ),
    )
    for n in range(leads):
        template, lead_id = templates[n % len(templates)], b"a-%08d" % n
        for topic, value in template.records:
            _produce(producer, world.prefix + topic, lead_id, value.replace(template.lead_id, lead_id))
            count += 1
    producer.flush()
    _commit(world)
    return count


def _produce(producer: Producer, topic: str, key: bytes, value: bytes) -> None:
    while True:
        try:
            producer.produce(topic, value, key)
        except BufferError:
            producer.poll(0.1)
        else:
            return


def _commit(world: World) -> None:
    of_streams, of_deliver = streams_group(world.app_id), deliver_group(world.app_id, world.prefix)
    delivered = ("lead-recycled", "lead-escalated", *WAITING)
    for group, topics in ((of_streams, FACTS), (of_deliver, delivered)):
        consumer = Consumer({"bootstrap.servers": world.bootstrap, "group.id": group})
        places = [TopicPartition(world.prefix + topic, n) for topic in topics for n in range(world.partitions)]
        for place in places:
            place.offset = consumer.get_watermark_offsets(place, timeout=30)[1]
        consumer.commit(offsets=places, asynchronous=False)
        consumer.close()


def _audit(world: World) -> AuditFigures:
    """Run the command as an operator does, and measure its process."""
    (world.folder / "policy.yml").write_text(POLICY, encoding="utf-8")
    (world.folder / "endpoints.yml").write_text(ENDPOINTS, encoding="utf-8")
    env = world.env(
        LEADLOOP_POLICY_FILE=str(world.folder / "policy.yml"),
        LEADLOOP_ENDPOINTS_FILE=str(world.folder / "endpoints.yml"),
    )
    with TemporaryDirectory(dir=world.folder) as scratch:
        command = [sys.executable, "-m", "workers.cli", "audit", "--scratch", scratch]
        with (world.folder / "audit.log").open("wb") as sink:
            started = time.monotonic()
            process = subprocess.Popen(command, env={**os.environ, **env}, stdout=sink, stderr=subprocess.STDOUT)
            peaks, is_over = Peaks(), threading.Event()
            thread = threading.Thread(target=_watch, args=(process.pid, Path(scratch), peaks, is_over))
            thread.start()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds = time.monotonic() - started
            is_over.set()
            thread.join()
    printed = (world.folder / "audit.log").read_text(encoding="utf-8")
    return AuditFigures(seconds, used.ru_utime + used.ru_stime, peaks, printed)


def _watch(pid: int, scratch: Path, peaks: Peaks, is_over: threading.Event) -> None:
    """Sample until the end. `ru_maxrss` would begin with the memory of this process, which started the other."""
    while not is_over.wait(_SAMPLE_SECONDS):
        with suppress(OSError):
            peaks.add(_peak_kb(pid) / 1024, sum(path.stat().st_size for path in scratch.rglob("*.bucket")) / 1e6)


def _peak_kb(pid: int) -> int:
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"), re.MULTILINE)
    return int(found[1]) if found else 0


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or SIZES)
