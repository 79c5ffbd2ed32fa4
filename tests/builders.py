"""Records for tests: a test names only what matters to it."""

from typing import Any
from uuid import uuid4

from schemas.events import DealClosed, LeadContacted, LeadCreated, LeadStalled

DAY = 86_400_000
T0 = 1_760_000_000_000
"""A moment in the past (2025-10-09); times in tests count from here."""


def _common(at: int, overrides: dict[str, Any]) -> dict[str, Any]:
    return {"event_id": uuid4().hex, "occurred_at": at, "recorded_at": at, "source": "test", **overrides}


def a_created(lead_id: str, at: int = T0, **overrides: Any) -> LeadCreated:
    return LeadCreated(lead_id=lead_id, **_common(at, {"origin": "webinar", **overrides}))


def a_contact(lead_id: str, at: int, **overrides: Any) -> LeadContacted:
    return LeadContacted(lead_id=lead_id, **_common(at, {"outcome": "no_answer", "direction": "outbound", **overrides}))


def a_reply(lead_id: str, at: int, **overrides: Any) -> LeadContacted:
    return a_contact(lead_id, at, outcome="replied", direction="inbound", by="lead", **overrides)


def a_win(lead_id: str, at: int, **overrides: Any) -> DealClosed:
    return DealClosed(lead_id=lead_id, outcome="won", **_common(at, overrides))


def a_loss(lead_id: str, at: int, **overrides: Any) -> DealClosed:
    return DealClosed(lead_id=lead_id, outcome="lost", **_common(at, {"reason": "price", **overrides}))


def a_stall(lead_id: str, at: int, **overrides: Any) -> LeadStalled:
    return LeadStalled(lead_id=lead_id, **_common(at, {"reason": "bad_timing", **overrides}))
