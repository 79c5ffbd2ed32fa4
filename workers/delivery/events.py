"""What delivery has to know of an event, whatever its kind."""

from schemas.events import LeadRecycled


def sent_until(event: LeadRecycled) -> int | None:
    """From when on nothing may be sent, epoch ms; None: no end is known. A REVOKE is always sent."""
    return event.expires_at if event.action == "RECYCLE" else None
