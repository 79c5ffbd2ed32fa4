"""What a record says, as the fact that the fold takes; and what makes a record invalid."""

from functools import lru_cache
from typing import assert_never
from unicodedata import normalize

from schemas.events import (
    DealClosed,
    FactRecord,
    LeadContacted,
    LeadCreated,
    LeadRecycled,
    LeadStalled,
    LeadUpdated,
)
from schemas.instants import DISTANT_MS
from schemas.topics import MAX_LEAD_ID

from .errors import Poison
from .facts import (
    LAST_AT,
    MAX_TEXT,
    NO_CONSENT,
    Closed,
    Contacted,
    Created,
    Decided,
    Fact,
    Revoked,
    Stalled,
    Updated,
)
from .policy.counts import DEFAULT_COUNTING

LOST_STEP = frozenset({"no_show", "cancelled"})
"""Outcomes after which the agreed next step is gone."""
_counted = lru_cache(maxsize=4_096)(DEFAULT_COUNTING.touch)


def fact_of(record: FactRecord, *, with_how: bool = False) -> Fact:
    """Take from a record what the fold needs; for a contact `with_how`, if the policy says what counts.

    Raises:
        Poison: The record lacks what makes it a fact, or says something this version does not know.
            Dead-letter it; the rest of the partition is not concerned.
    """
    _check(record)
    match record:
        case LeadContacted():
            return _contacted(record, with_how=with_how)
        case LeadCreated():
            return _created(record)
        case LeadStalled():
            return _stalled(record)
        case DealClosed():
            return _closed(record)
        case LeadRecycled():
            return _recycled(record)
        case LeadUpdated():
            return _updated(record)
        case never:
            assert_never(never)


def _check(record: FactRecord) -> None:
    if not record.event_id:
        raise Poison("no_event_id", "a fact needs an event_id, by which a repeat is known")
    if not record.lead_id:
        raise Poison("no_lead_id", "a fact needs the lead_id of its lead")
    if len(record.lead_id) > MAX_LEAD_ID:
        raise Poison("lead_id_too_long", f"{len(record.lead_id)} characters, at most {MAX_LEAD_ID}")
    _texts(record.event_id)
    if record.occurred_at <= 0:
        raise Poison("no_time", f"occurred_at is {record.occurred_at}, not epoch milliseconds")
    if record.occurred_at >= LAST_AT:
        raise Poison("time_out_of_range", f"occurred_at is {record.occurred_at}: milliseconds, not micros?")


def _texts(*texts: str) -> None:
    for text in texts:
        if len(text) > MAX_TEXT:
            raise Poison("text_too_long", f"{len(text)} characters in one field, at most {MAX_TEXT}")


def _bounded(at: int | None) -> int | None:
    return at if at is None else min(max(at, 0), LAST_AT)


def _agreed(at: int | None, occurred_at: int) -> int | None:
    # 9999-12-31 and 2099-12-31 are what many systems write for "none".
    return None if at is None or at - occurred_at > DISTANT_MS else max(at, 0)


def _composed(text: str) -> str:
    # Equal on the screen is equal in rules and reasons of the policy, which is composed as well.
    return text if text.isascii() else normalize("NFC", text)


def _created(record: LeadCreated) -> Created:
    _texts(record.origin, record.campaign_id, record.segment, record.owner_id, record.account_id, record.currency)
    return Created(
        record.occurred_at,
        record.event_id,
        _composed(record.origin),
        _composed(record.campaign_id),
        _composed(record.segment),
        _composed(record.owner_id),
        _composed(record.account_id),
        record.consent_expires_at,
        record.do_not_contact,
        record.expected_amount,
        record.currency,
    )


def _composed_change(text: str | None) -> str | None:
    return None if text is None else _composed(text)


def _updated(record: LeadUpdated) -> Updated:
    names = record.owner_id, record.segment, record.campaign_id, record.account_id
    _texts(*(name for name in names if name), record.retracts, record.currency)
    is_withdrawn = record.consent == "withdrawn"
    return Updated(
        record.occurred_at,
        record.event_id,
        owner_id=_composed_change(record.owner_id),
        segment=_composed_change(record.segment),
        campaign_id=_composed_change(record.campaign_id),
        account_id=_composed_change(record.account_id),
        has_consent=record.consent != "unchanged" or record.consent_expires_at is not None,
        consent_expires_at=NO_CONSENT if is_withdrawn else record.consent_expires_at,
        do_not_contact=None if record.do_not_contact == "unchanged" else record.do_not_contact == "yes",
        expected_amount=record.expected_amount,
        retracts=record.retracts,
        currency=record.currency,
    )


def _contacted(record: LeadContacted, *, with_how: bool) -> Contacted:
    _texts(record.owner_id)
    how = (record.by, record.activity, record.direction, record.outcome)
    counted = _counted(*how)
    return Contacted(
        record.occurred_at,
        record.event_id,
        counted == "none",
        counted == "progress",
        _agreed(record.next_step_at, record.occurred_at),
        _composed(record.owner_id),
        record.outcome in LOST_STEP,
        how if with_how else None,
    )


def _closed(record: DealClosed) -> Closed:
    _texts(record.reason, record.currency)
    if record.outcome == "unknown":
        raise Poison("unknown_outcome", "a deal is closed as won or as lost")
    at, reason = record.occurred_at, _composed(record.reason) or "lost"
    return Closed(at, record.event_id, record.outcome == "won", reason, record.amount, record.currency)


def _stalled(record: LeadStalled) -> Stalled:
    _texts(record.reason)
    at, event_id = record.occurred_at, record.event_id
    resume_at = _agreed(record.resume_at, at)
    if record.declared_by != "detector":
        return Stalled(at, event_id, "sales", _composed(record.reason) or "unspecified", 0, resume_at)
    if not record.reason:
        raise Poison("no_reason", "the detector's stall names the clock that ran out")
    if record.idle_since is None:
        raise Poison("no_idle_since", "the detector's stall names the start of its clock")
    return Stalled(at, event_id, "detector", record.reason, record.idle_since, resume_at)


def _recycled(record: LeadRecycled) -> Decided | Revoked:
    _texts(record.recycle_id, record.stall_id)
    if not record.recycle_id:
        raise Poison("no_recycle_id", f"{record.action} of which recycle?")
    if not record.stall_id:
        raise Poison("no_stall_id", f"{record.action} of which stall?")
    if record.action == "RECYCLE":
        not_before = _bounded(record.not_before)
        return Decided(record.occurred_at, record.recycle_id, "recycle", record.stall_id, not_before)
    if record.action == "REVOKE":
        _texts(record.cause)
        return Revoked(record.occurred_at, record.event_id, record.recycle_id, record.stall_id, record.cause)
    raise Poison("unknown_action", "a recycle event says RECYCLE or REVOKE")
