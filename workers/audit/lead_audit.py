"""The audit of one lead: recounts it from its records, and compares."""

from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

from schemas.events import LeadSnapshot, LeadUpdated
from streams.domain.policy import Policy

from .contact_counts import counts_of
from .decision_checks import check_decisions, check_gates, check_recycles
from .differences import AuditDifference
from .lead_records import LeadRecords
from .plain_fold import FoldedRecord, fold, order
from .plain_lead import PlainLead, PlainPass
from .remembered import remembered
from .retention import Retained
from .snapshot_checks import compare
from .waiting_stalls import OpenStall, StallReader, check_waiting

NotCheckable = Literal["", "expired", "deleted", "late_facts", "version_before"]
"""Why a lead cannot be recounted.

expired         the topics no longer hold everything about it
deleted         its snapshot was deleted
late_facts      facts came later than streams remembers, and are not part of its lead
version_before  it was decided by a version with other rules
"""


class CountedLead(Struct, frozen=True, gc=False):
    """What a lead contributes to the counts: its stage, its passes (the current one last), and its standing recycle."""

    stage: str
    passes: tuple[PlainPass, ...]
    is_standing: bool


class LeadAudit(Struct, frozen=True, gc=False):
    """The result about one lead. Without `not_checkable`, it balances if there are no differences."""

    lead_id: str
    differences: tuple[AuditDifference, ...] = ()
    not_checkable: NotCheckable = ""
    counted: CountedLead | None = None
    open_stall: OpenStall | None = None


_Version = tuple[PlainLead, OpenStall | None, tuple[AuditDifference, ...]]


class LeadAuditor:
    """Audits one lead after the other.

    Args:
        policy: The policy in force, for the dates that open stalls wait for.
        memory_facts: The facts of a lead that streams remembers (LEADLOOP_MEMORY_FACTS).
    """

    def __init__(self, policy: Policy, memory_facts: int) -> None:
        self._stalls = StallReader(policy)
        self._counts = list(counts_of(policy))
        self._memory_facts = memory_facts

    def audit(self, records: LeadRecords, retained: Retained, fired_until: int = 0) -> LeadAudit:
        """Recount the lead and compare.

        Args:
            records: All of the lead.
            retained: What the topics still hold.
            fired_until: Streams has fired all deadlines before it (epoch ms).
        """
        if records.is_deleted:
            return LeadAudit(records.lead_id, not_checkable="deleted")
        if not retained.covers(records):
            counted = None if records.snapshot is None else _counted_snapshot(records.snapshot)
            return LeadAudit(records.lead_id, not_checkable="expired", counted=counted)
        lead, stall, differences = _fewest(self._versions(records, fired_until))
        reason = self._excuse(records) if differences else ""
        if reason:
            counted = _counted_snapshot(records.snapshot) if records.snapshot else _counted(lead)
            return LeadAudit(records.lead_id, not_checkable=reason, counted=counted)
        return LeadAudit(records.lead_id, differences, counted=_counted(lead), open_stall=stall)

    def _versions(self, records: LeadRecords, fired_until: int) -> Iterator[_Version]:
        """The lead as it should be, and as streams may see it as well.

        Which of several records that streams emitted with one id, before and after a crash, it remembers depends on
        when it read them again. And what a contact counts as is decided when it arrives, for the lead as it was then.
        """
        verdicts = remembered(records.verdicts)
        for again in (records.emitted_again, {}) if records.emitted_again else ({},):
            for counts in self._counts:
                lead = fold([*{**records.facts, **again}.values(), *verdicts], counts)
                stall = self._stalls.open_stall(records.lead_id, lead, records.snapshot)
                yield lead, stall, (*_differences(records, lead), *_check_stall(records, stall, fired_until))

    def _excuse(self, records: LeadRecords) -> NotCheckable:
        """Why differences of this lead prove nothing."""
        if records.has_old_records:
            return "version_before"
        return "late_facts" if self._is_beyond_memory(records) else ""

    def _is_beyond_memory(self, records: LeadRecords) -> bool:
        """Whether a fact came so late that streams may have forgotten the facts around it."""
        facts: list[FoldedRecord] = [*records.facts.values(), *records.verdicts]
        if len(facts) <= self._memory_facts:
            return False
        if records.snapshot is not None and records.snapshot.late_facts:
            return True
        arrived = sorted(records.facts.values(), key=lambda fact: records.written_at[fact.event_id])
        return any(
            (isinstance(fact, LeadUpdated) and fact.retracts != "")
            or sum(order(other) > order(fact) for other in arrived[:n]) >= self._memory_facts // 2
            for n, fact in enumerate(arrived)
        )


def _fewest(versions: Iterable[_Version]) -> _Version:
    """The first version without differences, or that with the fewest."""
    differing: list[_Version] = []
    for version in versions:
        if not version[-1]:
            return version
        differing.append(version)
    return min(differing, key=lambda version: len(version[-1]))


def _differences(records: LeadRecords, lead: PlainLead) -> Iterator[AuditDifference]:
    if records.snapshot is not None:
        yield from compare(records.lead_id, lead, records.snapshot, records.verdicts)
    elif records.facts:
        yield AuditDifference("no_snapshot", records.lead_id, "snapshot", "missing", f"of stage {lead.stage}")
    yield from check_decisions(records, lead)
    yield from check_recycles(records, lead)
    yield from check_gates(records.lead_id, lead)


def _check_stall(records: LeadRecords, stall: OpenStall | None, fired_until: int) -> Iterator[AuditDifference]:
    return iter(()) if stall is None else check_waiting(stall, records.snapshot, fired_until)


def _counted(lead: PlainLead) -> CountedLead:
    passes = (*lead.passes, lead.current_pass) if lead.pass_no else ()
    return CountedLead(lead.stage, passes, lead.recycle is not None)


def _counted_snapshot(snapshot: LeadSnapshot) -> CountedLead:
    """What a lead contributes that cannot be recounted: what streams says."""
    over = tuple(
        PlainPass(
            one.pass_no,
            one.created_at,
            one.origin,
            one.campaign_id,
            one.owner_id,
            one.stall_reason,
            one.reached,
            one.first_touch_at,
            one.first_progress_at,
            one.first_stall_at,
            one.closed_at,
            one.amount,
            one.currency,
        )
        for one in snapshot.passes
    )
    current = PlainPass(
        snapshot.pass_no,
        snapshot.created_at,
        snapshot.origin,
        snapshot.campaign_id,
        snapshot.owner_id,
        snapshot.last_stall_reason or snapshot.stall_reason,
        snapshot.reached,
        snapshot.first_touch_at,
        snapshot.first_progress_at,
        snapshot.first_stall_at,
        snapshot.closed_at,
        snapshot.amount,
        snapshot.currency,
    )
    return CountedLead(snapshot.stage, (*over, current) if snapshot.pass_no else (), bool(snapshot.recycle_id))
