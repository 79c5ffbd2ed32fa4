"""Every series of deliver."""

from collections import Counter as Counts
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from schemas.codec import Reason
from schemas.events import DeliveryOutcome, DeliveryResult
from schemas.headers import exemplar_of

from ..attempts import DeliveryRequest
from ..core.breaker import Circuit
from ..core.health import KINDS, kind_of
from ..core.model import Availability
from ..core.unsettled import AGES
from ..endpoint_events import LABELS
from ..events import DeliveryAction, result_key

OUTCOMES = tuple(name for name in get_args(DeliveryOutcome) if name != "unknown")
POISON = (*get_args(Reason), "bad_waiting_record", "bad_recycle", "bad_escalation")
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
TO_ACCEPTANCE = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0)
"""Five minutes is the objective, so it is an edge."""
STATES = {
    Availability.ACTIVE: 0,
    Availability.OPEN: 0,
    Availability.PAUSED: 1,
    Availability.DISABLED: 2,
    Availability.MISSING: 2,
}


class DeliveryMetrics:
    """One per process, on a registry that is handed in. `endpoints`: those that are configured, and what they get."""

    def __init__(self, registry: CollectorRegistry, endpoints: Mapping[str, Iterable[DeliveryAction]]) -> None:
        by = ("endpoint",)
        self.outcomes = Counter(
            "leadloop_deliveries",
            "Outcomes of attempts, and of deliveries that ended without an attempt",
            (*by, "action", "outcome"),
            registry=registry,
        )
        self.attempts = Counter("leadloop_delivery_attempts", "Delivery attempts", (*by, "kind"), registry=registry)
        self.seconds = Histogram(
            "leadloop_delivery_duration_seconds", "Duration of a call", by, buckets=SECONDS, registry=registry
        )
        self.to_acceptance = Histogram(
            "leadloop_delivery_acceptance_seconds",
            "Seconds from the recycle event (or its due time, if later) to its acceptance",
            by,
            buckets=TO_ACCEPTANCE,
            registry=registry,
        )
        self.waits = Counter("leadloop_delivery_waits", "Deliveries written to a waiting topic", by, registry=registry)
        self.unsettled = Gauge(
            "leadloop_deliveries_unsettled",
            "Deliveries that are due and have no final outcome, by age",
            (*by, "age"),
            registry=registry,
        )
        self.waiting = Gauge("leadloop_deliveries_waiting", "Deliveries in the waiting topics", by, registry=registry)
        self.queued = Gauge(
            "leadloop_deliveries_queued", "Deliveries queued in memory for an attempt", by, registry=registry
        )
        self.in_flight = Gauge("leadloop_delivery_calls", "Calls in flight", by, registry=registry)
        self._add_gauges(registry)
        self._endpoints = tuple(endpoints)
        for endpoint, actions in endpoints.items():
            self._begin(endpoint, actions)
        self.not_settled(())
        for source in ("redis", "local"):
            self.limiter.labels(source)
        for reason in POISON:
            self.poison.labels(reason)

    def _add_gauges(self, registry: CollectorRegistry) -> None:
        by = ("endpoint",)
        self.circuit = Gauge("leadloop_delivery_circuit", "0 closed, 1 half open, 2 open", by, registry=registry)
        self.state = Gauge("leadloop_endpoint_state", "0 active, 1 paused, 2 disabled", by, registry=registry)
        self.failures = Gauge(
            "leadloop_endpoint_failures_ratio",
            "Failed attempts in a row, as a share of those after which an endpoint counts as dead",
            by,
            registry=registry,
        )
        self.endpoint_events = Counter(
            "leadloop_endpoint_events",
            "Events about endpoints of which operators were notified",
            (*by, "event"),
            registry=registry,
        )
        self.limiter = Gauge(
            "leadloop_delivery_limiter",
            "Source of the rate limits: 1 for the one in use",
            ("source",),
            registry=registry,
        )
        self.budget_left = Gauge(
            "leadloop_delivery_budget_left",
            "Attempts that the daily budget of an endpoint still allows today; only for endpoints with one",
            by,
            registry=registry,
        )
        self.lag = Gauge(
            "leadloop_deliver_lag", "Records in Kafka that deliver has not processed yet", ("topic",), registry=registry
        )
        self.index = Gauge("leadloop_deliver_ledger_entries", "Deliveries in the index", ("kind",), registry=registry)
        self.poison = Counter(
            "leadloop_deliver_rejected",
            "Undecodable records sent to the dead-letter topic",
            ("reason",),
            registry=registry,
        )

    def _begin(self, endpoint: str, actions: Iterable[DeliveryAction]) -> None:
        for action, outcome in product(actions, OUTCOMES):
            self.outcomes.labels(endpoint, action, outcome)
        for kind in KINDS:
            self.attempts.labels(endpoint, kind)
        for event in LABELS:
            self.endpoint_events.labels(endpoint, event)
        for series in (self.waits, self.seconds, self.to_acceptance):
            series.labels(endpoint)
        for gauge in (self.waiting, self.queued, self.in_flight, self.circuit, self.state, self.failures):
            gauge.labels(endpoint)

    def settled(self, result: DeliveryResult, since: int, traceparent: str = "") -> None:
        """A result is written. `since`: when the delivery might have been sent first, epoch ms."""
        _, action = result_key(result)
        self.outcomes.labels(result.endpoint, action, result.outcome).inc()
        if result.outcome in ("accepted", "unverified") and since:
            seconds = max(0, result.occurred_at - since) / 1000
            self.to_acceptance.labels(result.endpoint).observe(seconds, exemplar_of(traceparent.encode()))

    def not_settled(self, partitions: Iterable[Mapping[tuple[str, str], int]]) -> None:
        """How old is what is open, by endpoint and age, of each partition.

        Deliveries for an endpoint that is no longer configured are not reported: it counts as disabled.
        """
        counts = dict.fromkeys(product(self._endpoints, AGES), 0)
        for by_age in partitions:
            for labels, deliveries in by_age.items():
                if labels in counts:
                    counts[labels] += deliveries
        for labels, deliveries in counts.items():
            self.unsettled.labels(*labels).set(deliveries)

    def attempted(self, endpoint: str, requests: Sequence[DeliveryRequest], seconds: float) -> None:
        for kind, count in Counts(map(kind_of, requests)).items():
            self.attempts.labels(endpoint, kind).inc(count)
        self.seconds.labels(endpoint).observe(seconds)

    def source(self, name: str) -> None:
        """Who keeps the limits now."""
        for source in ("redis", "local"):
            self.limiter.labels(source).set(source == name)

    def stands(self, endpoint: str, availability: Availability, circuit: Circuit) -> None:
        self.state.labels(endpoint).set(STATES[availability])
        self.circuit.labels(endpoint).set(int(circuit))
