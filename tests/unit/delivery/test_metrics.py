"""What deliver counts."""

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from schemas.events import DeliveryResult
from workers.delivery.events import RECYCLES
from workers.delivery.runtime.metrics import DeliveryMetrics

RESULT = DeliveryResult(endpoint="nurture", recycle_id="r1", action="RECYCLE", outcome="accepted", occurred_at=61_000)


def test_the_duration_of_a_traced_delivery_has_an_exemplar() -> None:
    registry = CollectorRegistry()
    metrics = DeliveryMetrics(registry, {"nurture": RECYCLES})
    metrics.settled(RESULT, 1_000)
    metrics.settled(RESULT, 1_000, f"00-{'ab' * 16}-{'cd' * 8}-01")
    encode, _ = choose_encoder("application/openmetrics-text; version=1.0.0")
    (line,) = [line for line in encode(registry).decode().splitlines() if "trace_id" in line]
    assert line.startswith('leadloop_delivery_acceptance_seconds_bucket{endpoint="nurture",le="60.0"} 2.0')
    assert f'{{trace_id="{"ab" * 16}"}} 60.0' in line
