"""Facts as the fold takes them: of each record only what moves a lead.

They are kept, encoded, in the state of every lead. So tags and the order of fields are for ever: add fields at the
end, with a default.
"""

from typing import ClassVar, Literal

import msgspec
from msgspec.structs import replace

from .policy.counts import Counting

MAX_TEXT = 256
"""The longest text that a lead remembers, in characters: a record about a lead must hold it."""

LAST_AT = 32_503_680_000_000
"""The year 3000: instants are kept below it, so that calendars can reckon with all of them."""
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
    currency: str = ""


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
    currency: str = ""


class Contacted(_Fact, frozen=True, array_like=True, gc=False, tag=1):
    """Somebody did something.

    `is_no_touch`: it moves no clock (marketing, automation, an agent's message without an answer).
    `loses_step`: the agreed next step did not take place. `how` (by, activity, direction, outcome) is for policies that
    say what counts; it is not kept.
    """

    rank: ClassVar[int] = 2

    is_no_touch: bool = False
    is_progress: bool = False
    next_step_at: int | None = None
    owner_id: str = ""
    loses_step: bool = False
    how: tuple[str, str, str, str] | None = None


class Warned(_Fact, frozen=True, array_like=True, gc=False, tag=7):
    """Sales was warned that a promise is about to break: the one whose clock started at `idle_since`."""

    rank: ClassVar[int] = 3

    reason: str = ""
    idle_since: int = 0


class Closed(_Fact, frozen=True, array_like=True, gc=False, tag=2):
    """The deal was won, or lost for a reason."""

    rank: ClassVar[int] = 4

    is_won: bool = False
    reason: str = "lost"
    amount: int | None = None
    currency: str = ""


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

Fact = Created | Updated | Contacted | Closed | Stalled | Decided | Revoked | Warned


def counted_by(fact: Contacted, counts: Counting) -> Contacted:
    """The contact as these leads count it, without `how`."""
    if fact.how is None:
        return fact
    counted = counts.touch(*fact.how)
    return replace(fact, is_no_touch=counted == "none", is_progress=counted == "progress", how=None)
