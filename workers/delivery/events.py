"""The events that are delivered, recycle events and escalations, and what delivery has to know of each."""

from typing import Literal

from schemas import instants
from schemas.codec import Codec, Undecodable
from schemas.events import DeliveryResult, LeadEscalated, LeadRecycled

DeliveredEvent = LeadRecycled | LeadEscalated
DeliveryAction = Literal["RECYCLE", "REVOKE", "ESCALATE", "AT_RISK"]

RECYCLES: tuple[DeliveryAction, ...] = ("RECYCLE", "REVOKE")
ESCALATIONS: tuple[DeliveryAction, ...] = ("ESCALATE", "AT_RISK")
TOPICS = ("lead-recycled", "lead-escalated")
"""Where events are consumed from, without prefix."""


def decode_event(codec: Codec, value: bytes | None) -> DeliveredEvent:
    """Decode an event of either kind: its bytes name their schema.

    Raises:
        Undecodable: It is neither, or damaged.
        RegistryUnavailable: Its schema is not known yet, and the registry does not answer: retry later.
    """
    try:
        return codec.decode(value, LeadRecycled)
    except Undecodable as error:
        if error.reason != "wrong_record":
            raise
    return codec.decode(value, LeadEscalated)


def is_known(event: DeliveredEvent) -> bool:
    """Whether it says what to do; a newer version may have written what this one has no word for."""
    known = RECYCLES if isinstance(event, LeadRecycled) else ESCALATIONS
    return event.action in known and bool(id_of(event))


def id_of(event: DeliveredEvent) -> str:
    """The recycle_id or the escalation_id: deliveries are keyed by it, with the action."""
    return event.recycle_id if isinstance(event, LeadRecycled) else event.escalation_id


def result_key(result: DeliveryResult) -> tuple[str, str]:
    """The id and the action of the event that a result is about."""
    if result.escalation_id:
        return result.escalation_id, result.escalation
    return result.recycle_id, result.action


def sent_from(event: DeliveredEvent) -> int:
    """Before when nothing may be sent, epoch ms; 0: it may be sent at once. A REVOKE does not wait."""
    return (event.not_before or 0) if isinstance(event, LeadRecycled) and event.action == "RECYCLE" else 0


def sent_until(event: DeliveredEvent) -> int | None:
    """From when on nothing may be sent, epoch ms; None: no end is known. A REVOKE is always sent."""
    if isinstance(event, LeadEscalated):
        return event.until
    return event.expires_at if event.action == "RECYCLE" else None


def why_expired(event: DeliveredEvent) -> str:
    """Say what ends at `sent_until`."""
    ends = instants.iso(min(max(sent_until(event) or 0, 0), instants.LAST_MS))
    if isinstance(event, LeadRecycled):
        return f"the consent ends at {ends}"
    return f"sales had until {ends} to act" if event.action == "ESCALATE" else f"the promise breaks at {ends}"
