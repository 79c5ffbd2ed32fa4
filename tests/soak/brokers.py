"""Three brokers, of which one leaves in order, comes back, and another one is killed, while leads are posted.

`python -m tests.soak.brokers --seconds 20`: each phase lasts so long. Prints how long ingest took to accept an event,
and how long it took until the lead that it is about was handed back to the receiver. Exit code 1 if a fact was lost, if
a lead was handed back twice, or if the audit does not balance.
"""

from __future__ import annotations

import argparse
import http.client
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

from tests.component.scenarios.live_loop import LiveLoop
from tests.kafka_cluster import KafkaCluster
from tests.redis import RealRedis
from tests.waiting import wait_for
from tests.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

POLICY = """
version: brokers
promises: {never_contacted: off, no_follow_up: off, no_progress: off, max_attempts: off}
reasons: {bad_timing: {track: right-time}}
limits: {cooldown: 0 days}
"""
PARTITIONS, REPLICAS = 2, 3
GAP = 0.2
"""Seconds between two leads."""
REPEATED_STATUS = 503
QUIET, IN_ORDER, BACK, ELECTED, KILLED, WHOLE = (
    "all three brokers",
    "one leaves in order",
    "it is back, and copies",
    "leaders move back to it",
    "another one is killed",
    "it is back as well",
)


@dataclass
class BrokerRun:
    """Seconds by phase, and what must not be."""

    accepted: Mapping[str, Sequence[float]]
    received: Mapping[str, Sequence[float]]
    repeated: int
    leaders: Mapping[str, Mapping[int, int]]
    failures: list[str]


@dataclass
class Posting(threading.Thread):
    """Posts one lead after the other, each of which sales reports as stalled at once."""

    loop: LiveLoop
    phase: str = QUIET
    posted_at: dict[str, tuple[str, float]] = field(default_factory=dict)
    accepted: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    repeated: int = 0

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self.stopped = threading.Event()

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        number = 0
        while not self.stopped.wait(GAP):
            lead_id, phase, begun = f"lead-{number}", self.phase, time.time()
            common = {"lead_id": lead_id, "occurred_at": int(begun * 1000)}
            events: list[dict[str, Any]] = [
                {"kind": "lead-created", "event_id": f"{lead_id} 1", **common},
                {"kind": "lead-stalled", "event_id": f"{lead_id} 2", "reason": "bad_timing", **common},
            ]
            self.posted_at[lead_id] = phase, begun
            while not self._is_accepted(events):
                self.repeated += 1
                time.sleep(GAP)
            self.accepted[phase].append(time.time() - begun)
            number += 1

    def _is_accepted(self, events: Sequence[Mapping[str, Any]]) -> bool:
        try:
            self.loop.post(*events)
        except HTTPError as fault:
            if fault.code != REPEATED_STATUS:
                raise
            return False
        except (OSError, http.client.HTTPException):
            return False
        return True


def lose_brokers(folder: Path, seconds: float, say: Callable[[str], None]) -> BrokerRun:
    """Do one run in an empty folder."""
    cluster, redis = KafkaCluster(folder / "kafka"), RealRedis(folder / "redis")
    loop: LiveLoop | None = None
    try:
        cluster.start()
        redis.start()
        world = World.on_real(cluster.bootstrap, folder, PARTITIONS, REPLICAS)
        loop = LiveLoop(world, redis.url, POLICY)
        loop.wait_ready()
        posting = Posting(loop)
        posting.start()
        leaders = {}
        for phase in _phases(cluster):
            posting.phase = phase
            say(f"{phase}: leaders {cluster.leaders()}")
            _hold(posting, seconds)
            leaders[phase] = cluster.leaders()
        posting.stopped.set()
        posting.join()
        wait_for(lambda: _is_all_received(loop, posting), 120, "every lead is handed back")
        return _judged(loop, posting, leaders)
    finally:
        if loop is not None:
            loop.close()
        redis.kill()
        cluster.kill()


def _phases(cluster: KafkaCluster) -> Iterator[str]:
    first, second, _ = cluster.nodes
    yield QUIET
    first.stop()
    yield IN_ORDER
    first.start()
    yield BACK
    wait_for(cluster.is_in_sync, 120, "all replicas are in sync")
    cluster.elect_preferred()
    yield ELECTED
    second.kill()
    yield KILLED
    second.start()
    wait_for(cluster.is_in_sync, 120, "all replicas are in sync")
    yield WHOLE


def _hold(posting: Posting, seconds: float) -> None:
    """The phase lasts, and at least some leads are accepted in it."""
    until = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > until and len(posting.accepted[posting.phase]) > 1, 300, "leads are accepted")


def _is_all_received(loop: LiveLoop, posting: Posting) -> bool:
    return {one["lead_id"] for one in loop.received()} >= posting.posted_at.keys()


def _judged(loop: LiveLoop, posting: Posting, leaders: Mapping[str, Mapping[int, int]]) -> BrokerRun:
    """Every accepted fact is in Kafka, each lead was handed back once, and the audit balances."""
    world, failures = loop.world, []
    facts = {one.event_id for topic in ("lead-created", "lead-stalled") for one in world.decoded(topic)}
    expected = {f"{lead_id} {n}" for lead_id in posting.posted_at for n in (1, 2)}
    failures += [f"lost: {one}" for one in sorted(expected - facts)]
    recycled: dict[str, set[str]] = defaultdict(set)
    for one in loop.received():
        recycled[one["lead_id"]].add(one["recycle_id"])
    failures += [f"handed back twice: {lead_id}" for lead_id, ids in recycled.items() if len(ids) > 1]
    audit = loop.audit()
    failures += [str(one) for one in audit.differences]
    failures += [f"{audit.result.balanced} leads balance"] if audit.result.balanced != len(posting.posted_at) else []
    received: dict[str, list[float]] = defaultdict(list)
    for lead_id, arrived in _arrivals(loop).items():
        phase, begun = posting.posted_at[lead_id]
        received[phase].append(arrived - begun)
    return BrokerRun(posting.accepted, received, posting.repeated, leaders, failures)


def _arrivals(loop: LiveLoop) -> dict[str, float]:
    """When each lead first arrived at the receiver."""
    seen = loop.seen()
    found: dict[str, float] = {}
    for one in seen["tries"]:
        lead_id = seen["messages"][one["message_id"]]["data"]["lead_id"]
        found[lead_id] = min(found.get(lead_id, one["at"]), one["at"])
    return found


def table(run: BrokerRun) -> Iterator[str]:
    """As Markdown."""
    yield "| phase | leaders by broker | leads | accepted: median | 99 % | most | handed back: median | 99 % | most |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|---:|"
    for phase, accepted in run.accepted.items():
        cells = [*_spread(accepted), *_spread(run.received[phase])]
        leaders = ", ".join(str(count) for _, count in sorted(run.leaders[phase].items()))
        yield f"| {phase} | {leaders} | {len(accepted)} | {' | '.join(cells)} |"
    yield f"requests repeated after 503: {run.repeated}"
    yield from (f"FAILED: {one}" for one in run.failures)


def _spread(seconds: Sequence[float]) -> list[str]:
    cuts = quantiles([*seconds, *seconds], n=100)
    return [f"{cuts[49]:.2f} s", f"{cuts[98]:.2f} s", f"{max(seconds):.2f} s"]


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended
    asked = argparse.ArgumentParser(prog="python -m tests.soak.brokers", description=__doc__)
    asked.add_argument("--seconds", type=float, default=20.0, help="how long each phase lasts")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="brokers-") as folder:
        run = lose_brokers(Path(folder), given.seconds, lambda line: print(line, flush=True))
    print(*table(run), sep="\n")
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
