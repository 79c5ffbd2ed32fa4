"""The audit's own fold of the facts of one lead: plain, slow, and independent of the one that streams uses.

Written from the semantics: facts in the order of (occurred_at, rank of the kind, event_id); a report that was taken
back is left out wherever it stands; a REVOKE is known before the fold begins.
"""

from collections.abc import Callable, Iterable
from typing import assert_never

from schemas.events import (
    DealClosed,
    LeadContacted,
    LeadCreated,
    LeadDecided,
    LeadRecycled,
    LeadStalled,
    LeadUpdated,
)
from streams.domain.policy.counts import Counted

from .plain_lead import (
    BROKEN,
    CREATED,
    HELD_OUT,
    LOST,
    PROGRESSED,
    RECYCLED,
    STALLED,
    TOUCHED,
    WON,
    DueRevoke,
    PlainLead,
    PlainStall,
)

ContactCounts = Callable[[PlainLead, LeadContacted], Counted]
"""What a contact counts as for a lead: nothing, a touch, or progress."""
FoldedRecord = LeadCreated | LeadUpdated | LeadContacted | DealClosed | LeadStalled | LeadDecided | LeadRecycled

TEN_YEARS_MS = 3_653 * 86_400_000
LOST_STEP = frozenset({"no_show", "cancelled"})
"""Outcomes after which the agreed next step is gone."""
NEGLECT = frozenset({"never_assigned", "never_contacted", "no_follow_up", "no_next_step"})
"""Broken promises of sales, which any touch settles; other stalls end with progress."""
SINCE_THE_TOUCH = frozenset({"never_contacted", "no_follow_up"})
"""Promises whose clock every touch starts again; that of the others starts with progress."""
UNCOUNTED = frozenset({"won", "restated", "do_not_contact", "consent_expired"})
"""Causes of a REVOKE after which the RECYCLE counts for no limit."""
_RANKS = {LeadCreated: 0, LeadUpdated: 1, LeadContacted: 2, DealClosed: 4, LeadStalled: 5}
_RANKS_OF_DECISIONS = {"SUPPRESS": 6, "ESCALATE": 7, "HOLD": 8, "RECYCLE": 9, "HOLDOUT": 9, "RETIRE": 9, "REVOKE": 10}


def order(record: FoldedRecord) -> tuple[int, int, str]:
    """The place of a record among the facts of its lead."""
    return record.occurred_at, _rank(record), record.event_id


def fold(records: Iterable[FoldedRecord], counts: ContactCounts) -> PlainLead:
    """The lead that these records make, in whatever order they are given. No two have one event_id."""
    facts = sorted(records, key=order)
    retracted = {each.retracts for each in facts if isinstance(each, LeadUpdated) and each.retracts}
    lead = PlainLead()
    for each in facts:
        if isinstance(each, LeadRecycled) and each.action == "REVOKE":
            lead.revoked.setdefault((each.recycle_id, each.stall_id), each.cause)
    for each in facts:
        if isinstance(each, LeadDecided | LeadRecycled) or each.event_id not in retracted:
            _apply(lead, each, counts)
    return lead


def _rank(record: FoldedRecord) -> int:
    match record:
        case LeadRecycled(action=action):
            return _RANKS_OF_DECISIONS[action]
        case LeadDecided(decision=decision):
            return _RANKS_OF_DECISIONS[decision]
        case _:
            return _RANKS[type(record)]


def _apply(lead: PlainLead, fact: FoldedRecord, counts: ContactCounts) -> None:
    match fact:
        case LeadCreated():
            _created(lead, fact)
        case LeadUpdated():
            _updated(lead, fact)
        case LeadContacted():
            _contacted(lead, fact, counts(lead, fact))
        case DealClosed():
            _closed(lead, fact)
        case LeadStalled():
            _stalled(lead, fact)
        case LeadDecided():
            _decided(lead, fact)
        case LeadRecycled():
            _recycled(lead, fact)
        case never:
            assert_never(never)


def _created(lead: PlainLead, fact: LeadCreated) -> None:
    if lead.pass_no == 0:
        lead.pass_no, lead.created_at = 1, fact.occurred_at
        lead.reached |= CREATED
        owner_id = fact.owner_id or lead.owner_id
    elif lead.closed is None and lead.stall is None:  # a repeat: the pass goes on
        owner_id = fact.owner_id or lead.owner_id
    else:
        _unstall(lead, "requalified")
        _begin_pass(lead, fact.occurred_at)
        owner_id = fact.owner_id
    lead.origin, lead.campaign_id, lead.segment = fact.origin, fact.campaign_id, fact.segment
    lead.owner_id, lead.account_id = owner_id, fact.account_id
    lead.expected_amount, lead.expected_currency = fact.expected_amount, fact.currency
    lead.consent_expires_at, lead.do_not_contact = fact.consent_expires_at, fact.do_not_contact
    lead.updated_at = fact.occurred_at


def _begin_pass(lead: PlainLead, at: int) -> None:
    """What belongs to a pass begins again; recycles, wins and what is known to be revoked stay."""
    lead.passes.append(lead.current_pass)
    lead.pass_no, lead.created_at, lead.reached = lead.pass_no + 1, at, CREATED
    lead.first_touch_at = lead.last_touch_at = lead.last_progress_at = lead.next_step_at = None
    lead.first_progress_at = lead.first_stall_at = lead.closed_at = lead.amount = None
    lead.closed = lead.stall = lead.recycle = None
    lead.currency = ""
    lead.last_stall_reason = ""


def _updated(lead: PlainLead, fact: LeadUpdated) -> None:
    stall = lead.stall
    if fact.owner_id and stall is not None and (stall.declared_by, stall.reason) == ("detector", "never_assigned"):
        _unstall(lead, "moved")  # an owner is all that the lead was waiting for
    if fact.owner_id is not None:
        lead.owner_id = fact.owner_id
    if fact.segment is not None:
        lead.segment = fact.segment
    if fact.campaign_id is not None:
        lead.campaign_id = fact.campaign_id
    if fact.account_id is not None:
        lead.account_id = fact.account_id
    if fact.expected_amount is not None:
        lead.expected_amount = fact.expected_amount
    lead.expected_currency = fact.currency or lead.expected_currency
    if fact.do_not_contact != "unchanged":
        lead.do_not_contact = fact.do_not_contact == "yes"
    if fact.consent == "withdrawn":
        lead.consent_expires_at = 0
    elif fact.consent != "unchanged" or fact.consent_expires_at is not None:
        lead.consent_expires_at = fact.consent_expires_at
    lead.updated_at = fact.occurred_at


def _contacted(lead: PlainLead, fact: LeadContacted, counted: Counted) -> None:
    if counted == "none" or lead.closed == "won":
        return
    if lead.stall is not None and (counted == "progress" or _is_neglected(lead, lead.stall)):
        _unstall(lead, "moved")
        lead.closed = lead.closed_at = None
        lead.last_progress_at = fact.occurred_at
    if lead.first_touch_at is None:
        lead.first_touch_at = fact.occurred_at
    lead.last_touch_at = fact.occurred_at
    lead.owner_id = fact.owner_id or lead.owner_id
    lead.reached |= TOUCHED
    if counted == "progress":
        lead.last_progress_at = fact.occurred_at
        lead.reached |= PROGRESSED
        if lead.first_progress_at is None:
            lead.first_progress_at = fact.occurred_at
    if fact.next_step_at is not None:
        lead.next_step_at = _agreed(fact.next_step_at, fact)
    elif fact.outcome in LOST_STEP:
        lead.next_step_at = None


def _is_neglected(lead: PlainLead, stall: PlainStall) -> bool:
    return lead.closed is None and stall.declared_by == "detector" and stall.reason in NEGLECT


def _closed(lead: PlainLead, fact: DealClosed) -> None:
    if lead.closed == "won":
        return
    if fact.outcome == "won":
        _unstall(lead, "won")
        lead.closed, lead.closed_at, lead.won_ever = "won", fact.occurred_at, True
        lead.amount, lead.currency = fact.amount, fact.currency
        lead.reached |= WON
        return
    _restate(lead, PlainStall(fact.event_id, fact.occurred_at, fact.reason or "lost", "close"))
    lead.closed, lead.closed_at = "lost", fact.occurred_at
    lead.reached |= LOST


def _stalled(lead: PlainLead, fact: LeadStalled) -> None:
    if fact.declared_by != "detector":
        if lead.closed != "won":
            reason, resume_at = fact.reason or "unspecified", _agreed(fact.resume_at, fact)
            _restate(lead, PlainStall(fact.event_id, fact.occurred_at, reason, "sales", resume_at))
        return
    if lead.closed is None and lead.stall is None and not _is_void(lead, fact):
        _stall(
            lead, PlainStall(fact.event_id, fact.occurred_at, fact.reason, "detector", _agreed(fact.resume_at, fact))
        )


def _is_void(lead: PlainLead, fact: LeadStalled) -> bool:
    """Whether the promise was kept before the detector declared it broken."""
    idle_since = fact.idle_since or 0
    is_touched, has_owner = lead.first_touch_at is not None, lead.owner_id != ""
    match fact.reason:
        case "never_contacted" if is_touched:
            return True
        case "never_assigned" if is_touched or has_owner:
            return True
        case "no_next_step" if (lead.next_step_at or 0) > idle_since:
            return True
    started = lead.last_touch_at if fact.reason in SINCE_THE_TOUCH else lead.last_progress_at
    if started is None:
        started = lead.created_at
    return (started or 0) > idle_since


def _restate(lead: PlainLead, said: PlainStall) -> None:
    """What a person says takes the place of the detector's word, and of any older one."""
    stall = lead.stall
    if stall is not None and stall.declared_by != "detector" and _is_same(stall, said):
        return
    _unstall(lead, "restated")
    _stall(lead, said)


def _is_same(one: PlainStall, other: PlainStall) -> bool:
    return (one.reason, one.resume_at) == (other.reason, other.resume_at)


def _stall(lead: PlainLead, stall: PlainStall) -> None:
    lead.stall, lead.last_stall_reason = stall, stall.reason
    lead.reached |= STALLED | (BROKEN if stall.declared_by == "detector" else 0)
    if lead.first_stall_at is None:
        lead.first_stall_at = stall.at


def _unstall(lead: PlainLead, cause: str) -> None:
    if lead.recycle is not None:
        lead.due_revokes.append(DueRevoke(lead.recycle, cause))
    lead.stall = lead.recycle = None


def _decided(lead: PlainLead, fact: LeadDecided) -> None:
    stall = lead.stall
    if stall is not None and stall.is_open and stall.stall_id == fact.stall_id:
        stall.decided = fact
        if fact.decision == "HOLDOUT":
            lead.reached |= HELD_OUT


def _recycled(lead: PlainLead, fact: LeadRecycled) -> None:
    if fact.action == "REVOKE":
        return
    stall, cause = lead.stall, lead.revoked.get((fact.recycle_id, fact.stall_id))
    if stall is None or not stall.is_open or stall.stall_id != fact.stall_id:
        if cause is None:
            lead.due_revokes.append(DueRevoke(fact, "void"))
        return
    if cause in UNCOUNTED:
        if cause == "won":  # marketing did get the lead
            lead.reached |= RECYCLED
        return
    lead.recycled_at, lead.recycles = fact.occurred_at, lead.recycles + 1
    lead.reached |= RECYCLED
    if cause is None:
        lead.recycle, stall.decided = fact, fact


def _agreed(at: int | None, fact: LeadContacted | LeadStalled) -> int | None:
    """A date that was agreed; none if it is more than ten years ahead, which is how systems write "none"."""
    return None if at is None or at - fact.occurred_at > TEN_YEARS_MS else max(at, 0)
