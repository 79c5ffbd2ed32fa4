"""What the tests of delivery are about, with only what matters named."""

from typing import Any

from schemas.events import LeadRecycled
from workers.delivery.core.model import RetryState
from workers.delivery.core.partition import Pending

NOW = 1_760_000_000_000


def a_recycle(action: Any = "RECYCLE", **fields: Any) -> LeadRecycled:
    return LeadRecycled(**{"event_id": "e1", "lead_id": "lead-1", "action": action, "recycle_id": "r1", **fields})


def a_pending(action: Any = "RECYCLE", event: dict[str, Any] | None = None, **note: Any) -> Pending:
    named = {"endpoint": "nurture", "published_at": NOW, "first_at": NOW, **note}
    return Pending(a_recycle(action, **(event or {})), RetryState(**named))
