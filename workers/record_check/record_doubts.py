"""Values that streams accepts and that are probably a mistake."""

import re
from collections.abc import Iterator

from schemas.catalogue import schema_of
from schemas.events import DealClosed, FactRecord, LeadContacted, LeadCreated, LeadRecycled, LeadStalled, LeadUpdated
from schemas.instants import EARLIEST_MS, LATEST_MS, iso, unit_of
from streams.domain.policy import Policy
from streams.runtime.documents import did_you_mean
from workers.values.identifiers import fault_of_id

_ROUNDED = re.compile(r"\d+(\.\d+)?[eE]\+?\d+|\d+\.0+")
_CURRENCY = re.compile(r"[A-Z]{3}")
_CHANGES = ("owner_id", "segment", "campaign_id", "account_id", "consent_expires_at", "expected_amount")


def doubts_about(record: FactRecord, policy: Policy, now: int) -> list[str]:
    """What is doubtful about a record that can be decoded, in sentences.

    Args:
        record: The record.
        policy: Names the reasons.
        now: Of the wall clock, epoch ms.
    """
    return [*_about_ids(record), *_about_times(record, now), *_about_kind(record, policy)]


def _about_ids(record: FactRecord) -> Iterator[str]:
    for name in ("event_id", "lead_id"):
        value = getattr(record, name)
        if value != value.strip():
            yield f"{name} has blanks around it: ids are compared exactly"
        if _ROUNDED.fullmatch(value):
            yield f"{name} {value} looks like a number that a spreadsheet rounded"
        elif fault := fault_of_id(value):
            yield f"{name} {value!r} would be refused by ingest and imports: {fault.reason}"
    if record.event_id.isdigit():
        yield f"event_id {record.event_id} is a plain number, which another system may use: put a name in front of it"
    if record.event_id == record.lead_id != "":
        yield "event_id is the lead_id: every further fact of this lead would be taken for a repeat"
    if not record.source:
        yield "source is empty: nobody can see where the fact came from"


def _about_times(record: FactRecord, now: int) -> Iterator[str]:
    for name in _times_of(record):
        at = getattr(record, name)
        if at is None or (at == 0 and name == "recorded_at"):
            continue
        if at < EARLIEST_MS and name == "recorded_at":  # of other fields, streams refuses such a time
            yield f"recorded_at {at} is {_text(at)}: is it in {unit_of(at) or 'another unit'}?"
        elif at > LATEST_MS and name != "occurred_at":
            yield f"{name} is {_text(at)}: if that means never, leave it null"
    if now < record.occurred_at:
        yield f"occurred_at is {_text(record.occurred_at)}, ahead of the clock: at most ten minutes are accepted"
    for name in ("next_step_at", "resume_at", "consent_expires_at"):
        at = getattr(record, name, None)
        if at is not None and EARLIEST_MS <= at <= record.occurred_at:
            yield f"{name} is {_text(at)}, which is not after occurred_at"


def _times_of(record: FactRecord) -> Iterator[str]:
    for field in schema_of(type(record))["fields"]:
        if "Epoch milliseconds" in field["doc"]:
            yield field["name"]


def _text(at: int) -> str:
    try:
        return iso(at)
    except (OverflowError, ValueError, OSError):
        return "no date"


def _about_kind(record: FactRecord, policy: Policy) -> Iterator[str]:
    match record:
        case LeadCreated(origin=""):
            yield "origin is empty: policies and reports cannot tell the channel"
            yield from _about_money(record.expected_amount, record.currency, "expected_amount")
        case LeadCreated():
            yield from _about_money(record.expected_amount, record.currency, "expected_amount")
        case LeadUpdated():
            yield from _about_update(record)
        case LeadContacted(by="lead", direction="unknown" | "outbound"):
            yield "by is lead, but direction is not inbound: without it, this is a touch and no progress"
        case LeadStalled():
            yield from _about_stall(record, policy)
        case DealClosed():
            yield from _about_money(record.amount, record.currency, "amount")
            if record.outcome == "lost":
                yield from _about_reason(record.reason or "lost", policy)
        case LeadRecycled():
            yield "only streams publishes to lead-recycled"


def _about_update(record: LeadUpdated) -> Iterator[str]:
    if not _changes_anything(record):
        yield "nothing is changed or retracted"
    yield from _about_money(record.expected_amount, record.currency, "expected_amount")


def _changes_anything(record: LeadUpdated) -> bool:
    is_flagged = record.consent != "unchanged" or record.do_not_contact != "unchanged"
    return is_flagged or bool(record.retracts) or any(getattr(record, name) is not None for name in _CHANGES)


def _about_stall(record: LeadStalled, policy: Policy) -> Iterator[str]:
    if record.declared_by == "detector":
        yield "declared_by is detector: only streams declares broken promises"
    else:
        yield from _about_reason(record.reason or "unspecified", policy)


def _about_reason(reason: str, policy: Policy) -> Iterator[str]:
    if not policy.is_named(reason):
        hint = did_you_mean(reason, policy.reasons)
        yield f"reason {reason!r} is not in the policy, so `otherwise` applies: {hint}"


def _about_money(amount: int | None, currency: str, name: str) -> Iterator[str]:
    if amount is None:
        return
    if not currency:
        yield f"{name} has no currency"
    if amount < 0:
        yield f"{name} is negative"
    if currency and not _CURRENCY.fullmatch(currency):
        yield f"currency {currency} is not an ISO 4217 code in capital letters"
