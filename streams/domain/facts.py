"""Facts as the fold takes them: of each record only what moves a lead.

They are kept, encoded, in the state of every lead. So tags and the order of fields are for ever: add fields at the
end, with a default.
"""

from typing import ClassVar, Literal, assert_never

import msgspec

from schemas.events import DealClosed, FactRecord, LeadContacted, LeadCreated, LeadRecycled, LeadStalled
from schemas.topics import MAX_LEAD_ID

from .errors import Poison

MAX_TEXT = 256
"""The longest text that a lead remembers, in characters: a record about a lead must hold it."""

LAST_AT = 32_503_680_000_000
"""The year 3000: instants are kept below it, so that calendars can reckon with all of them."""

PROGRESS = frozenset({"connected", "replied", "meeting_set", "meeting_held"})

Order = tuple[int, int, str]
DecidedAs = Literal["recycle", "holdout", "suppress", "retire"]


class _Fact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    rank: ClassVar[int]

    at: int
    event_id: str

    @property
    def order(self) -> Order:
        """The place among the facts of a lead."""
        return (self.at, self.rank, self.event_id)


class Created(_Fact, frozen=True, array_like=True, gc=False, tag=0):
    """Marketing passed the lead to sales."""

    rank: ClassVar[int] = 0

    origin: str = ""
    campaign_id: str = ""
    segment: str = ""
    owner_id: str = ""
    account_id: str = ""
    consent_expires_at: int | None = None
    do_not_contact: bool = False


class Contacted(_Fact, frozen=True, array_like=True, gc=False, tag=1):
    """Somebody did something; a touch unless it was marketing."""

    rank: ClassVar[int] = 1

    by_marketing: bool = False
    is_progress: bool = False
    next_step_at: int | None = None
    owner_id: str = ""


class Closed(_Fact, frozen=True, array_like=True, gc=False, tag=2):
    """The deal was won, or lost for a reason."""

    rank: ClassVar[int] = 2

    is_won: bool = False
    reason: str = "lost"


class Stalled(_Fact, frozen=True, array_like=True, gc=False, tag=3):
    """The lead has gone cold. `idle_since`: when the detector's clock started; 0 if sales said so."""

    rank: ClassVar[int] = 3

    declared_by: Literal["sales", "detector"] = "sales"
    reason: str = ""
    idle_since: int = 0
    resume_at: int | None = None


class Decided(_Fact, frozen=True, array_like=True, gc=False, tag=4):
    """What we decided about a stall."""

    rank: ClassVar[int] = 4

    decided: DecidedAs = "recycle"
    stall_id: str = ""


class Revoked(_Fact, frozen=True, array_like=True, gc=False, tag=5):
    """A recycle that we took back: it never stands again."""

    rank: ClassVar[int] = 5

    recycle_id: str = ""
    stall_id: str = ""


Fact = Created | Contacted | Closed | Stalled | Decided | Revoked


def fact_of(record: FactRecord) -> Fact:
    """Take from a record what the fold needs.

    Raises:
        Poison: The record lacks what makes it a fact, or says something this version does not know.
            Dead-letter it; the rest of the partition is not concerned.
    """
    _check(record)
    match record:
        case LeadContacted():
            return _contacted(record)
        case LeadCreated():
            return _created(record)
        case LeadStalled():
            return _stalled(record)
        case DealClosed():
            return _closed(record)
        case LeadRecycled():
            return _recycled(record)
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
    # Year 9999 is what many systems write for "never": no fault, but no calendar goes that far.
    return at if at is None else min(max(at, 0), LAST_AT)


def _created(record: LeadCreated) -> Created:
    _texts(record.origin, record.campaign_id, record.segment, record.owner_id, record.account_id)
    return Created(
        record.occurred_at,
        record.event_id,
        record.origin,
        record.campaign_id,
        record.segment,
        record.owner_id,
        record.account_id,
        record.consent_expires_at,
        record.do_not_contact,
    )


def _contacted(record: LeadContacted) -> Contacted:
    _texts(record.owner_id)
    return Contacted(
        record.occurred_at,
        record.event_id,
        record.by == "marketing",
        record.direction == "inbound" or record.outcome in PROGRESS,
        _bounded(record.next_step_at),
        record.owner_id,
    )


def _closed(record: DealClosed) -> Closed:
    _texts(record.reason)
    if record.outcome == "unknown":
        raise Poison("unknown_outcome", "a deal is closed as won or as lost")
    return Closed(record.occurred_at, record.event_id, record.outcome == "won", record.reason or "lost")


def _stalled(record: LeadStalled) -> Stalled:
    _texts(record.reason)
    at, event_id, resume_at = record.occurred_at, record.event_id, _bounded(record.resume_at)
    if record.declared_by != "detector":
        return Stalled(at, event_id, "sales", record.reason or "unspecified", 0, resume_at)
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
        return Decided(record.occurred_at, record.recycle_id, "recycle", record.stall_id)
    if record.action == "REVOKE":
        return Revoked(record.occurred_at, record.event_id, record.recycle_id, record.stall_id)
    raise Poison("unknown_action", "a recycle event says RECYCLE or REVOKE")
