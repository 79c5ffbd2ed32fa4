"""The lead of a document, as the domain has it: the fold of its timeline, or where that is not whole, of its snapshot.

A timeline is whole if folding it gives what the snapshot says. It is not if older records had expired when the read
model was filled; then the timeline only adds what the snapshot lacks, as far as it is still there.
"""

from collections.abc import Iterable
from typing import NamedTuple

from schemas.codec import Codec
from schemas.events import LeadDecided, LeadEscalated, LeadSnapshot
from streams.domain.apply import fold
from streams.domain.fact_of_record import fact_of
from streams.domain.facts import Contacted, Decided, Fact, Warned, counted_by
from streams.domain.lead import Lead, stage
from streams.domain.lead_fold import warning_id
from streams.domain.lead_history import LeadHistory
from streams.domain.policy import Policy

from .lead_document import ENTRY_KINDS, LeadDocument, TimelineEntry
from .snapshot_lead import DECIDED_AS, completed_lead

UNBOUNDED = 1_000_000


class RebuiltLead(NamedTuple):
    """A lead, and whether all of its records that matter are known."""

    history: LeadHistory
    is_whole: bool


def rebuilt_lead(
    document: LeadDocument, snapshot: LeadSnapshot, codec: Codec, policy: Policy | None = None
) -> RebuiltLead:
    """Rebuild the lead of a document.

    Args:
        document: Of the read model.
        snapshot: The one in it, decoded.
        codec: Decodes the records in it.
        policy: What contacts count as; None: as by default.
    """
    facts = _facts(document, codec, with_how=policy is not None and policy.says_what_counts)
    history = LeadHistory(UNBOUNDED)
    for place, fact in enumerate(facts):
        if policy is not None and type(fact) is Contacted and fact.how is not None:
            facts[place] = counted_by(fact, policy.counts_of(history.lead))
        history.add(facts[place])
    if _agrees(history.lead, snapshot) or _agrees(fold(_until(snapshot.occurred_at, facts)), snapshot):
        return RebuiltLead(history, is_whole=True)
    lead = completed_lead(snapshot, facts)
    return RebuiltLead(LeadHistory(UNBOUNDED, lead, lead), is_whole=False)


def decisions_of(document: LeadDocument, codec: Codec) -> list[LeadDecided]:
    """The decisions of a document, oldest first."""
    return [codec.decode(entry.value, LeadDecided) for entry in document.decisions]


def _facts(document: LeadDocument, codec: Codec, *, with_how: bool) -> list[Fact]:
    """The facts of a timeline in their order."""
    facts = [_fact(entry, codec, with_how=with_how) for entry in (*document.facts, *document.recycles)]
    facts += [_decided(one) for one in decisions_of(document, codec) if one.decision in _OTHERS]
    escalations = [codec.decode(entry.value, LeadEscalated) for entry in document.escalations]
    starts = {fact.at for fact in facts}
    facts += [_warned(one, starts) for one in escalations if one.action == "AT_RISK"]
    return sorted(facts, key=lambda fact: fact.order)


_OTHERS = DECIDED_AS.keys() - {"RECYCLE"}
"""Decisions that are a fact of the lead by themselves; of the rest, the record in `lead-recycled` is."""


def _fact(entry: TimelineEntry, codec: Codec, *, with_how: bool) -> Fact:
    record = codec.decode(entry.value, ENTRY_KINDS[entry.kind])
    return fact_of(record, with_how=with_how)  # type: ignore[arg-type]  # these lists of a document have no other kinds


def _decided(record: LeadDecided) -> Decided:
    return Decided(record.occurred_at, record.event_id, DECIDED_AS[record.decision], record.stall_id)


def _warned(record: LeadEscalated, starts: Iterable[int]) -> Warned:
    """The warning; its record does not have the start of its clock, of which its id is made."""
    known = (at for at in starts if warning_id(record.lead_id, record.pass_no, record.reason, at) == record.event_id)
    return Warned(record.occurred_at, record.event_id, record.reason, next(known, 0))


def _until(at: int, facts: Iterable[Fact]) -> list[Fact]:
    return [fact for fact in facts if fact.at <= at]


def _agrees(lead: Lead, snapshot: LeadSnapshot) -> bool:
    return _milestones(lead) == _milestones_of(snapshot) and lead.touches >= snapshot.touches


def _milestones(lead: Lead) -> tuple[object, ...]:
    stall = lead.stall
    return (
        (stage(lead), lead.pass_no, lead.created_at, lead.owner_id, lead.reached, lead.last_stall_reason),
        (stall.stall_id, stall.at, stall.decided) if stall else None,
        (lead.recycle.recycle_id if lead.recycle else "", lead.recycles, len(lead.passes)),
        (lead.do_not_contact, lead.consent_expires_at, lead.expected_amount),
    )


def _milestones_of(lead: LeadSnapshot) -> tuple[object, ...]:
    return (
        (lead.stage, lead.pass_no, lead.created_at, lead.owner_id, lead.reached, lead.last_stall_reason),
        (lead.stall_id, lead.stalled_at, DECIDED_AS.get(lead.decision)) if lead.stall_id else None,
        (lead.recycle_id, lead.recycles, len(lead.passes)),
        (lead.do_not_contact, lead.consent_expires_at, lead.expected_amount),
    )
