"""Checks of one delivery: its outcomes, their times, and what became of the REVOKE of a RECYCLE. Pure."""

from collections.abc import Iterator

from schemas.events import LeadRecycled
from schemas.instants import bounded_iso
from workers.delivery.core.outcomes import TAKEN_BACK
from workers.delivery.events import DeliveredEvent
from workers.delivery.target import Target

from .delivery_records import ARRIVED, DeliveryKey, DeliveryTraces, NotedResult
from .differences import AuditDifference, AuditDifferenceKind

SENDING_MS = 600_000
"""Between the check of a date and the result lies the call, with its batch and its timeouts."""


def is_owed(target: Target, event: DeliveredEvent) -> bool:
    """Whether deliver leaves a trace of this event for an endpoint with this filter."""
    return target.wants(event) or target.leaves_out(event)


def lost(lead_id: str, key: DeliveryKey, traces: DeliveryTraces | None) -> AuditDifference:
    """The difference of a delivery that is neither finished, nor waits, nor is in progress."""
    found = "lost: no result, and it does not wait"
    if traces is not None and traces.results:
        last = traces.results[-1].result
        found = f"lost after attempt {last.attempts} ({last.outcome}): it does not wait"
    return _difference("undelivered", lead_id, key, found, "finished, waiting or a dead letter")


def check_outcomes(
    lead_id: str, key: DeliveryKey, traces: DeliveryTraces, event: DeliveredEvent
) -> Iterator[AuditDifference]:
    """Outcomes agree, nothing was sent before or after its time, and what was given up is a dead letter."""
    firsts = [one.result for one in traces.finals if not one.replay]  # a replay may well end otherwise
    outcomes = {one.outcome for one in firsts}
    untried = {one.outcome for one in firsts if one.outcome == "no_op" and not one.attempts}
    if outcomes & ARRIVED and (outcomes & {"refused", "dead", "expired"} or untried):
        yield _difference("contradiction", lead_id, key, " and ".join(sorted(outcomes)), "one of them")
    if any(one.result.outcome == "dead" for one in traces.finals) and not traces.has_letter:
        yield _difference("undelivered", lead_id, key, "given up without a dead letter", "a dead letter")
    start, end = _sent_between(event)
    for one in traces.arrived:
        at = one.result.occurred_at
        if at < start:
            yield _difference(
                "sent_wrongly", lead_id, key, f"sent at {bounded_iso(at)}", f"sent at {bounded_iso(start)} or later"
            )
        if end is not None and at > end + SENDING_MS:
            yield _difference(
                "sent_wrongly", lead_id, key, f"sent at {bounded_iso(at)}", f"not sent after {bounded_iso(end)}"
            )


def check_revoke(
    lead_id: str, recycle: DeliveryKey, traces: DeliveryTraces, revoke: DeliveryTraces | None, *, is_revoked: bool
) -> Iterator[AuditDifference]:
    """What arrived was taken back where it is revoked, and only there.

    Args:
        lead_id: Of the lead.
        recycle: A RECYCLE for an endpoint.
        traces: What became of it.
        revoke: What became of its REVOKE there; None: there is no trace.
        is_revoked: Whether a REVOKE was published.
    """
    if not traces.arrived:
        if not is_revoked and any(one.result.detail.startswith(TAKEN_BACK) for one in traces.finals):
            yield _difference("undelivered", lead_id, recycle, TAKEN_BACK, "sent: it was not revoked")
        return
    finals = [] if revoke is None else revoke.finals
    if finals and all(_is_untried(one) for one in finals):
        key = recycle._replace(event=recycle.event._replace(action="REVOKE"))
        yield _difference("not_taken_back", lead_id, key, "not sent", "sent: its RECYCLE arrived")
    elif finals and min(one.offset for one in finals) < max(one.offset for one in traces.arrived):
        yield _difference("sent_wrongly", lead_id, recycle, "sent after its REVOKE", "not sent")


def _sent(at: int) -> str:
    return f"sent at {bounded_iso(at)}"


def _is_untried(one: NotedResult) -> bool:
    return one.result.outcome in {"no_op", "expired"} and one.result.attempts == 0


def _sent_between(event: DeliveredEvent) -> tuple[int, int | None]:
    """When an event may be sent, epoch ms; None: there is no end."""
    if not isinstance(event, LeadRecycled):
        return 0, event.until
    return (event.not_before or 0, event.expires_at) if event.action == "RECYCLE" else (0, None)


def _difference(
    kind: AuditDifferenceKind, lead_id: str, key: DeliveryKey, found: str, expected: str
) -> AuditDifference:
    what = f"{key.event.action} {key.event.event_id} to {key.endpoint}"
    return AuditDifference(kind, lead_id, what, found, expected)
