"""What the tests of delivery are about, with only what matters named."""

from typing import Any

from schemas.events import LeadEscalated, LeadRecycled
from workers.delivery.core.delivery_index import DeliveryIndex
from workers.delivery.core.model import ConsumedRecord, RetryState
from workers.delivery.core.offset_tracker import OffsetTracker
from workers.delivery.core.owned_partition import Delivery, OpenRecord, OwnedPartition
from workers.delivery.events import ESCALATIONS

NOW = 1_760_000_000_000


def a_recycle(action: Any = "RECYCLE", **fields: Any) -> LeadRecycled:
    return LeadRecycled(**{"event_id": "e1", "lead_id": "lead-1", "action": action, "recycle_id": "r1", **fields})


def an_escalation(action: Any = "ESCALATE", **fields: Any) -> LeadEscalated:
    return LeadEscalated(**{"event_id": "e2", "lead_id": "lead-1", "action": action, "escalation_id": "x1", **fields})


def a_record(topic: str = "lead-recycled", offset: int = 0, **fields: Any) -> ConsumedRecord:
    given: dict[str, Any] = {"partition": 0, "key": None, "value": b"", "headers": (), "written_at": 0} | fields
    return ConsumedRecord(topic=topic, offset=offset, **given)


def a_partition(index: DeliveryIndex | None = None, *topics: str) -> OwnedPartition:
    trackers = {topic: OffsetTracker(0) for topic in topics or ("lead-recycled",)}
    return OwnedPartition(0, DeliveryIndex() if index is None else index, trackers, {})


def a_retry_state(**fields: Any) -> RetryState:
    return RetryState(**{"endpoint": "nurture", "published_at": NOW, "first_at": NOW, **fields})


def a_delivery(action: Any = "RECYCLE", event: dict[str, Any] | None = None, **retry: Any) -> Delivery:
    """Of a record that is open, on a partition whose index knows nothing."""
    partition, record = a_partition(), a_record()
    record_of = OpenRecord(record, partition.trackers[record.topic])
    make = an_escalation if action in ESCALATIONS else a_recycle
    return Delivery(make(action, **(event or {})), a_retry_state(**retry), record_of, partition)
