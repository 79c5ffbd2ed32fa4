"""The state of one lead in the audit's own fold. Instants are epoch milliseconds."""

from dataclasses import dataclass, field
from typing import Literal

from schemas.events import Decision, LeadDecided, LeadRecycled, Stage

CREATED, TOUCHED, PROGRESSED, STALLED, RECYCLED, WON, LOST, BROKEN, HELD_OUT = 1, 2, 4, 8, 16, 32, 64, 128, 256
"""The steps of the funnel, as the bits of `reached` in a snapshot; also whether a promise was broken, and held out."""
STEPS = {
    "created": CREATED,
    "touched": TOUCHED,
    "progressed": PROGRESSED,
    "stalled": STALLED,
    "recycled": RECYCLED,
    "won": WON,
    "lost": LOST,
}
"""The steps of the funnel, each with its bit in `reached`."""

FINAL: frozenset[Decision] = frozenset({"RECYCLE", "HOLDOUT", "RETIRE"})
"""Decisions after which a stall is not evaluated again."""


@dataclass(slots=True)
class PlainStall:
    """The lead is cold. `decided` is the newest decision about it, None if there is none."""

    stall_id: str
    at: int
    reason: str
    declared_by: Literal["detector", "sales", "close"]
    resume_at: int | None = None
    decided: LeadDecided | LeadRecycled | None = None

    @property
    def decision(self) -> Decision:
        """The newest decision in one word; UNKNOWN if there is none."""
        match self.decided:
            case LeadDecided(decision=decision):
                return decision
            case LeadRecycled():
                return "RECYCLE"
            case None:
                return "UNKNOWN"

    @property
    def is_open(self) -> bool:
        """Whether it must still be decided, or evaluated again."""
        return self.decision not in FINAL


@dataclass(frozen=True, slots=True)
class PlainPass:
    """A pass that is over."""

    pass_no: int
    created_at: int | None
    origin: str
    campaign_id: str
    owner_id: str
    stall_reason: str
    reached: int
    first_touch_at: int | None
    first_progress_at: int | None
    first_stall_at: int | None
    closed_at: int | None
    amount: int | None
    currency: str


@dataclass(frozen=True, slots=True)
class DueRevoke:
    """A RECYCLE that no longer stands and has no REVOKE, and why."""

    recycle: LeadRecycled
    cause: str


@dataclass(slots=True)
class PlainLead:
    """What the facts of one lead add up to. `revoked` is known before the fold begins."""

    revoked: dict[tuple[str, str], str] = field(default_factory=dict)
    """The cause of each REVOKE, by recycle and stall."""
    pass_no: int = 0
    created_at: int | None = None
    origin: str = ""
    campaign_id: str = ""
    segment: str = ""
    owner_id: str = ""
    account_id: str = ""
    expected_amount: int | None = None
    expected_currency: str = ""
    consent_expires_at: int | None = None
    do_not_contact: bool = False
    updated_at: int = 0
    first_touch_at: int | None = None
    last_touch_at: int | None = None
    last_progress_at: int | None = None
    first_progress_at: int | None = None
    first_stall_at: int | None = None
    closed_at: int | None = None
    amount: int | None = None
    currency: str = ""
    next_step_at: int | None = None
    closed: Literal["won", "lost"] | None = None
    stall: PlainStall | None = None
    recycle: LeadRecycled | None = None
    due_revokes: list[DueRevoke] = field(default_factory=list)
    recycled_at: int | None = None
    recycles: int = 0
    won_ever: bool = False
    reached: int = 0
    last_stall_reason: str = ""
    passes: list[PlainPass] = field(default_factory=list)

    @property
    def stage(self) -> Stage:
        """The stage in one word."""
        if self.closed == "won":
            return "won"
        if self.recycle is not None:
            return "nurture"
        if self.closed == "lost":
            return "lost"
        if self.stall is not None:
            return "stalled"
        if self.pass_no == 0:
            return "unknown"
        return "new" if self.first_touch_at is None else "working"

    @property
    def current_pass(self) -> PlainPass:
        """The pass that is not over, as its summary will be."""
        return PlainPass(
            self.pass_no,
            self.created_at,
            self.origin,
            self.campaign_id,
            self.owner_id,
            self.last_stall_reason,
            self.reached,
            self.first_touch_at,
            self.first_progress_at,
            self.first_stall_at,
            self.closed_at,
            self.amount,
            self.currency,
        )
