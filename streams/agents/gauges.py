"""Gauges of streams, computed from the live state when Prometheus scrapes."""

import time
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streams.agents.loop import PartitionLoop
from streams.agents.metrics import CLOCKS, Origins
from streams.agents.records import DECISION_OF
from streams.domain.funnel import PASS_LABELS, STEPS, WAITING
from streams.engine import Status

STAGES = ("new", "working", "stalled", "nurture", "lost", "won", "unknown")


class LoopState(Collector):
    """The gauges of the partitions that this process owns, collected in the probe thread while the loop runs."""

    def __init__(
        self, loops: dict[int, PartitionLoop], status: Callable[[], Status], origins: Origins, live_partitions: int = 0
    ) -> None:
        self._loops = loops
        self._status = status
        self._origins = origins
        self._live_partitions = live_partitions

    def collect(self) -> Iterator[Metric]:
        loops = dict(self._loops)
        yield self._leads(loops)
        yield self._funnel(loops)
        yield self._overdue(loops)
        yield self._waiting(loops)
        yield from self._time(loops)
        status = self._status()
        yield from self._worker(status)
        yield from _lag(status)
        yield from _state(status)

    def _leads(self, loops: dict[int, PartitionLoop]) -> Metric:
        family = GaugeMetricFamily("leadloop_leads", "Leads by current stage and origin.", labels=("stage", "origin"))
        sums: dict[tuple[str, ...], int] = dict.fromkeys(((stage, "unknown") for stage in STAGES), 0)
        for loop in loops.values():
            for (stage, origin), count in dict(loop.funnel.stages).items():
                label = stage, self._origins(origin)
                sums[label] = sums.get(label, 0) + count
        return _filled(family, sums)

    def _funnel(self, loops: dict[int, PartitionLoop]) -> Metric:
        family = GaugeMetricFamily(
            "leadloop_funnel_leads",
            "Passes that reached a funnel step.",
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
            "leadloop_overdue_leads",
            "Leads with a stall declared by the detector that still stands, by broken promise.",
            labels=("reason",),
        )
        sums: dict[tuple[str, ...], int] = dict.fromkeys(((reason,) for reason in CLOCKS), 0)
        for loop in loops.values():
            for reason, count in dict(loop.funnel.overdue).items():
                sums[reason,] = sums.get((reason,), 0) + count
        return _filled(family, sums)

    def _waiting(self, loops: dict[int, PartitionLoop]) -> Metric:
        family = GaugeMetricFamily(
            "leadloop_waiting_stalls",
            "Stalls that are evaluated again: at a date (HOLD, ESCALATE), or when a gate opens (SUPPRESS).",
            labels=("decision",),
        )
        sums: dict[tuple[str, ...], int] = dict.fromkeys(((DECISION_OF[decided],) for decided in WAITING), 0)
        for loop in loops.values():
            for decided, count in dict(loop.funnel.waiting).items():
                sums[DECISION_OF[decided],] += count
        return _filled(family, sums)

    def _time(self, loops: dict[int, PartitionLoop]) -> Iterator[Metric]:
        times = _by_partition("stream_timestamp_seconds", "Stream time of a partition.")
        beats = _by_partition("heartbeat_timestamp_seconds", "Send time of the last processed heartbeat.")
        waiting = _by_partition("deadlines", "Pending deadlines.")
        for number, loop in loops.items():
            times.add_metric((str(number),), loop.clock.now / 1000)
            beats.add_metric((str(number),), loop.heartbeat_at / 1000)
            waiting.add_metric((str(number),), len(loop.clock))
        yield from (times, beats, waiting)

    def _worker(self, status: Status) -> Iterator[Metric]:
        live = "Expected number of partitions with heartbeats, over all workers; 0 in history."
        yield _single("live_partitions", live, self._live_partitions)
        yield _single("ready", "1 when partitions are assigned, restored and processing.", status.is_ready())
        yield _single("group_member", "1 when Kafka accepted a commit within the last session.", status.is_member)
        for name, text, count in (
            ("assignments", "Partition assignments received from Kafka, one per rebalance.", status.assignments),
            ("refused_commits", "Commits that Kafka refused.", status.refused_commits),
        ):
            yield CounterMetricFamily(f"leadloop_{name}", text, value=count)


def _lag(status: Status) -> Iterator[Metric]:
    records = GaugeMetricFamily(
        "leadloop_lag_records", "Records in Kafka that are not processed yet.", labels=("topic", "partition")
    )
    seconds = _by_partition(
        "lag_seconds", "Age of the oldest unprocessed record, since Kafka received it; 0 when there is none."
    )
    now = time.time()
    for one in status.partitions:
        seconds.add_metric((str(one.number),), max(0.0, now - one.oldest_at / 1000) if one.oldest_at else 0.0)
        for topic in one.ends:
            records.add_metric((topic, str(one.number)), one.lag(topic))
    yield from (records, seconds)


def _state(status: Status) -> Iterator[Metric]:
    left = _by_partition("recovering_records", "Changelog records left to read before the partition is recovered.")
    ready = _by_partition("partition_ready", "1 when the partition is recovered and processes records.")
    leads = _by_partition("state_leads", "Approximate number of leads in the state.")
    for one in status.partitions:
        left.add_metric((str(one.number),), one.remaining or 0)
        ready.add_metric((str(one.number),), one.is_ready)
        leads.add_metric((str(one.number),), one.keys)
    yield from (left, ready, leads)


def _by_partition(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"leadloop_{name}", text, labels=("partition",))


def _single(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"leadloop_{name}", text, value=float(value))


def _filled(family: GaugeMetricFamily, sums: Mapping[tuple[str, ...], int]) -> Metric:
    for labels, count in sums.items():
        family.add_metric(labels, count)
    return family
