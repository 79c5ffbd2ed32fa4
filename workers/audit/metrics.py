"""Every series of `leadloop audit --every`, declared once."""

from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge

from .differences import KINDS
from .lead_audit import NotCheckable
from .result import AuditResult

RESULTS = ("balanced", "differing", "pending", *(why for why in get_args(NotCheckable) if why))
"""What an audit says about a lead."""


class AuditMetrics:
    """The result of the last audit that was complete. Without one, everything is 0."""

    def __init__(self, registry: CollectorRegistry, interval_seconds: float) -> None:
        self._differences = Gauge(
            "leadloop_audit_differences",
            "Differences that the last complete audit found.",
            ("kind",),
            registry=registry,
        )
        self._leads = Gauge(
            "leadloop_audit_leads", "Leads of the last complete audit, by result.", ("result",), registry=registry
        )
        self._completed = Gauge(
            "leadloop_audit_completed_timestamp_seconds",
            "When the last complete audit began; 0: there was none since the start.",
            registry=registry,
        )
        self._seconds = Gauge("leadloop_audit_seconds", "Duration of the last complete audit.", registry=registry)
        self._interval = Gauge(
            "leadloop_audit_interval_seconds", "Time between the begin of one audit and of the next.", registry=registry
        )
        self.failures = Counter(
            "leadloop_audit_failures", "Audits that ended early: a dependency was unavailable.", registry=registry
        )
        self._interval.set(interval_seconds)
        for kind in KINDS:
            self._differences.labels(kind)
        for one in RESULTS:
            self._leads.labels(one)

    def record(self, result: AuditResult) -> None:
        """Set the result of an audit that is complete."""
        for kind in KINDS:
            self._differences.labels(kind).set(result.differences[kind])
        of_leads: dict[str, int] = {str(why): count for why, count in result.not_checkable.items()}
        of_leads |= {"balanced": result.balanced, "differing": result.differing, "pending": result.pending}
        for one in RESULTS:
            self._leads.labels(one).set(of_leads.get(one, 0))
        self._completed.set(result.begun_at / 1000)
        self._seconds.set(result.seconds)
