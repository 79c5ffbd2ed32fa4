"""A recycle event about no real lead, to test an endpoint with."""

from uuid import uuid4

from schemas.events import LeadRecycled

from .attempts import DeliveryRequest


def a_sample(lead_id: str, track: str, now: int) -> DeliveryRequest:
    """`now` is epoch ms. Marked as a test wherever the format allows it."""
    recycle_id = f"test-{uuid4().hex}"
    event = LeadRecycled(
        event_id=recycle_id,
        lead_id=lead_id,
        occurred_at=now,
        recorded_at=now,
        source="leadloop/test",
        action="RECYCLE",
        recycle_id=recycle_id,
        stall_id=f"test-{uuid4().hex}",
        pass_no=1,
        reason="test",
        track=track,
        origin="test",
    )
    return DeliveryRequest(event, f"{recycle_id}_recycle", 1, is_test=True)
