"""Every series of ingest, declared once."""

from collections.abc import Iterable
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from .rejections import RejectionReason
from .validation import KINDS

DEAD_REASONS = (
    "not_json",
    "unmapped",
    "unfit",
    "gap",
    "merge",
    "privacy_deletion",
    "not_an_item",
    "too_large",
    "too_many",
)
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class IngestMetrics:
    """Counts events and webhook items by result, and times the broker's acknowledgements."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"leadloop_ingest_{name}", text, labels, registry=registry)

        self._accepted = counter("accepted", "Posted facts acknowledged by the broker, by kind.", "kind")
        self._rejected = counter("rejected", "Posted events rejected as invalid, by their first error.", "reason")
        self._deferred = counter(
            "deferred", "Requests that the client has to retry, by the cause (broker, queue, rate).", "by"
        )
        self._dead = counter("dead_letters", "Webhook items that cannot become facts.", "system", "reason")
        self._ignored = counter("ignored", "Webhook items ignored by configuration.", "system")
        self.in_flight = Gauge(
            "leadloop_ingest_records_in_flight",
            "Records sent that the broker has not acknowledged yet.",
            registry=registry,
        )
        self.broker_up = Gauge(
            "leadloop_ingest_broker_up", "1 when the broker answered the last check.", registry=registry
        )
        self.ack = Histogram(
            "leadloop_ingest_ack_seconds",
            "Seconds from sending the records of a request to the broker's last ack.",
            (),
            buckets=_BUCKETS,
            registry=registry,
        )
        for kind in KINDS:
            self._accepted.labels(kind)
        for reason in get_args(RejectionReason):
            self._rejected.labels(reason)
        for by in ("broker", "queue", "rate"):
            self._deferred.labels(by)

    def initialise(self, systems: Iterable[str]) -> None:
        """Create the series of these systems at zero, so that rates are exact from the first increment."""
        for system in systems:
            self._ignored.labels(system)
            for reason in DEAD_REASONS:
                self._dead.labels(system, reason)

    def accepted(self, kind: str, count: int) -> None:
        self._accepted.labels(kind).inc(count)

    def rejected(self, reason: RejectionReason) -> None:
        self._rejected.labels(reason).inc()

    def deferred(self, by: str) -> None:
        self._deferred.labels(by).inc()

    def dead(self, system: str, reason: str) -> None:
        self._dead.labels(system, reason).inc()

    def ignored(self, system: str, count: int) -> None:
        self._ignored.labels(system).inc(count)
