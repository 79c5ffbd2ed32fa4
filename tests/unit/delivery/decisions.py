"""What `admit` decides about a delivery, with an index that knows what a test says."""

from typing import Any

from schemas.events import DeliveryResult
from tests.unit.delivery.builders import NOW
from workers.delivery.core.admission import Admission, admit
from workers.delivery.core.delivery_index import DeliveryIndex
from workers.delivery.core.model import Availability
from workers.delivery.core.owned_partition import Delivery
from workers.delivery.core.schedule import Schedule

SCHEDULE = Schedule()
DAY = 86_400_000


def decision(
    delivery: Delivery,
    index: DeliveryIndex | None = None,
    availability: Availability = Availability.ACTIVE,
    at: int = NOW,
) -> Admission:
    if index is not None:
        delivery.partition.index = index
    return admit(delivery, availability, at, SCHEDULE)


def knowing(outcome: Any, action: Any = "RECYCLE", attempts: int = 1, at: int = NOW) -> DeliveryIndex:
    index = DeliveryIndex()
    index.result(
        DeliveryResult(
            endpoint="nurture", recycle_id="r1", action=action, outcome=outcome, attempts=attempts, occurred_at=at
        )
    )
    return index
