"""The series of `leadloop report` beside those of its HTTP server."""

from prometheus_client import CollectorRegistry, Gauge

from .api_models import AsOf
from .escalation_counts import OwnerCounts, OwnerLabels


class ReportMetrics:
    """How far the read model is, as its readers see it, and what became of escalations.

    Args:
        registry: Of the process.
        owners: How many owners are named in a label; 0: none.
    """

    def __init__(self, registry: CollectorRegistry, owners: int) -> None:
        self._ready = Gauge("leadloop_report_ready", "1 when a readable read model exists.", registry=registry)
        self._until = Gauge(
            "leadloop_report_complete_timestamp_seconds",
            "Time up to which the read model is complete.",
            registry=registry,
        )
        self._behind = Gauge(
            "leadloop_report_lag_records", "Records in Kafka that are not in the read model yet.", registry=registry
        )

        self._escalations = Gauge(
            "leadloop_report_escalations",
            "Escalations in the read model, by the owner to whom they were addressed and by their state.",
            ("owner", "state"),
            registry=registry,
        )
        self._labels = OwnerLabels(owners)
        self.record_escalations({})

    def record_escalations(self, owners: OwnerCounts) -> None:
        """Record how many escalations are in each state."""
        for (label, state), count in self._labels.summed(owners).items():
            self._escalations.labels(label, state).set(count)

    def record(self, as_of: AsOf | None) -> None:
        """Record the result of the latest check; None: the read model is unavailable."""
        self._ready.set(as_of is not None)
        if as_of is not None:
            self._until.set(as_of.at.timestamp() if as_of.at else 0)
            self._behind.set(as_of.behind_records)
