"""What a lead is: the fold of its facts.

Encoded leads are kept in the state and its changelog: the order of fields is for ever, new ones go to the end with
a default.
"""

from typing import Literal

import msgspec

from schemas.events import Stage

from .facts import DecidedAs

Cause = Literal["moved", "won", "void", "restated", "requalified", "do_not_contact", "consent_expired"]
"""Why a recycle stands no longer."""
UNCOUNTED = frozenset({"won", "restated", "do_not_contact", "consent_expired"})
"""Causes after which a recycle counts for no limit."""
FINAL = frozenset({"recycle", "holdout", "retire"})
"""Decisions that end a stall; after the others it is evaluated again."""

CREATED, TOUCHED, PROGRESSED, STALLED, RECYCLED, WON, LOST, BROKEN, HELD_OUT = (1 << bit for bit in range(9))
"""What a pass has reached, as bits of `reached`: the steps of the funnel, a broken promise, being held out."""

MAX_PASSES = 12
"""Passes over that are remembered: with the longest texts in each, a snapshot of them all still fits a record."""
TOUCH_CLOCKS = frozenset({"never_contacted", "no_follow_up"})
"""Clocks that any touch restarts; the others need progress."""
NEGLECT = frozenset({"never_assigned", "never_contacted", "no_follow_up", "no_next_step"})
"""Broken promises of sales: any touch settles them."""


class Stall(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The lead went cold at `at`, and what was decided about that, the newest decision at `decided_at`."""

    stall_id: str
    at: int
    reason: str
    declared_by: Literal["detector", "sales", "close"]
    resume_at: int | None = None
    decided: DecidedAs | None = None
    decided_at: int = 0
    escalated_at: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether another decision about it may follow."""
        return self.decided not in FINAL


class SentRecycle(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A recycle that was emitted: its stall, its instant, and when marketing may start.

    `decided_before` and `recycled_before` are what the stall and the lead said before it.
    """

    recycle_id: str
    stall_id: str
    at: int = 0
    not_before: int = 0
    decided_before: DecidedAs | None = None
    recycled_before: int | None = None


class RevokedRecycle(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A recycle that was taken back, its stall and why."""

    recycle_id: str
    stall_id: str
    cause: str = ""


class PendingRevoke(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A recycle that no longer stands and must be revoked."""

    recycle_id: str
    stall_id: str
    cause: Cause


class PassSummary(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is remembered of a pass that is over."""

    pass_no: int
    origin: str
    created_at: int | None
    reached: int
    campaign_id: str = ""
    owner_id: str = ""
    stall_reason: str = ""
    first_touch_at: int | None = None
    first_progress_at: int | None = None
    first_stall_at: int | None = None
    closed_at: int | None = None
    amount: int | None = None  # minor units of `currency`
    currency: str = ""


class Lead(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the facts of one lead add up to. Instants are epoch milliseconds."""

    pass_no: int = 0
    created_at: int | None = None
    origin: str = ""
    campaign_id: str = ""
    segment: str = ""
    owner_id: str = ""
    account_id: str = ""
    consent_expires_at: int | None = None
    do_not_contact: bool = False
    first_touch_at: int | None = None
    last_touch_at: int | None = None
    last_progress_at: int | None = None
    touches: int = 0
    attempts: int = 0  # touches since the last progress
    next_step_at: int | None = None
    closed: Literal["won", "lost"] | None = None
    stall: Stall | None = None
    recycle: SentRecycle | None = None  # the one that stands
    to_revoke: tuple[PendingRevoke, ...] = ()
    revoked: tuple[RevokedRecycle, ...] = ()  # none of them can ever stand again
    recycled_at: int | None = None  # the last recycle of any pass that counts for limits
    recycles: int = 0  # of all passes, those that count
    won_ever: bool = False
    newest_at: int = 0  # of the facts folded so far
    reached: int = 0
    passes: tuple[PassSummary, ...] = ()  # the newest of those that are over
    last_stall_reason: str = ""  # of this pass, whether the stall stands or not
    updated_at: int = 0  # the newest change of attributes
    expected_amount: int | None = None  # minor units
    retracted: tuple[str, ...] = ()  # ids of reports that were taken back
    assigned_at: int | None = None  # since when the lead has had an owner in this pass
    warned: tuple[tuple[str, int], ...] = ()  # clocks, with their starts, of which sales was warned; one of each
    expected_currency: str = ""
    first_progress_at: int | None = None  # of this pass
    first_stall_at: int | None = None  # of this pass
    closed_at: int | None = None
    amount: int | None = None  # of the won deal, minor units of `currency`
    currency: str = ""

    @property
    def is_progressed(self) -> bool:
        """Whether a touch of this pass had a result."""
        return bool(self.reached & PROGRESSED)


NOBODY = Lead()
"""The lead of no facts."""


def stage(lead: Lead) -> Stage:
    """The stage of the lead, one word."""
    if lead.closed == "won":
        return "won"
    if lead.recycle and lead.stall:
        return "nurture"
    if lead.closed == "lost":
        return "lost"
    if lead.stall:
        return "stalled"
    if lead.pass_no == 0:
        return "unknown"
    return "new" if lead.first_touch_at is None else "working"


def clock_of(lead: Lead, reason: str) -> int | None:
    """When the clock behind this reason last started; the clock of `never_contacted` may start later: see Promises."""
    started = lead.last_touch_at if reason in TOUCH_CLOCKS else lead.last_progress_at
    return lead.created_at if started is None else started
