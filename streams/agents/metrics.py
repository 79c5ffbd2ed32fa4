"""What streams counts, declared once and updated per chunk; what it only shows stands in `gauges`."""

import shutil
from collections.abc import Callable, Collection
from threading import Lock
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from schemas.codec import Reason
from streams.agents.batch_histogram import BatchHistogram
from streams.agents.chunk_stats import KINDS, ChunkStats
from streams.agents.records import DECISIONS
from streams.domain.errors import PoisonReason
from streams.domain.funnel import PASS_LABELS, pass_label
from streams.domain.policy import Policy
from streams.domain.policy.promises import CLOCKS as PROMISED
from streams.runtime.settings import StreamsSettings

OTHER = "other"
MAX_ORIGINS = 20
CLOCKS = (*PROMISED, "attempts_exhausted")

_HOUR, _DAY = 3600.0, 86_400.0
FIRST_CONTACT_BUCKETS = (300, 900, _HOUR, 4 * _HOUR, _DAY, 2 * _DAY, 5 * _DAY, 10 * _DAY, 30 * _DAY)
DELAY_BUCKETS = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, _HOUR, _DAY)
FRESHNESS_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
CHUNK_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Origins:
    """Bounds a label: the first origins seen keep their names, the rest is `other`. Safe in both threads that count.

    `begin` hears of each name before anything is counted by it.
    """

    def __init__(self, limit: int = MAX_ORIGINS, begin: Callable[[str], object] = str) -> None:
        self._limit = limit
        self._begin = begin
        self._names: dict[str, str] = {}
        self._lock = Lock()

    def __call__(self, origin: str) -> str:
        return self._names.get(origin) or self._new(origin)

    def _new(self, origin: str) -> str:
        with self._lock:
            if origin in self._names:
                return self._names[origin]
            name = (origin or "unknown") if len(self._names) < self._limit else OTHER
            if name != OTHER:
                self._names[origin] = name
            self._begin(name)
            return name


class Metrics:
    """The counters of this process."""

    def __init__(self, registry: CollectorRegistry, whys: Collection[tuple[str, str]]) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"leadloop_{name}", text, labels, registry=registry)

        self._whys = set(whys)  # what the policy can say; reasons of upstreams beyond it are `other`
        self._facts = counter("facts", "New facts consumed, by kind; duplicates are not counted.", "kind")
        self._rejected = counter("rejected", "Records sent to the dead-letter topic, by reason.", "reason")
        self._ignored = counter(
            "ignored_records", "Input records that are no facts and no faults, by reason.", "reason"
        )
        self._repeats = counter("duplicate_facts", "Upstream facts consumed again with a known event_id.")
        self._late = counter("late_facts", "Facts older than all remembered facts of their lead, which are not folded.")
        self._rerouted = counter("rerouted", "Records re-published to the partition of their key.")
        self._stalls = counter("stalls", "Stalls declared by the detector.", "reason")
        self._decisions = counter("decisions", "Decisions emitted, by action and why.", "action", "why")
        self._warnings = counter("warnings", "Warnings that a promise is about to break, by promise.", "reason")
        self._unnamed = counter("unnamed_reasons", "Decisions about a reason that the policy does not name.")
        self._recycles = counter("recycles", "RECYCLEs emitted, by the pass of the lead that they end.", "pass")
        self._first_contact = BatchHistogram(
            "leadloop_first_contact_seconds",
            "From a lead's creation to its first touch.",
            ("origin",),
            buckets=FIRST_CONTACT_BUCKETS,
            registry=registry,
        )
        self._delay = BatchHistogram(
            "leadloop_detection_delay_seconds",
            "Seconds from a broken promise (or the arrival of its facts, if later) to the declared stall.",
            buckets=DELAY_BUCKETS,
            registry=registry,
        )
        self._chunk = Histogram(
            "leadloop_chunk_seconds",
            "Duration of a chunk, including the acks of the broker.",
            buckets=CHUNK_BUCKETS,
            registry=registry,
        )
        self._freshness = Histogram(
            "leadloop_freshness_seconds",
            "Age of a heartbeat when it is processed: the latency from Kafka to the state.",
            buckets=FRESHNESS_BUCKETS,
            registry=registry,
        )
        self.policy_changes = counter("policy_changes", "Changes of the policy file, by result.", "result")
        self.policy_invalid = Gauge(
            "leadloop_policy_invalid",
            "1 while the policy file is not valid; the last valid policy stays in force.",
            registry=registry,
        )
        self.origins = Origins(begin=lambda origin: self._first_contact.observe((), origin))
        self._zero()

    def _zero(self) -> None:
        for kind in KINDS.values():
            self._facts.labels(kind)
        for reason in (*get_args(Reason), *get_args(PoisonReason)):
            self._rejected.labels(reason)
        self._ignored.labels("tombstone")
        for reason in CLOCKS:
            self._stalls.labels(reason)
            self._warnings.labels(reason)
        self.expect(self._whys)
        for label in PASS_LABELS:
            self._recycles.labels(label)
        for result in ("adopted", "rejected"):
            self.policy_changes.labels(result)
        self._first_contact.observe((), "unknown")
        self._delay.observe(())

    def expect(self, whys: Collection[tuple[str, str]]) -> None:
        """Give every (action, why) that a policy can lead to a series; those of an older policy stay."""
        for action, why in whys:
            self._decisions.labels(action, why)
        self._whys.update(whys)

    def observe(self, stats: ChunkStats, seconds: float) -> None:
        """Add what one chunk did, once it is acked."""
        for counts, series in (
            (stats.facts, self._facts),
            (stats.rejected, self._rejected),
            (stats.ignored, self._ignored),
            (stats.stalls, self._stalls),
            (stats.warned, self._warnings),
        ):
            for label, count in counts.items():
                series.labels(label).inc(count)
        for (kind, why), count in stats.decisions().items():
            action = DECISIONS[kind]
            self._decisions.labels(action, why if (action, why) in self._whys else OTHER).inc(count)
        for pass_no, count in stats.recycles().items():
            self._recycles.labels(pass_label(pass_no)).inc(count)
        self._unnamed.inc(stats.unnamed)
        self._repeats.inc(stats.repeats)
        self._late.inc(stats.late)
        self._rerouted.inc(stats.rerouted)
        self._chunk.observe(seconds)
        for origin, waits in stats.first_contacts.items():
            self._first_contact.observe(waits, self.origins(origin))
        if stats.detection_delays:
            self._delay.observe(stats.detection_delays)
        if stats.freshness is not None:
            self._freshness.observe(stats.freshness)


def live_partitions(settings: StreamsSettings) -> int:
    """Through how many partitions heartbeats go, over all workers: none in history."""
    return settings.partitions if settings.clock == "wall" else 0


def info_of(settings: StreamsSettings, policy: Policy) -> dict[str, str]:
    """What this worker follows; `digest` is of the content of the policy file."""
    return {"clock": settings.clock, "policy": policy.version, "digest": policy.digest}


def register_process_info(registry: CollectorRegistry, settings: StreamsSettings, policy: Policy) -> Info:
    """What seldom changes while the process lives, and the room that its state has left."""
    about = Info("leadloop_streams", "Clock of this worker; version and digest of its policy.", registry=registry)
    about.info(info_of(settings, policy))
    if settings.store == "rocks":
        free = Gauge("leadloop_store_free_bytes", "Free bytes on the disk of the state.", registry=registry)
        free.set_function(lambda: shutil.disk_usage(settings.data_dir).free)
    return about
