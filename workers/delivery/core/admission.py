"""What becomes of a parcel before any try: pure, and asked again each time it comes up.

Drop      nothing is left to do
Settle    it ends here, without a try
Hold      it waits, and uses no attempt
GiveUp    it has waited too long for an endpoint that is away
Go        it is to be tried
"""

from dataclasses import dataclass, replace

from ..attempts import NoOp
from .index import DeliveryIndex
from .model import Availability, RetryState
from .partition import Pending
from .schedule import Schedule, backed_off_ms


@dataclass(frozen=True, slots=True)
class Drop:
    pass


@dataclass(frozen=True, slots=True)
class Settle:
    outcome: NoOp
    attempts: int


@dataclass(frozen=True, slots=True)
class Wait:
    note: RetryState


@dataclass(frozen=True, slots=True)
class GiveUp:
    detail: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Attempt:
    pass


Decision = Drop | Settle | Wait | GiveUp | Attempt


def admit(  # noqa: PLR0911  one return a verdict
    pending: Pending, ledger: DeliveryIndex, standing: Availability, now: int, schedule: Schedule
) -> Decision:
    """What becomes of it. `now` is epoch ms."""
    event, note = pending.event, pending.note
    if ledger.is_finished(event, note):
        return Drop()
    if pending.is_left_out:
        return Settle(NoOp(None, "left out by the filter of the endpoint"), 0)
    if event.action == "RECYCLE" and ledger.is_taken_back(event, note.endpoint):
        return _taken_back(pending, ledger)
    if later := _overtaken(pending, ledger, schedule):
        return later
    if event.action == "REVOKE" and ledger.was_never_sent(event, note.endpoint):
        return Settle(NoOp(None, "what it takes back was never sent"), 0)
    due_at = max(note.due_at, event.not_before or 0) if event.action == "RECYCLE" else note.due_at
    if due_at > now:
        return Wait(replace(note, due_at=due_at, why=note.why or "not_before"))
    if event.action == "RECYCLE" and ledger.is_taking_back(event.lead_id, note.endpoint):
        return _after_the_revoke(pending, now, schedule)
    if standing is Availability.ACTIVE:
        return Attempt()
    return _absent(pending, standing, now, schedule)


def _taken_back(pending: Pending, ledger: DeliveryIndex) -> Settle:
    known = ledger.under_way(pending.event, pending.note)
    attempts = max(pending.note.attempts, known.attempts if known else 0)
    if pending.note.may_have_arrived or (known is not None and known.may_have_arrived):
        return Settle(NoOp(None, "taken back before it was sent again"), max(attempts, 1))
    return Settle(NoOp(None, "taken back before it was sent"), attempts)


def _overtaken(pending: Pending, ledger: DeliveryIndex, schedule: Schedule) -> Wait | GiveUp | None:
    """A crash may leave a parcel twice. The one that is behind waits for the other's next try, and is then a repeat."""
    known = ledger.under_way(pending.event, pending.note)
    if known is None or known.attempts <= pending.note.attempts:
        return None
    due_at = schedule.next_due(known.attempts, known.tried_at, None, pending.seed)
    if due_at is None:
        return GiveUp("tried as often as it may be", known.attempts)
    return Wait(
        replace(pending.note, attempts=known.attempts, waits=0, due_at=due_at, why="retry", may_have_arrived=True)
    )


def _after_the_revoke(pending: Pending, now: int, schedule: Schedule) -> Wait:
    """Of an older recycle of the lead: sent after this one, it would take the lead off the list for good."""
    note = pending.note
    wait = backed_off_ms(note.waits, schedule.crowded, pending.seed)
    return Wait(replace(note, due_at=now + wait, waits=note.waits + 1, why="revoke"))


def _absent(pending: Pending, standing: Availability, now: int, schedule: Schedule) -> Wait | GiveUp:
    note = pending.note
    if standing is not Availability.PAUSED and now - note.first_at > schedule.span_ms:
        return GiveUp(f"the endpoint was away for too long: {standing.value}", note.attempts)
    wait = backed_off_ms(note.waits, schedule.absent, pending.seed)
    return Wait(replace(note, due_at=now + wait, waits=note.waits + 1, why=standing.value))
