"""Facts as the fold takes them: of each record only what moves a lead.

They are kept, encoded, in the state of every lead. So tags and the order of fields are for ever: add fields at the
end, with a default.
"""

from typing import ClassVar, Literal, assert_never

import msgspec

from schemas.events import (
    DealClosed,
    FactRecord,
    LeadContacted,
    LeadCreated,
    LeadRecycled,
    LeadStalled,
    LeadUpdated,
)
from schemas.topics import MAX_LEAD_ID

from .errors import Poison

MAX_TEXT = 256
"""The longest text that a lead remembers, in characters: a record about a lead must hold it."""

LAST_AT = 32_503_680_000_000
"""The year 3000: instants are kept below it, so that calendars can reckon with all of them."""

PROGRESS = frozenset({"connected", "replied", "meeting_set", "meeting_held"})
MACHINES = frozenset({"agent", "automation"})
"""Who writes on behalf of sales without a person: only the answer of the lead is a touch."""
LOST_STEP = frozenset({"no_show", "cancelled"})
"""Outcomes after which the agreed next step is gone."""
NO_CONSENT = 0
"""`consent_expires_at` of a lead whose consent was withdrawn: it ended before anything that may be written."""

Order = tuple[int, int, str]
DecidedAs = Literal["recycle", "holdout", "suppress", "retire", "hold", "escalate"]


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

    expected_amount: int | None = None


class Updated(_Fact, frozen=True, array_like=True, gc=False, tag=6):
    """Attributes changed without a touch (None: unchanged), or an earlier report is retracted.

    `has_consent` says whether `consent_expires_at` was given; None is then a consent without an end.
    """

    rank: ClassVar[int] = 1

    owner_id: str | None = None
    segment: str | None = None
    campaign_id: str | None = None
    account_id: str | None = None
    has_consent: bool = False
    consent_expires_at: int | None = None
    do_not_contact: bool | None = None
    expected_amount: int | None = None
    retracts: str = ""


class Contacted(_Fact, frozen=True, array_like=True, gc=False, tag=1):
    """Somebody did something.

    `is_no_touch`: it moves no clock (marketing, automation, an agent's message without an answer).
    `loses_step`: the agreed next step did not take place.
    """

    rank: ClassVar[int] = 2

    is_no_touch: bool = False
    is_progress: bool = False
    next_step_at: int | None = None
    owner_id: str = ""
    loses_step: bool = False


class Closed(_Fact, frozen=True, array_like=True, gc=False, tag=2):
    """The deal was won, or lost for a reason."""

    rank: ClassVar[int] = 4

    is_won: bool = False
    reason: str = "lost"


class Stalled(_Fact, frozen=True, array_like=True, gc=False, tag=3):
    """The lead has gone cold. `idle_since`: when the detector's clock started; 0 if sales said so."""

    rank: ClassVar[int] = 5

    declared_by: Literal["sales", "detector"] = "sales"
    reason: str = ""
    idle_since: int = 0
    resume_at: int | None = None


class Decided(_Fact, frozen=True, array_like=True, gc=False, tag=4):
    """What we decided about a stall. `not_before`: when marketing may start, for a recycle."""

    decided: DecidedAs = "recycle"
    stall_id: str = ""
    not_before: int | None = None

    @property
    def rank(self) -> int:  # type: ignore[override]  # of two decisions at one instant, the final one is last
        """The place among facts of one instant."""
        return RANKS[self.decided]


class Revoked(_Fact, frozen=True, array_like=True, gc=False, tag=5):
    """A recycle that we took back: it never stands again."""

    rank: ClassVar[int] = 10

    recycle_id: str = ""
    stall_id: str = ""
    cause: str = ""


RANKS: dict[DecidedAs, int] = {"suppress": 6, "escalate": 7, "hold": 8, "recycle": 9, "holdout": 9, "retire": 9}
"""The place of decisions among facts of one instant."""

Fact = Created | Updated | Contacted | Closed | Stalled | Decided | Revoked


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
        record.expected_amount,
    )


def _updated(record: LeadUpdated) -> Updated:
    names = record.owner_id, record.segment, record.campaign_id, record.account_id
    _texts(*(name for name in names if name), record.retracts)
    is_withdrawn = record.consent == "withdrawn"
    return Updated(
        record.occurred_at,
        record.event_id,
        *names,
        has_consent=record.consent != "unchanged" or record.consent_expires_at is not None,
        consent_expires_at=NO_CONSENT if is_withdrawn else record.consent_expires_at,
        do_not_contact=None if record.do_not_contact == "unchanged" else record.do_not_contact == "yes",
        expected_amount=record.expected_amount,
        retracts=record.retracts,
    )


def _contacted(record: LeadContacted) -> Contacted:
    _texts(record.owner_id)
    is_progress = record.direction == "inbound" or record.outcome in PROGRESS
    return Contacted(
        record.occurred_at,
        record.event_id,
        record.by == "marketing" or (record.by in MACHINES and not is_progress),
        is_progress,
        _bounded(record.next_step_at),
        record.owner_id,
        record.outcome in LOST_STEP,
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
        not_before = _bounded(record.not_before)
        return Decided(record.occurred_at, record.recycle_id, "recycle", record.stall_id, not_before)
    if record.action == "REVOKE":
        _texts(record.cause)
        return Revoked(record.occurred_at, record.event_id, record.recycle_id, record.stall_id, record.cause)
    raise Poison("unknown_action", "a recycle event says RECYCLE or REVOKE")
