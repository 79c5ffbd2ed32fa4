"""What one lead contributes to lists and counts: a function of its document, so that a change can be undone.

`list_members` says how the members of lists are written.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from schemas.events import LeadRecycled, LeadSnapshot
from streams.domain.funnel import PASS_LABELS, STEPS
from streams.domain.lead import BROKEN, CREATED, HELD_OUT, LOST, RECYCLED, STALLED, TOUCHED, WON

from .escalations import DecisionEntry, EscalationEntry, escalation_state
from .list_members import ListMembership, event_member, timed

STEP_NAMES = (
    *STEPS,
    "requalified",
    "won_back",
    "won_after",
    "kept",
    "broken",
    "held_out",
    "held_requalified",
    "held_won",
)
"""The steps of streams' funnel, and what else is counted of a pass.

requalified, won_back: after it was handed back, a later pass began, or was won; won_after: it, or a later one, was won.
kept: contacted, and no promise was broken; broken: one was. held_…: the same as after a recycle, for a pass left alone.
"""

ROWS_BY = ("origin", "campaign", "owner", "reason", "pass", "segment")
ESCALATED_BY, TRACK_BY = "escalated", "track"
LISTED_BY = (*ROWS_BY, ESCALATED_BY, TRACK_BY, "month")
"""The dimensions whose rows are listed: those of the funnel, escalations by addressee, recycles by track, months."""
RANKED_BY = frozenset({"origin", "campaign", "owner", "segment"})
"""The dimensions whose rows are also in the order of their leads."""
RecycleState = Literal["standing", "revoked", "requalified"]


class RowCount(NamedTuple):
    """One count: a row of a dimension, and a field of it: which pass reached which step, or a state of escalations."""

    by: str
    value: str
    field: str


class PassSteps(NamedTuple):
    """One pass of a lead, as the funnel counts it. `later`: the steps of all passes after it; None: it is the last."""

    pass_no: int
    origin: str
    campaign_id: str
    owner_id: str
    reason: str
    reached: int
    later: int | None
    segment: str = ""


class RecycleEntry(NamedTuple):
    """A recycle event, in short. `action` is RECYCLE or REVOKE; `cause`: of a REVOKE; `track`: of a RECYCLE."""

    recycle_id: str
    action: str
    at: int
    cause: str = ""
    track: str = ""


class ListedEntries(NamedTuple):
    """The entries of a lead's timeline that decide which lists it is in."""

    recycles: tuple[RecycleEntry, ...] = ()
    escalations: tuple[EscalationEntry, ...] = ()
    decisions: tuple[DecisionEntry, ...] = ()


def lists_of(lead: LeadSnapshot, entries: ListedEntries) -> set[ListMembership]:
    """The lists that overviews count, and the lead's member in each."""
    lead_id, owner = lead.lead_id, lead.owner_id
    lists = {ListMembership("all", lead_id), ListMembership(f"stage:{lead.stage}", lead_id)}
    if owner:
        lists.add(ListMembership(f"owner:{owner}", lead_id))
    for name, at in (("stalled", lead.stalled_at), ("due", lead.due_at)):
        if at is not None:
            member = timed(at) + lead_id
            lists.add(ListMembership(name, member))
            if owner:
                lists.add(ListMembership(f"owner-{name}:{owner}", member))
    lists.update(_decision_lists(lead))
    lists.update(_recycle_lists(lead, entries.recycles))
    lists.update(_escalation_lists(lead, entries))
    return lists


def passes_of(lead: LeadSnapshot) -> tuple[PassSteps, ...]:
    """The passes of a lead, the current one last. The segment is that of the lead now."""
    reached, reason = reached_by(lead), lead.last_stall_reason or lead.stall_reason
    last = PassSteps(lead.pass_no, lead.origin, lead.campaign_id, lead.owner_id, reason, reached, None, lead.segment)
    if not lead.passes:
        return (last,) if lead.pass_no else ()
    passes, later = [last], reached
    for old in reversed(lead.passes):
        passes.append(
            PassSteps(
                old.pass_no,
                old.origin,
                old.campaign_id,
                old.owner_id,
                old.stall_reason,
                old.reached,
                later,
                lead.segment,
            )
        )
        later |= old.reached
    return tuple(reversed(passes))


def began_at(lead: LeadSnapshot) -> tuple[int | None, ...]:
    """When each of `passes_of` began, epoch ms; None: not known."""
    if not lead.passes and not lead.pass_no:
        return ()
    return (*(old.created_at for old in lead.passes), lead.created_at)


def escalation_counts(lead: LeadSnapshot, entries: ListedEntries) -> tuple[RowCount, ...]:
    """The counts that the escalations of a lead contribute to."""
    states = ((one.owner_id, escalation_state(lead, one, entries.decisions)) for one in entries.escalations)
    return tuple(RowCount(ESCALATED_BY, owner, state) for owner, state in states)


def reached_by(lead: LeadSnapshot) -> int:
    """The steps that the current pass has reached.

    A pass begins with a step. So a snapshot of a pass without steps predates that field: then what
    its other fields prove counts. Further steps are unknown until the lead changes.
    """
    return lead.reached or (_proven_by(lead) if lead.pass_no else 0)


def _proven_by(lead: LeadSnapshot) -> int:
    proofs = {
        CREATED: True,
        TOUCHED: lead.touches > 0,  # `last_progress_at` proves less: it is also set when the lead moves again
        STALLED: lead.stalled_at is not None or lead.stage == "lost",
        RECYCLED: bool(lead.recycle_id),
        WON: lead.stage == "won",
        LOST: lead.stage == "lost",
    }
    return sum(bit for bit, is_proven in proofs.items() if is_proven)


def states_of(lead: LeadSnapshot, recycles: Iterable[RecycleEntry]) -> dict[str, tuple[RecycleState, int]]:
    """Every recycle that is known: its state and when it was decided.

    A recycle that neither stands nor was revoked is over: marketing passed the lead to sales again, as the REVOKE of
    this cause says too. A snapshot older than the recycle does not contain it.
    """
    states: dict[str, tuple[RecycleState, int]] = {}
    revoked: dict[str, RecycleState] = {}
    for one in recycles:
        if one.action == "REVOKE":
            revoked[one.recycle_id] = "requalified" if one.cause == "requalified" else "revoked"
        else:
            stands = one.recycle_id == lead.recycle_id or lead.occurred_at < one.at
            states[one.recycle_id] = ("standing" if stands else "requalified", one.at)
    for recycle_id, state in revoked.items():
        states[recycle_id] = (state, states[recycle_id][1] if recycle_id in states else 0)
    if lead.recycle_id and lead.recycle_id not in states:  # its record is older than what its topic keeps
        states[lead.recycle_id] = ("standing", lead.stalled_at or 0)
    return states


def recycle_of(record: LeadRecycled) -> RecycleEntry:
    return RecycleEntry(record.recycle_id, record.action, record.occurred_at, record.cause, record.track)


def _decision_lists(lead: LeadSnapshot) -> Iterator[ListMembership]:
    """By what was decided about the stall that stands: the next to be evaluated again first."""
    if not lead.stall_id or lead.decision == "UNKNOWN":
        return
    at = lead.until if lead.until is not None else lead.stalled_at
    member = timed(at or 0) + lead.lead_id
    yield ListMembership(f"decision:{lead.decision}", member)
    if lead.owner_id:
        yield ListMembership(f"owner-decision:{lead.decision}:{lead.owner_id}", member)


def _escalation_lists(lead: LeadSnapshot, entries: ListedEntries) -> Iterator[ListMembership]:
    for one in entries.escalations:
        member = event_member(one.at, one.escalation_id, lead.lead_id)
        state = escalation_state(lead, one, entries.decisions)
        yield ListMembership("escalations", member)
        yield ListMembership(f"escalations:{state}", member)
        if one.owner_id:
            yield ListMembership(f"owner-escalations:{one.owner_id}", member)
            yield ListMembership(f"owner-escalations-{state}:{one.owner_id}", member)


def _recycle_lists(lead: LeadSnapshot, recycles: Iterable[RecycleEntry]) -> Iterator[ListMembership]:
    for recycle_id, (state, at) in states_of(lead, recycles).items():
        member = event_member(at, recycle_id, lead.lead_id)
        yield ListMembership("recycles", member)
        yield ListMembership(f"recycles:{state}", member)


@lru_cache(maxsize=20_000)
def counts_of(one: PassSteps) -> frozenset[RowCount]:
    """The counts that a pass contributes to."""
    if not one.pass_no:
        return frozenset()
    label = PASS_LABELS[min(one.pass_no, len(PASS_LABELS)) - 1]
    values = (one.origin, one.campaign_id, one.owner_id, one.reason, label, one.segment)
    return frozenset(
        RowCount(by, value, f"{label}/{step}")
        for by, value in zip(ROWS_BY, values, strict=True)
        for step in steps_of(one.reached, one.later)
    )


@lru_cache(maxsize=10_000)
def steps_of(reached: int, later: int | None) -> tuple[str, ...]:
    """The names of the steps that a pass has reached; `later` as in PassSteps."""
    return tuple(_steps(reached, later))


def _steps(reached: int, later: int | None) -> Iterator[str]:
    yield from (step for step, bit in STEPS.items() if reached & bit)
    is_won = bool((reached | (later or 0)) & WON)
    if reached & BROKEN:
        yield "broken"
    elif reached & TOUCHED:
        yield "kept"
    if reached & RECYCLED:
        yield from _after(is_won, later)
    if reached & HELD_OUT:
        yield "held_out"
        if later is not None:
            yield "held_requalified"
        if is_won:
            yield "held_won"


def _after(is_won: bool, later: int | None) -> Iterator[str]:
    if later is not None:
        yield "requalified"
        if later & WON:
            yield "won_back"
    if is_won:
        yield "won_after"
