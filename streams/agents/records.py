"""What streams decided, as records: pure, and the same bytes however often it is told.

`recorded_at` of our own records is their `occurred_at`, not the wall clock: a repeat after a crash must be the same
bytes. When a record was really published is Kafka's timestamp on it.
"""

from typing import assert_never

from msgspec.structs import replace

from schemas.events import LeadDecided, LeadRecycled, LeadSnapshot, LeadStalled
from streams.domain.deadlines import Deadline
from streams.domain.decisions import Decision, Holdout, Recycle, Retire, Revoke, Suppress
from streams.domain.facts import Stalled
from streams.domain.history import History
from streams.domain.lead import Lead, stage

SOURCE = "leadloop/streams"
DAY_MS = 86_400_000


def stalled(lead_id: str, stall: Stalled) -> LeadStalled:
    """The detector's word that a promise was broken."""
    return LeadStalled(
        event_id=stall.event_id,
        lead_id=lead_id,
        occurred_at=stall.at,
        recorded_at=stall.at,
        source=SOURCE,
        declared_by="detector",
        reason=stall.reason,
        idle_since=stall.idle_since,
    )


def recycled(lead_id: str, recycle: Recycle, lead: Lead) -> LeadRecycled:
    """What marketing automation gets: who, why, and what to do when."""
    return replace(
        _handing(lead_id, recycle, lead),
        event_id=recycle.recycle_id,
        action="RECYCLE",
        reason=recycle.reason,
        track=recycle.track,
        not_before=recycle.not_before,
    )


def revoked(lead_id: str, revoke: Revoke, lead: Lead) -> LeadRecycled:
    """The word that a recycle stands no longer."""
    return replace(_handing(lead_id, revoke, lead), event_id=revoke.event_id, action="REVOKE", cause=revoke.cause)


def _handing(lead_id: str, decision: Recycle | Revoke, lead: Lead) -> LeadRecycled:
    return LeadRecycled(
        lead_id=lead_id,
        occurred_at=decision.at,
        recorded_at=decision.at,
        source=SOURCE,
        recycle_id=decision.recycle_id,
        stall_id=decision.stall_id,
        pass_no=lead.pass_no,
        origin=lead.origin,
        campaign_id=lead.campaign_id,
        segment=lead.segment,
        account_id=lead.account_id,
        touches=lead.touches,
        days_since_created=max(0, decision.at - (lead.created_at or decision.at)) // DAY_MS,
    )


def decided(lead_id: str, decision: Decision, lead: Lead, policy_version: str) -> LeadDecided:
    """Every decision with why: also why a lead was not handed back."""
    common = LeadDecided(
        lead_id=lead_id,
        occurred_at=decision.at,
        recorded_at=decision.at,
        source=SOURCE,
        stall_id=decision.stall_id,
        pass_no=lead.pass_no,
        origin=lead.origin,
        policy_version=policy_version,
    )
    match decision:
        case Revoke(event_id, recycle_id, _, _, cause):
            return replace(common, event_id=event_id, decision="REVOKE", why=cause, recycle_id=recycle_id)
        case Recycle(recycle_id=recycle_id, reason=reason, why=why):
            return replace(
                common, event_id=recycle_id, decision="RECYCLE", why=why, reason=reason, recycle_id=recycle_id
            )
        case Holdout(event_id, _, _, reason, why):
            return replace(common, event_id=event_id, decision="HOLDOUT", why=why, reason=reason)
        case Suppress(event_id, _, _, reason, why):
            return replace(common, event_id=event_id, decision="SUPPRESS", why=why, reason=reason)
        case Retire(event_id, _, _, reason, why):
            return replace(common, event_id=event_id, decision="RETIRE", why=why, reason=reason)
        case never:
            assert_never(never)


def snapshot(lead_id: str, history: History, due: Deadline | None, now: int) -> LeadSnapshot:
    """The current truth about a lead. `now` is stream time."""
    lead, stall = history.lead, history.lead.stall
    return LeadSnapshot(
        lead_id=lead_id,
        occurred_at=lead.newest_at,
        recorded_at=now,
        source=SOURCE,
        stage=stage(lead),
        pass_no=lead.pass_no,
        created_at=lead.created_at,
        origin=lead.origin,
        campaign_id=lead.campaign_id,
        segment=lead.segment,
        owner_id=lead.owner_id,
        account_id=lead.account_id,
        first_touch_at=lead.first_touch_at,
        last_touch_at=lead.last_touch_at,
        last_progress_at=lead.last_progress_at,
        touches=lead.touches,
        stall_id=stall.stall_id if stall else "",
        stall_reason=stall.reason if stall else "",
        stalled_at=stall.at if stall else None,
        recycle_id=lead.recycle.recycle_id if lead.recycle else "",
        recycles=lead.recycles,
        due_at=due.due if due else None,
        due_reason=due.reason if due else "",
        late_facts=history.late,
    )
