"""An event about no real lead, to test an endpoint with."""

from typing import Any
from uuid import uuid4

from schemas.events import LeadEscalated, LeadRecycled

from .attempts import DeliveryRequest
from .target import Target

_HOUR_MS = 3_600_000


def a_sample(target: Target, lead_id: str, track: str, now: int) -> DeliveryRequest:
    """An event that the endpoint gets. `now` is epoch ms. Marked as a test wherever the format allows it."""
    event_id = f"test-{uuid4().hex}"
    about: dict[str, Any] = {
        "event_id": event_id,
        "lead_id": lead_id,
        "occurred_at": now,
        "recorded_at": now,
        "source": "leadloop/test",
        "stall_id": f"test-{uuid4().hex}",
        "pass_no": 1,
        "reason": "test",
        "origin": "test",
    }
    event: LeadRecycled | LeadEscalated
    if target.takes("RECYCLE"):
        event = LeadRecycled(action="RECYCLE", recycle_id=event_id, track=track, **about)
    else:
        event = LeadEscalated(action="ESCALATE", escalation_id=event_id, until=now + _HOUR_MS, **about)
    return DeliveryRequest(event, f"{event_id}_{event.action.lower()}", 1, is_test=True)
