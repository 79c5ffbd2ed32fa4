"""The lists by which leads are found: each has exactly the leads that it says, with the value that orders them."""

from typing import Any

import pytest

from schemas.events import (
    AnyRecord,
    DealClosed,
    LeadEscalated,
    LeadRecycled,
    LeadSnapshot,
    LeadUpdated,
    PastPass,
)
from tests.builders import DAY, T0
from tests.projected import CODEC
from workers.projection.fold import DocumentFold, ModelChange
from workers.projection.record_decoder import FactRecorded, LeadChanged, LogEvent
from workers.read_model.cohorts import month_of
from workers.read_model.lead_document import ENTRY_KINDS, TimelineEntry

LEAD = "lead-1"
TOUCHED, RECYCLED, WON = 2, 16, 32


def _event(record: AnyRecord) -> LogEvent:
    if isinstance(record, LeadSnapshot):
        return LeadChanged(LEAD, CODEC.encode(record), record)
    kind: Any = type(record)
    event_id = getattr(record, "event_id", "")
    entry = TimelineEntry(record.occurred_at, ENTRY_KINDS.index(kind), event_id, CODEC.encode(record))
    return FactRecorded(LEAD, entry)


def _folded(*records: AnyRecord, stored: bytes | None = None) -> ModelChange:
    return DocumentFold(CODEC)(map(_event, records), {LEAD: stored})


def _scores(change: ModelChange) -> dict[str, int]:
    return {name: members[LEAD] for name, members in change.added.items() if LEAD in members}


def _lead(**fields: Any) -> LeadSnapshot:
    known: dict[str, Any] = {"lead_id": LEAD, "occurred_at": T0, "created_at": T0, "pass_no": 1, "stage": "new"}
    return LeadSnapshot(**{**known, "reached": 1, **fields})


def test_a_lead_is_found_by_each_of_its_values_and_by_none_that_is_empty() -> None:
    lead = _lead(origin="web", campaign_id="spring", segment="smb", account_id="acme", stall_reason="price", pass_no=2)
    names = _folded(lead).added
    values = {"origin:web", "campaign:spring", "segment:smb", "account:acme", "reason:price", "pass:2"}
    assert values <= names.keys()
    assert not [name for name in _folded(_lead()).added if name.endswith(":") or name.startswith("pass:")]


def test_orders_have_the_times_of_a_lead() -> None:
    lead = _lead(last_touch_at=T0 + DAY, due_at=T0 + 2 * DAY, closed_at=T0 + 3 * DAY, stage="lost")
    found = _scores(_folded(lead))
    assert found["by:created"] == T0
    assert (found["by:touched"], found["by:due"], found["by:closed"]) == (T0 + DAY, T0 + 2 * DAY, T0 + 3 * DAY)


def test_an_order_keeps_one_entry_of_a_lead_that_moves() -> None:
    before = _folded(_lead(due_at=T0))
    after = _folded(_lead(due_at=T0 + DAY), stored=before.documents[LEAD])
    assert after.added["by:due"] == {LEAD: T0 + DAY}
    assert not after.removed["by:due"]


def test_the_amount_is_what_was_won_and_of_an_open_lead_what_is_expected() -> None:
    assert _scores(_folded(_lead(expected_amount=900, expected_currency="EUR")))["by:amount:EUR"] == 900
    won = _lead(expected_amount=9, expected_currency="EUR", stage="won", reached=33, amount=1200, currency="USD")
    found = _scores(_folded(won))
    assert (found["by:amount:USD"], "by:amount:EUR" in found) == (1200, False)
    assert _scores(_folded(_lead(expected_amount=7)))["by:amount:"] == 7
    for over in (_lead(stage="lost", expected_amount=7), _lead(stage="won", reached=33, expected_amount=7)):
        assert not [name for name in _scores(_folded(over)) if name.startswith("by:amount")]


def test_no_fact_of_the_timeline_moves_a_list() -> None:
    before = _folded(_lead(stage="won", reached=33, amount=5, currency="EUR"))
    closed = DealClosed(event_id="c", lead_id=LEAD, occurred_at=T0 + 1, outcome="won", amount=7, currency="USD")
    named = LeadUpdated(event_id="u", lead_id=LEAD, occurred_at=T0, expected_amount=900, currency="EUR")
    after = _folded(closed, named, stored=before.documents[LEAD])
    assert not after.added
    assert not after.removed


def test_each_pass_is_in_the_list_of_the_month_in_which_it_began() -> None:
    earlier = PastPass(pass_no=1, created_at=T0 - 40 * DAY, reached=1)
    names = {name for name in _folded(_lead(pass_no=2, passes=(earlier,))).added if name.startswith("began:")}
    assert names == {f"began:1:{month_of(T0 - 40 * DAY)}", f"began:2:{month_of(T0)}"}


@pytest.mark.parametrize(("until", "is_listed"), [(T0 + DAY, True), (T0 + 2 * DAY, False)])
def test_a_promise_is_at_risk_from_its_warning_on(until: int, *, is_listed: bool) -> None:
    warned = LeadEscalated(
        event_id="w",
        escalation_id="w",
        lead_id=LEAD,
        occurred_at=T0,
        action="AT_RISK",
        reason="no_follow_up",
        until=until,
    )
    assert ("at-risk" in _folded(warned, _lead(due_at=T0 + DAY, due_reason="no_follow_up")).added) == is_listed


def test_steps_and_values_of_earlier_passes_have_lists_of_their_own() -> None:
    earlier = PastPass(pass_no=1, created_at=T0 - DAY, origin="fair", owner_id="ann", reached=1 | RECYCLED)
    lead = _lead(pass_no=2, origin="web", owner_id="ann", passes=(earlier,), reached=1 | TOUCHED | WON, stage="won")
    names = _folded(lead).added.keys()
    reached = {"reached:recycled", "reached:requalified", "reached:won_back", "reached:won", "reached:none-touched"}
    assert reached <= names
    assert {"origin:web", "earlier-origin:fair"} <= names
    assert not {"earlier-owner:ann", "reached:lost"} & names


def test_the_track_is_that_of_the_recycle_that_stands() -> None:
    sent = LeadRecycled(event_id="r", recycle_id="r", lead_id=LEAD, occurred_at=T0, action="RECYCLE", track="offer")
    assert "track:offer" in _folded(sent, _lead(stage="nurture", recycle_id="r")).added
    assert "track:offer" not in _folded(sent, _lead(stage="nurture", recycle_id="other")).added
