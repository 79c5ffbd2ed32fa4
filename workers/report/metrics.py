"""The series of `leadloop report` beside those of its HTTP server."""

from prometheus_client import CollectorRegistry, Gauge

from .api_models import AsOf


class ReportMetrics:
    """How far the read model is, as its readers see it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ready = Gauge("leadloop_report_ready", "1 when a readable read model exists.", registry=registry)
        self._until = Gauge(
            "leadloop_report_complete_timestamp_seconds",
            "Time up to which the read model is complete.",
            registry=registry,
        )
        self._behind = Gauge(
            "leadloop_report_lag_records", "Records in Kafka that are not in the read model yet.", registry=registry
        )

    def record(self, as_of: AsOf | None) -> None:
        """Record the result of the latest check; None: the read model is unavailable."""
        self._ready.set(as_of is not None)
        if as_of is not None:
            self._until.set(as_of.at.timestamp() if as_of.at else 0)
            self._behind.set(as_of.behind_records)
