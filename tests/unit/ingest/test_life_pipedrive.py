"""A lead's life as Pipedrive reports it, by the shipped mapping.

Payloads: "Guide for Webhooks v2" and "Webhooks v2 migration guide" (pipedrive.readme.io: `meta`, merges), the deal of
pipedream's "updated-deal-instant", and the activity of the v2 API.
"""

from typing import Any

import pytest

from tests.unit.ingest.lives import Expected, as_expected, iso, post, post_each, unique
from tests.unit.ingest.posting import Posting

ADA = "pipedrive/77"

EXPECTED: list[Expected] = [
    ("LeadCreated", ADA, 0, {"origin": "crm", "owner_id": "5", "account_id": "31", "expected_amount": 100_000}),
    ("LeadContacted", ADA, 2, {"by": "sales", "activity": "call", "owner_id": "5"}),
    ("LeadContacted", ADA, 26, {"by": "sales", "activity": "call"}),
    ("LeadContacted", ADA, 50, {"by": "sales", "activity": "email"}),
    ("LeadUpdated", ADA, 52, {"owner_id": "6"}),
    ("LeadUpdated", ADA, 54, {"expected_amount": 150_000, "currency": "EUR"}),
    ("LeadContacted", ADA, 56, {"activity": "other", "outcome": "connected"}),  # moved to the next stage
    ("DealClosed", ADA, 60, {"outcome": "lost", "reason": "price"}),
    ("LeadContacted", ADA, 200, {"outcome": "connected"}),  # opened again
    ("LeadStalled", "pipedrive/78", 240, {"reason": "duplicate"}),  # merged into the person
    ("DealClosed", ADA, 320, {"outcome": "won", "amount": 150_000, "currency": "EUR"}),
]


def an_item(hours: float, action: str, entity: str, data: dict[str, Any] | None, **meta: object) -> dict[str, Any]:
    """One message; each has a `meta.id` of its own."""
    previous = meta.pop("previous", None)
    return {
        "meta": {
            "action": action,
            "entity": entity,
            "id": f"uuid-{action}-{hours}",
            "correlation_id": "c1",
            "timestamp": iso(hours),
            "attempt": 1,
            "is_bulk_edit": False,
            "change_source": "app",
            "company_id": "1",
            "user_id": "5",
            "webhook_id": "9",
            "version": "2.0",
            "entity_id": str((data or {}).get("id", "")),
            **meta,
        },
        "data": data,
        "previous": previous,
    }


DEAL = {
    "id": 7,
    "title": "Ada",
    "person_id": 77,
    "org_id": 31,
    "owner_id": 5,
    "status": "open",
    "stage_id": 1,
    "value": 1000,
    "currency": "EUR",
    "origin": "ManuallyCreated",
    "channel": None,
    "channel_id": None,
    "add_time": iso(0),
    "lost_reason": None,
    "won_time": None,
    "lost_time": None,
    "stage_change_time": None,
}


def a_deal(hours: float, previous: dict[str, object], **changed: object) -> dict[str, Any]:
    return an_item(hours, "change", "deal", {**DEAL, "update_time": iso(hours), **changed}, previous=previous)


def an_activity(hours: float, done_at: float | None, previous: dict[str, object] | None = None, **fields: Any) -> Any:
    data = {
        "id": 9,
        "type": "call",
        "done": done_at is not None,
        "marked_as_done_time": iso(done_at) if done_at is not None else None,
        "person_id": 77,
        "deal_id": 7,
        "owner_id": 5,
        "update_time": iso(hours),
        **fields,
    }
    return an_item(hours, "create" if previous is None else "change", "activity", data, previous=previous)


def a_life() -> list[dict[str, Any]]:
    gone = an_item(240, "delete", "person", None, previous={"id": 78}, entity_id="78", merged_to_id="77")
    return [
        an_item(0, "create", "deal", {**DEAL, "update_time": iso(0)}),
        an_activity(1, None),
        an_activity(2, 2, {"done": False, "marked_as_done_time": None}),
        *(an_activity(2 + n / 10, 2, {"note": "a" * n}, note="b" * n) for n in range(1, 6)),
        an_activity(26, 26, id=10),
        an_activity(27, 26, {"subject": "call"}, id=10, owner_id=6),
        an_activity(50, 50, id=11, type="email"),
        a_deal(52, {"owner_id": 5}, owner_id=6),
        a_deal(54, {"value": 1000}, owner_id=6, value=1500),
        a_deal(56, {"stage_id": 1, "stage_change_time": None}, stage_id=2, stage_change_time=iso(56), owner_id=6),
        a_deal(57, {"title": "A"}, stage_id=2, stage_change_time=iso(56)),
        a_deal(60, {"status": "open"}, status="lost", lost_time=iso(60), lost_reason="Too expensive"),
        a_deal(61, {"title": "Ada"}, status="lost", lost_time=iso(60), lost_reason="Too expensive"),
        a_deal(200, {"status": "lost", "lost_time": iso(60)}),
        gone,
        an_item(240, "change", "person", {"id": 77, "update_time": iso(240)}, previous={"name": "A"}),
        a_deal(320, {"status": "open"}, status="won", won_time=iso(320), value=1500),
    ]


async def test_the_life_of_a_lead_in_pipedrive_becomes_the_expected_facts(shipped: Posting) -> None:
    life = a_life()
    await post_each(shipped, "pipedrive", life)
    for item in life:  # a second webhook reports the same, and attempts are repeated
        item["meta"] |= {"id": f"second-{item['meta']['id']}", "webhook_id": "10", "attempt": 2}
    await post_each(shipped, "pipedrive", life)
    assert as_expected(unique(shipped.facts()), EXPECTED) == EXPECTED
    assert {(letter["dl_reason"], letter["dl_error"].partition(":")[0]) for letter in shipped.dead()} == {
        ("merge", "person 78 became 77")
    }


async def test_six_edits_of_a_finished_call_are_one_touch(shipped: Posting) -> None:
    for number in range(1, 7):
        item = an_activity(2, 1, {"note": "before"}, note="abcdef"[number - 1])
        item["meta"]["id"] = f"u{number}"
        assert (await post(shipped, "pipedrive", item))["accepted"] == 1
    assert len(shipped.facts()) == 6
    assert len(unique(shipped.facts())) == 1


@pytest.mark.parametrize("person", [None, 0, "0"])
async def test_what_concerns_no_person_concerns_no_lead(shipped: Posting, person: object) -> None:
    deal = an_item(0, "create", "deal", {**DEAL, "person_id": person, "update_time": iso(0)})
    for item in (deal, an_activity(2, 2, {"done": False}, person_id=person)):
        assert await post(shipped, "pipedrive", item) == {"accepted": 0, "ignored": 1, "dead_letters": 0}


@pytest.mark.parametrize("done", [True, "true", 1, "1", 1.0])
async def test_a_finished_call_is_one_however_a_relay_writes_it(shipped: Posting, done: object) -> None:
    await post(shipped, "pipedrive", an_activity(2, 1, {"done": False}, done=done))
    assert [type(fact).__name__ for fact in shipped.facts()] == ["LeadContacted"]


async def test_an_item_of_version_1_is_a_dead_letter_that_asks_for_version_2(shipped: Posting) -> None:
    old = {
        "v": 1,
        "event": "updated.deal",
        "current": {"id": 1},
        "meta": {"id": 1, "action": "updated", "object": "deal"},
    }
    assert (await post(shipped, "pipedrive", old))["dead_letters"] == 1
    (letter,) = shipped.dead()
    assert letter["dl_reason"] == "not_an_item"
    assert "version 2.0" in letter["dl_error"]


async def test_a_call_that_is_done_again_another_one_and_one_of_another_person_are_touches(shipped: Posting) -> None:
    same = an_activity(2, 1)
    others = [an_activity(5, 4, {"done": False}), an_activity(2, 1, id=10), an_activity(2, 1, {"a": 1}, person_id=78)]
    await post_each(shipped, "pipedrive", [same, *others])
    assert len(unique(shipped.facts())) == 4


@pytest.mark.parametrize(
    ("entity", "meta", "previous", "words"),
    [
        ("person", {"entity_id": "77", "merged_to_id": "88"}, {"id": 77}, "person 77 became 88"),
        ("deal", {"entity_id": "77", "merged_to_id": "88"}, {"id": 77}, "deal 77 became 88"),
        ("deal", {"entity_id": None, "merged_to_id": 88}, {"id": 77}, "deal 77 became 88"),
        ("person", {"entity_id": "77"}, {"id": 77, "merged_to_id": 88}, "person 77 became 88"),
        ("organization", {"entity_id": "77", "merged_to_id": "88"}, None, "organization 77 became 88"),
    ],
)
async def test_a_merge_is_a_dead_letter_that_names_both_ids(
    shipped: Posting, entity: str, meta: dict[str, object], previous: dict[str, object] | None, words: str
) -> None:
    item = an_item(1, "delete", entity, None, previous=previous, **meta)
    counts = await post(shipped, "pipedrive", item)
    assert (counts["dead_letters"], counts["ignored"]) == (1, 0)
    (letter,) = shipped.dead()
    assert (letter["dl_reason"], letter["dl_error"].partition(":")[0]) == ("merge", words)


@pytest.mark.parametrize(
    "item", [an_activity(2, 1, person_id=None), an_item(0, "create", "deal", {**DEAL, "person_id": None})]
)
async def test_what_belongs_to_no_person_concerns_no_lead(shipped: Posting, item: dict[str, Any]) -> None:
    assert await post(shipped, "pipedrive", item) == {"accepted": 0, "ignored": 1, "dead_letters": 0}


async def test_a_deleted_person_is_never_handed_back_and_a_deleted_deal_is_ignored(shipped: Posting) -> None:
    await post(shipped, "pipedrive", an_item(1, "delete", "person", None, previous={"id": 5}, entity_id="5"))
    await post(shipped, "pipedrive", an_item(1, "delete", "deal", None, previous={"id": 5}, entity_id="5"))
    assert [(fact.lead_id, fact.reason) for fact in shipped.facts()] == [("pipedrive/5", "invalid")]


@pytest.mark.parametrize(
    ("value", "currency", "minor"), [(5000, "JPY", 5000), (5000, "EUR", 500_000), (5, "KWD", 5000), (12.5, "USD", 1250)]
)
async def test_the_amount_of_a_won_deal_has_the_minor_units_of_its_currency(
    shipped: Posting, value: float, currency: str, minor: int
) -> None:
    won = a_deal(9, {"status": "open"}, status="won", won_time=iso(9), value=value, currency=currency)
    await post(shipped, "pipedrive", won)
    assert [(fact.amount, fact.currency) for fact in shipped.facts()] == [(minor, currency)]
