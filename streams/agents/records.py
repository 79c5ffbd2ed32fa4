"""What streams decided, as records: pure, and the same bytes however often it is told.

`recorded_at` of our own records is their `occurred_at`, not the wall clock: a repeat after a crash must be the same
bytes. When a record was really published is Kafka's timestamp on it.
"""

from typing import assert_never

from schemas.events import Decision, LeadDecided, LeadEscalated, LeadRecycled, LeadSnapshot, LeadStalled, PastPass
from streams.domain.deadlines import HELD, Deadline
from streams.domain.decisions import AtRisk, Escalate, Hold, Holdout, Recycle, Retire, Revoke, StallDecision, Suppress
from streams.domain.facts import DecidedAs, Stalled
from streams.domain.lead import Lead, PassSummary, stage
from streams.domain.lead_history import LeadHistory
from streams.domain.policy import Policy

SOURCE = "leadloop/streams"
DAY_MS = 86_400_000
DECISIONS: dict[type[StallDecision], Decision] = {
    Recycle: "RECYCLE",
    Holdout: "HOLDOUT",
    Suppress: "SUPPRESS",
    Hold: "HOLD",
    Escalate: "ESCALATE",
    Retire: "RETIRE",
    Revoke: "REVOKE",
}
DECISION_OF: dict[DecidedAs | None, Decision] = {
    None: "UNKNOWN",
    "recycle": "RECYCLE",
    "holdout": "HOLDOUT",
    "suppress": "SUPPRESS",
    "hold": "HOLD",
    "escalate": "ESCALATE",
    "retire": "RETIRE",
}


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
    return LeadRecycled(
        event_id=recycle.recycle_id,
        lead_id=lead_id,
        occurred_at=recycle.at,
        recorded_at=recycle.at,
        source=SOURCE,
        action="RECYCLE",
        recycle_id=recycle.recycle_id,
        stall_id=recycle.stall_id,
        pass_no=lead.pass_no,
        reason=recycle.reason,
        track=recycle.track,
        not_before=recycle.not_before,
        expires_at=recycle.expires_at,
        origin=lead.origin,
        campaign_id=lead.campaign_id,
        segment=lead.segment,
        account_id=lead.account_id,
        touches=lead.touches,
        days_since_created=_age(lead, recycle.at),
    )


def revoked(lead_id: str, revoke: Revoke, lead: Lead) -> LeadRecycled:
    """The word that a recycle stands no longer."""
    return LeadRecycled(
        event_id=revoke.event_id,
        lead_id=lead_id,
        occurred_at=revoke.at,
        recorded_at=revoke.at,
        source=SOURCE,
        action="REVOKE",
        recycle_id=revoke.recycle_id,
        stall_id=revoke.stall_id,
        pass_no=lead.pass_no,
        origin=lead.origin,
        campaign_id=lead.campaign_id,
        segment=lead.segment,
        account_id=lead.account_id,
        touches=lead.touches,
        days_since_created=_age(lead, revoke.at),
        cause=revoke.cause,
    )


def escalated(lead_id: str, what: Escalate | AtRisk, lead: Lead, policy: Policy) -> LeadEscalated:
    """What sales' tools get: a promise was broken and until when they may act, or when it will break."""
    return LeadEscalated(
        event_id=what.event_id,
        lead_id=lead_id,
        occurred_at=what.at,
        recorded_at=what.at,
        source=SOURCE,
        action="ESCALATE" if isinstance(what, Escalate) else "AT_RISK",
        escalation_id=what.event_id,
        stall_id=what.stall_id if isinstance(what, Escalate) else "",
        pass_no=lead.pass_no,
        reason=what.reason,
        until=what.until,
        origin=lead.origin,
        campaign_id=lead.campaign_id,
        segment=lead.segment,
        owner_id=policy.intake.addressee(lead.owner_id, what.at),
        account_id=lead.account_id,
        touches=lead.touches,
        days_since_created=_age(lead, what.at),
        lead_owner_id=lead.owner_id,
    )


def _age(lead: Lead, at: int) -> int:
    return max(0, at - (lead.created_at or at)) // DAY_MS


def decided(lead_id: str, decision: StallDecision, lead: Lead, policy: Policy) -> LeadDecided:
    """Every decision with why: also why a lead was not handed back."""
    event_id, recycle_id, reason, why = _described(decision)
    return LeadDecided(
        event_id=event_id,
        lead_id=lead_id,
        occurred_at=decision.at,
        recorded_at=decision.at,
        source=SOURCE,
        decision=DECISIONS[type(decision)],
        why=why,
        stall_id=decision.stall_id,
        recycle_id=recycle_id,
        pass_no=lead.pass_no,
        reason=reason,
        origin=lead.origin,
        policy_version=policy.version,
        policy_digest=policy.digest,
        until=decision.until if isinstance(decision, Hold | Escalate) else None,
    )


def _described(decision: StallDecision) -> tuple[str, str, str, str]:
    """Id, recycle, reason and why of a decision."""
    match decision:
        case Recycle():
            return decision.recycle_id, decision.recycle_id, decision.reason, decision.why
        case Revoke():
            return decision.event_id, decision.recycle_id, "", decision.cause
        case Holdout() | Suppress() | Retire() | Hold() | Escalate():
            return decision.event_id, "", decision.reason, decision.why
        case never:
            assert_never(never)


def snapshot(lead_id: str, history: LeadHistory, due: Deadline | None, now: int) -> LeadSnapshot:
    """The current truth about a lead. `now` is stream time."""
    lead, stall = history.lead, history.lead.stall
    is_held = due is not None and due.reason == HELD
    broken = None if is_held else due
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
        due_at=broken.breaks_at if broken else None,
        due_reason=broken.reason if broken else "",
        until=due.due if due is not None and is_held else None,
        decision=DECISION_OF[stall.decided if stall else None],
        do_not_contact=lead.do_not_contact,
        consent_expires_at=lead.consent_expires_at,
        expected_amount=lead.expected_amount,
        late_facts=history.late,
        reached=lead.reached,
        last_stall_reason=lead.last_stall_reason,
        passes=tuple(map(_past, lead.passes)) if lead.passes else (),
        expected_currency=lead.expected_currency,
        first_progress_at=lead.first_progress_at,
        first_stall_at=lead.first_stall_at,
        closed_at=lead.closed_at,
        amount=lead.amount,
        currency=lead.currency,
    )


def _past(over: PassSummary) -> PastPass:
    return PastPass(
        pass_no=over.pass_no,
        created_at=over.created_at,
        origin=over.origin,
        campaign_id=over.campaign_id,
        owner_id=over.owner_id,
        stall_reason=over.stall_reason,
        reached=over.reached,
        first_touch_at=over.first_touch_at,
        first_progress_at=over.first_progress_at,
        first_stall_at=over.first_stall_at,
        closed_at=over.closed_at,
        amount=over.amount,
        currency=over.currency,
    )
