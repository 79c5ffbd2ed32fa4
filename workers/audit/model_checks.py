"""Compares the read model with the topics: the document of each lead, and the totals with their sum."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from schemas.events import LeadEscalated, LeadRecycled, LeadSnapshot, PastPass
from workers.read_model.generation import SOURCE_TOPICS
from workers.read_model.lead_document import KEPT_ESCALATIONS, KEPT_RECYCLES, TimelineEntry

from .differences import AuditDifference
from .lead_records import LeadRecords
from .model_reader import ModelLead, ModelTotals
from .plain_lead import BROKEN, HELD_OUT, RECYCLED, STEPS, TOUCHED, WON

_NAMED = ("stage", "pass_no", "recycle_id", "stall_id", "decision", "until", "owner_id", "reached")
"""Fields that are named; if none of them differs, the snapshot as a whole is another."""


def is_projected(records: LeadRecords, lead: ModelLead) -> bool:
    """Whether the read model had processed all records of the lead when its document was read."""
    return all(
        end <= lead.positions.get(place, 0) for place, end in records.ends.items() if place.topic in SOURCE_TOPICS
    )


def check_document(records: LeadRecords, lead: ModelLead) -> Iterator[AuditDifference]:
    """The document has the newest snapshot, the recycles and escalations, and the lists have the lead."""
    lead_id, expected, found = records.lead_id, records.snapshot, lead.snapshot
    if records.is_deleted and found is not None:
        yield AuditDifference("read_model", lead_id, "lead", "there", "deleted")
    elif expected is not None and found is None:
        yield AuditDifference("read_model", lead_id, "lead", "missing", f"of stage {expected.stage}")
    elif expected is not None and found is not None and found != expected:
        yield from _fields(lead_id, found, expected)
    for name in lead.missing_in:
        yield AuditDifference("read_model", lead_id, f"list {name}", "without the lead", "with it")
    if expected is not None and found is not None:
        yield from _entries(records, lead)


def _fields(lead_id: str, found: LeadSnapshot, expected: LeadSnapshot) -> Iterator[AuditDifference]:
    values = [(name, getattr(found, name), getattr(expected, name)) for name in _NAMED]
    for name, is_, should_be in (one for one in values if one[1] != one[2]):
        yield AuditDifference("read_model", lead_id, name, _text(is_), _text(should_be))
        return
    yield AuditDifference(
        "read_model", lead_id, "snapshot", f"of {found.recorded_at}", f"the newest, of {expected.recorded_at}"
    )


def _entries(records: LeadRecords, lead: ModelLead) -> Iterator[AuditDifference]:
    events = [placed.event for placed in records.delivery.events.values()]
    recycles = [one.event_id for one in events if isinstance(one, LeadRecycled)]
    escalations = [one.event_id for one in events if isinstance(one, LeadEscalated)]
    yield from _lacking(records.lead_id, recycles, lead.document.recycles, KEPT_RECYCLES)
    yield from _lacking(records.lead_id, escalations, lead.document.escalations, KEPT_ESCALATIONS)


def _lacking(
    lead_id: str, expected: Sequence[str], entries: Sequence[TimelineEntry], kept: int
) -> Iterator[AuditDifference]:
    """Beyond `kept`, the oldest are rightly dropped."""
    if len(entries) < kept:
        for event_id in set(expected) - {entry.id for entry in entries}:
            yield AuditDifference("read_model", lead_id, f"event {event_id}", "missing", "in its timeline")


CODE_LENGTH = 3
MOST_MINOR = 10**13
"""Amounts from here on are counted as not known."""


class RecountedTotals:
    """What the totals of the read model should be: the sum over the snapshots that it had read."""

    def __init__(self) -> None:
        self.stages = Counter[str]()
        self.funnel = Counter[tuple[str, str]]()
        self.is_complete = True

    def add(self, lead: LeadSnapshot) -> None:
        """Count a lead by its newest snapshot that the read model had read."""
        self.stages[lead.stage] += 1
        if lead.pass_no and not lead.reached:
            self.is_complete = False  # the version before did not write the steps
            return
        passes: list[LeadSnapshot | PastPass] = [*lead.passes, *([lead] if lead.pass_no else [])]
        for number, one in enumerate(passes):
            later = [other.reached for other in passes[number + 1 :]]
            self.funnel.update((one.origin, name) for name in _counted_steps(one.reached, later))
            if one.reached & BROKEN and lead.stalled_at is not None:
                self.funnel[one.origin, "broken_now"] += 1
            if one.reached & WON:
                self._add_money(one)

    def _add_money(self, one: LeadSnapshot | PastPass) -> None:
        if one.amount is None or not 0 <= one.amount < MOST_MINOR:
            self.funnel[one.origin, "unpriced"] += 1
            return
        is_code = len(one.currency) == CODE_LENGTH and one.currency.isascii() and one.currency.isupper()
        self.funnel[one.origin, f"won:{one.currency if is_code and one.currency.isalpha() else ''}"] += one.amount

    def check(self, found: ModelTotals) -> Iterator[AuditDifference]:
        """The differences of the totals in Redis."""
        yield from _counts("leads in stage {}", found.stages, self.stages)
        if self.is_complete:
            named = {f"{step} of origin {origin or 'unknown'}": n for (origin, step), n in found.funnel.items()}
            expected = {f"{step} of origin {origin or 'unknown'}": n for (origin, step), n in self.funnel.items()}
            yield from _counts("funnel: {}", named, expected)


def _counted_steps(reached: int, later: Sequence[int]) -> Iterator[str]:
    """What a pass is counted as. `later`: the steps of the passes after it."""
    yield from (step for step, bit in STEPS.items() if reached & bit)
    is_won_later = any(steps & WON for steps in later)
    is_won = is_won_later or bool(reached & WON)
    found = {
        "broken": reached & BROKEN,
        "kept": reached & TOUCHED and not reached & BROKEN,
        "requalified": reached & RECYCLED and later,
        "won_back": reached & RECYCLED and is_won_later,
        "won_after": reached & RECYCLED and is_won,
        "held_out": reached & HELD_OUT,
        "held_requalified": reached & HELD_OUT and later,
        "held_won": reached & HELD_OUT and is_won,
    }
    yield from (name for name, is_counted in found.items() if is_counted)


def _counts(what: str, found: Mapping[str, int], expected: Mapping[str, int]) -> Iterator[AuditDifference]:
    for name in sorted({*found, *expected}):
        is_, should_be = found.get(name, 0), expected.get(name, 0)
        if is_ != should_be:
            yield AuditDifference("read_model", "", what.format(name), str(is_), str(should_be))


def _text(value: object) -> str:
    return "none" if value in (None, "") else str(value)
