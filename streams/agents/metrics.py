"""Every series of streams, declared once; updated per chunk, and read from live state when Prometheus asks."""

from collections.abc import Collection, Iterator, Mapping
from threading import Lock
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.codec import Reason
from streams.agents.loop import KINDS, PartitionLoop
from streams.agents.tally import Tally
from streams.domain.errors import PoisonReason
from streams.domain.funnel import PASS_LABELS, STEPS
from streams.engine import Engine

OTHER = "other"
MAX_ORIGINS = 20
STAGES = ("new", "working", "stalled", "nurture", "lost", "won", "unknown")
CLOCKS = ("never_contacted", "no_follow_up", "no_progress", "attempts_exhausted")

_HOUR, _DAY = 3600.0, 86_400.0
FIRST_CONTACT_BUCKETS = (300, 900, _HOUR, 4 * _HOUR, _DAY, 2 * _DAY, 5 * _DAY, 10 * _DAY, 30 * _DAY)
DELAY_BUCKETS = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, _HOUR, _DAY)
CHUNK_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Origins:
    """Bounds a label: the first origins seen keep their names, the rest is `other`. Safe in both threads that count."""

    def __init__(self, limit: int = MAX_ORIGINS) -> None:
        self._limit = limit
        self._names: dict[str, str] = {}
        self._lock = Lock()

    def __call__(self, origin: str) -> str:
        return self._names.get(origin) or self._new(origin)

    def _new(self, origin: str) -> str:
        with self._lock:
            if len(self._names) >= self._limit:
                return self._names.get(origin, OTHER)
            return self._names.setdefault(origin, origin or "unknown")


class Metrics:
    """The counters of this process. Collected beside them: `LoopState`, from what is in memory."""

    def __init__(self, registry: CollectorRegistry, whys: Collection[tuple[str, str]]) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"leadloop_{name}", text, labels, registry=registry)

        self.origins = Origins()
        self._whys = frozenset(whys)  # what the policy can say; reasons of upstreams beyond it are `other`
        self._facts = counter("facts", "Facts taken in, by kind.", "kind")
        self._rejected = counter("rejected", "Records sent to the dead letters.", "reason")
        self._repeats = counter("duplicate_facts", "Facts of upstreams that had been told before.")
        self._late = counter("late_facts", "Facts older than what is remembered of their lead: not folded.")
        self._rerouted = counter("rerouted", "Records published again to the partition they belong on.")
        self._stalls = counter("stalls", "Stalls declared by the detector.", "reason")
        self._decisions = counter("decisions", "Decisions told, with why.", "action", "why")
        self._first_contact = Histogram(
            "leadloop_first_contact_seconds",
            "From a lead's creation to its first touch.",
            ("origin",),
            buckets=FIRST_CONTACT_BUCKETS,
            registry=registry,
        )
        self._delay = Histogram(
            "leadloop_detection_delay_seconds",
            "From the moment a promise was broken to the moment it was declared.",
            buckets=DELAY_BUCKETS,
            registry=registry,
        )
        self._chunk = Histogram(
            "leadloop_chunk_seconds",
            "Time a chunk took, acks of the broker included.",
            buckets=CHUNK_BUCKETS,
            registry=registry,
        )
        self._freshness = Gauge(
            "leadloop_freshness_seconds",
            "Age of the newest heartbeat when it came through: what an event waits from end to end.",
            registry=registry,
        )
        self._zero()

    def _zero(self) -> None:
        for kind in KINDS.values():
            self._facts.labels(kind)
        for reason in (*get_args(Reason), *get_args(PoisonReason), "future"):
            self._rejected.labels(reason)
        for reason in CLOCKS:
            self._stalls.labels(reason)
        for action, why in self._whys:
            self._decisions.labels(action, why)
        self._first_contact.labels("unknown")

    def observe(self, tally: Tally, seconds: float) -> None:
        """Add what one chunk did, once it is acked."""
        for counts, series in (
            (tally.facts, self._facts),
            (tally.rejected, self._rejected),
            (tally.stalls, self._stalls),
        ):
            for label, count in counts.items():
                series.labels(label).inc(count)
        for (action, why), count in tally.decisions.items():
            self._decisions.labels(action, why if (action, why) in self._whys else OTHER).inc(count)
        self._repeats.inc(tally.repeats)
        self._late.inc(tally.late)
        self._rerouted.inc(tally.rerouted)
        self._chunk.observe(seconds)
        for origin, wait in tally.first_contacts:
            self._first_contact.labels(self.origins(origin)).observe(wait)
        for delay in tally.detection_delays:
            self._delay.observe(delay)
        if tally.freshness is not None:
            self._freshness.set(tally.freshness)


class LoopState(Collector):
    """Gauges out of the live state of the partitions this process owns: nothing to keep in step."""

    def __init__(self, loops: dict[int, PartitionLoop], engine: Engine, origins: Origins) -> None:
        self._loops = loops
        self._engine = engine
        self._origins = origins

    def collect(self) -> Iterator[Metric]:
        loops = dict(self._loops)
        yield self._leads(loops)
        yield self._funnel(loops)
        yield self._overdue(loops)
        yield from self._time(loops)
        yield from self._status()

    def _leads(self, loops: dict[int, PartitionLoop]) -> Metric:
        family = GaugeMetricFamily("leadloop_leads", "Leads by where they stand now.", labels=("stage", "origin"))
        sums: dict[tuple[str, ...], int] = dict.fromkeys(((stage, "unknown") for stage in STAGES), 0)
        for loop in loops.values():
            for (stage, origin), count in dict(loop.funnel.stages).items():
                label = stage, self._origins(origin)
                sums[label] = sums.get(label, 0) + count
        return _filled(family, sums)

    def _funnel(self, loops: dict[int, PartitionLoop]) -> Metric:
        family = GaugeMetricFamily(
            "leadloop_funnel_leads",
            "Journeys (passes) of leads that reached a step.",
            labels=("pass", "origin", "step"),
        )
        sums: dict[tuple[str, ...], int] = {(label, "unknown", step): 0 for label in PASS_LABELS for step in STEPS}
        for loop in loops.values():
            for (label, origin, step), count in dict(loop.funnel.steps).items():
                key = label, self._origins(origin), step
                sums[key] = sums.get(key, 0) + count
        return _filled(family, sums)

    def _overdue(self, loops: dict[int, PartitionLoop]) -> Metric:
        family = GaugeMetricFamily(
            "leadloop_overdue_leads", "Leads with a broken promise that still stands.", labels=("reason",)
        )
        sums: dict[tuple[str, ...], int] = dict.fromkeys(((reason,) for reason in CLOCKS), 0)
        for loop in loops.values():
            for reason, count in dict(loop.funnel.overdue).items():
                sums[reason,] = sums.get((reason,), 0) + count
        return _filled(family, sums)

    def _time(self, loops: dict[int, PartitionLoop]) -> Iterator[Metric]:
        times = GaugeMetricFamily(
            "leadloop_stream_timestamp_seconds", "Stream time of a partition.", labels=("partition",)
        )
        waiting = GaugeMetricFamily("leadloop_deadlines", "Deadlines that wait, by partition.", labels=("partition",))
        for number, loop in loops.items():
            times.add_metric((str(number),), loop.clock.now / 1000)
            waiting.add_metric((str(number),), len(loop.clock))
        yield from (times, waiting)

    def _status(self) -> Iterator[Metric]:
        lag = GaugeMetricFamily("leadloop_lag_records", "Records not yet taken.", labels=("topic", "partition"))
        left = GaugeMetricFamily(
            "leadloop_recovering_records",
            "Changelog left to read before a partition works.",
            labels=("partition",),
        )
        state = GaugeMetricFamily("leadloop_state_leads", "Leads a partition keeps, roughly.", labels=("partition",))
        for one in self._engine.status().partitions:
            left.add_metric((str(one.number),), one.remaining or 0)
            state.add_metric((str(one.number),), one.keys)
            for topic in one.ends:
                lag.add_metric((topic, str(one.number)), one.lag(topic))
        ready = GaugeMetricFamily("leadloop_ready", "1 when assigned, recovered and moving.")
        ready.add_metric((), float(self._engine.is_ready()))
        yield from (lag, left, state, ready)


def _filled(family: GaugeMetricFamily, sums: Mapping[tuple[str, ...], int]) -> Metric:
    for labels, count in sums.items():
        family.add_metric(labels, count)
    return family
