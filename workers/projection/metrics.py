"""Every series of `leadloop project`, declared once."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from workers.read_model.generation import SOURCE_TOPICS

from .record_decoder import SKIPPED

WAITS = ("redis", "redis_full", "kafka", "registry")
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class ProjectMetrics:
    """What one worker did and how far it is."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._records = Counter(
            "leadloop_project_records", "Records processed into the read model.", ("topic",), registry=registry
        )
        self._skipped = Counter(
            "leadloop_project_skipped",
            "Records that concern no lead or cannot be decoded.",
            ("reason",),
            registry=registry,
        )
        self._behind = Gauge(
            "leadloop_project_lag_records",
            "Records in Kafka that are not processed yet, of the owned partitions.",
            ("topic",),
            registry=registry,
        )
        self._until = Gauge(
            "leadloop_project_complete_timestamp_seconds",
            "Time up to which the read model is complete, for the owned partitions; 0: none owned.",
            registry=registry,
        )
        self._seconds = Histogram(
            "leadloop_project_write_seconds",
            "Duration of one batch until Redis has committed it, including the fold.",
            buckets=_BUCKETS,
            registry=registry,
        )
        self.conflicts = Counter(
            "leadloop_project_conflicts",
            "Batches repeated because another worker wrote the same leads.",
            registry=registry,
        )
        self.moves = Counter(
            "leadloop_project_moves",
            "Times that Redis had unexpected positions: emptied, restored, or written by another worker.",
            registry=registry,
        )
        self._waiting = Gauge(
            "leadloop_project_waiting",
            "1 while project writes nothing because this dependency is unavailable.",
            ("what",),
            registry=registry,
        )
        self.generation = Gauge("leadloop_project_generation", "The generation being written.", registry=registry)
        self.filling = Gauge(
            "leadloop_project_filling_records",
            "Records left until readers switch to the new generation; 0: no rebuild.",
            registry=registry,
        )
        self.ready = Gauge(
            "leadloop_project_ready", "1 when partitions are assigned and being written.", registry=registry
        )
        self._zero()

    def _zero(self) -> None:
        for topic in SOURCE_TOPICS:
            self._records.labels(topic)
            self._behind.labels(topic)
        for reason in SKIPPED:
            self._skipped.labels(reason)
        self.set_waiting("")

    def record_batch(self, records: Mapping[str, int], skipped: Mapping[str, int], seconds: float) -> None:
        """Count one written batch. `records` by topic, `skipped` by reason; `seconds` is its duration."""
        for topic, count in records.items():
            self._records.labels(topic).inc(count)
        for reason, count in skipped.items():
            self._skipped.labels(reason).inc(count)
        self._seconds.observe(seconds)

    def record_freshness(self, behind: Mapping[str, int], until_ms: int) -> None:
        """Set the lag by topic, and the time up to which everything is in; 0 if no partition is owned."""
        for topic in SOURCE_TOPICS:
            self._behind.labels(topic).set(behind.get(topic, 0))
        self._until.set(until_ms / 1000)

    def set_waiting(self, what: str) -> None:
        """Set the one dependency that is waited for; none if empty."""
        for one in WAITS:
            self._waiting.labels(one).set(one == what)
