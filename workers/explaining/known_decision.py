"""A decision, in one shape: as it was published, or as it is foreseen."""

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from schemas.events import Decision, LeadDecided, LeadRecycled
from streams.domain.decisions import Escalate, Hold, Holdout, Recycle, Retire, Revoke, StallDecision, Suppress

NAMES: dict[type[StallDecision], Decision] = {
    Recycle: "RECYCLE",
    Holdout: "HOLDOUT",
    Suppress: "SUPPRESS",
    Hold: "HOLD",
    Escalate: "ESCALATE",
    Retire: "RETIRE",
    Revoke: "REVOKE",
}


class KnownDecision(Struct, frozen=True, gc=False):
    """A decision and why. Instants in epoch ms; `policy_version` is empty for one that is foreseen.

    `until`: of HOLD and ESCALATE; `track`, `not_before` and `expires_at`: of RECYCLE.
    """

    decision: Decision
    at: int
    why: str
    reason: str
    until: int | None = None
    track: str = ""
    not_before: int | None = None
    expires_at: int | None = None
    pass_no: int = 0
    policy_version: str = ""
    policy_digest: str = ""


def published(decisions: Iterable[LeadDecided], recycled: Iterable[LeadRecycled]) -> list[KnownDecision]:
    """The decisions that were published, in the order in which they were made, with what their recycle events add.

    A decision has the time of the evaluation of its stall. One that follows a REVOKE of the same stall may be dated
    before it; it gets the time of the REVOKE.
    """
    decisions = list(decisions)
    sent = {event.recycle_id: event for event in recycled if event.action == "RECYCLE"}
    withdrawn = {one.recycle_id: one.occurred_at for one in decisions if one.decision == "REVOKE"}
    known = [_known(one, sent.get(one.recycle_id), _made_at(one, decisions, withdrawn)) for one in decisions]
    return sorted(known, key=lambda one: (one.at, one.decision != "REVOKE"))


def _made_at(one: LeadDecided, decisions: Iterable[LeadDecided], withdrawn: Mapping[str, int]) -> int:
    if one.decision == "REVOKE" or one.recycle_id in withdrawn:
        return one.occurred_at
    before = [
        withdrawn[each.recycle_id]
        for each in decisions
        if each.decision == "RECYCLE" and each.recycle_id in withdrawn and _follows(one, each)
    ]
    return max([one.occurred_at, *before])


def _follows(one: LeadDecided, recycle: LeadDecided) -> bool:
    return one.stall_id == recycle.stall_id and one.occurred_at >= recycle.occurred_at


def _known(one: LeadDecided, recycle: LeadRecycled | None, made_at: int) -> KnownDecision:
    known = KnownDecision(
        one.decision,
        made_at,
        one.why,
        one.reason,
        one.until,
        pass_no=one.pass_no,
        policy_version=one.policy_version,
        policy_digest=one.policy_digest,
    )
    if recycle is None or one.decision != "RECYCLE":
        return known
    return replace(known, track=recycle.track, not_before=recycle.not_before, expires_at=recycle.expires_at)


def foreseen(what: StallDecision, at: int) -> KnownDecision:
    """A decision that will be made at `at`."""
    match what:
        case Recycle():
            return KnownDecision(
                "RECYCLE", at, what.why, what.reason, None, what.track, what.not_before, what.expires_at
            )
        case Revoke():
            return KnownDecision("REVOKE", at, what.cause, "")
        case Hold() | Escalate():
            return KnownDecision(NAMES[type(what)], at, what.why, what.reason, what.until)
        case _:
            return KnownDecision(NAMES[type(what)], at, what.why, what.reason)
