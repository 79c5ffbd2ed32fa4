"""Runs `leadloop audit --every`: an audit after the other, with the last result as metrics. Ends with SIGTERM."""

import logging
import threading
import time
from collections.abc import Callable

from confluent_kafka import KafkaException

from schemas.codec import Codec
from schemas.errors import UserError
from streams.runtime.logs import event, set_up_logging
from streams.runtime.probes import Probes
from streams.runtime.process import outlive_broken_pipes, process_registry
from streams.runtime.settings import AuditSettings
from streams.runtime.signals import stop_event
from streams.runtime.without_kafka import watch_brokers

from .differences import AuditDifference
from .metrics import AuditMetrics
from .result import AuditProgress, AuditResult
from .run import AuditRequest
from .whole_audit import audit_deployment

log = logging.getLogger(__name__)
STUCK_SECONDS = 600.0
RETRY_SECONDS = 60.0
"""After an audit that ended early."""
MOST_NAMED = 100
"""Differences that the log names of one audit."""


class _Stopped(Exception):
    """The process was asked to end."""


class RepeatedAudit:
    """Audits the deployment of the settings again and again.

    Args:
        audit: Makes one audit; it is given the result to fill, and what to call with the progress.
        metrics: Of the process.
        every_seconds: From the begin of one audit to the begin of the next.
        stopping: Set to end.
    """

    def __init__(
        self,
        audit: Callable[[AuditResult, Callable[[AuditProgress], None]], object],
        metrics: AuditMetrics,
        every_seconds: float,
        stopping: threading.Event,
    ) -> None:
        self._audit = audit
        self._metrics = metrics
        self._every_seconds = every_seconds
        self._stopping = stopping
        self._moved_at = time.monotonic()
        self._is_resting = False
        self.missing = ""

    @property
    def is_alive(self) -> bool:
        return self._is_resting or time.monotonic() - self._moved_at < STUCK_SECONDS

    def run(self) -> None:
        """Audit until `stopping` is set."""
        while not self._stopping.is_set():
            self._moved_at, started = time.monotonic(), time.monotonic()
            try:
                rest = self._every_seconds if self._once() else RETRY_SECONDS
            except _Stopped:
                return
            self._is_resting = True
            self._stopping.wait(max(0.0, started + rest - time.monotonic()))
            self._is_resting = False

    def _once(self) -> bool:
        """One audit; returns whether it is complete."""
        result = AuditResult(self._named(), lambda _: None)
        try:
            self._audit(result, self._moved)
        except (KafkaException, UserError) as error:
            self.missing = f"the last audit ended early: {error}"
            self._metrics.failures.inc()
            log.warning("the audit ended early, and is repeated in %.0f s: %s", RETRY_SECONDS, error)
            return False
        self.missing = ""
        self._metrics.record(result)
        if not result.is_balanced:
            log.error("%d leads differ: %s", result.differing, dict(result.differences))
        return True

    def _moved(self, _: AuditProgress) -> None:
        self._moved_at = time.monotonic()
        if self._stopping.is_set():
            raise _Stopped

    def _named(self) -> Callable[[AuditDifference], None]:
        left = iter(range(MOST_NAMED))

        def name(difference: AuditDifference) -> None:
            if next(left, None) is not None:
                about = {"what": difference.what, "found": difference.found, "expected": difference.expected}
                event(log, logging.ERROR, "a lead differs", lead=difference.lead_id, kind=difference.kind, **about)

        return name


def run_audits(
    settings: AuditSettings,
    codec: Codec,
    request: Callable[[], AuditRequest],
    every_seconds: float,
    announce: Callable[[str], object],
) -> None:
    """Audit until SIGTERM or SIGINT.

    Args:
        settings: Of this process.
        codec: Decodes the records.
        request: What to audit, asked before each audit.
        every_seconds: From the begin of one audit to the begin of the next.
        announce: Called once with a line that has the address of the metrics.
    """
    set_up_logging(settings)
    outlive_broken_pipes()
    stopping, registry = stop_event(), process_registry()
    watch_brokers(stopping.is_set, settings.kafka.librdkafka())
    audits = RepeatedAudit(
        lambda result, on_progress: audit_deployment(settings, codec, request(), result, on_progress),
        AuditMetrics(registry, every_seconds),
        every_seconds,
        stopping,
    )
    host = settings.metrics_host
    with Probes(host, settings.metrics_port, registry, lambda: audits.missing, lambda: audits.is_alive) as probes:
        announce(f"leadloop audit: metrics at http://{host}:{probes.port}/metrics")
        audits.run()
