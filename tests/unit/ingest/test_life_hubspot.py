"""A lead's life as HubSpot reports it, by the shipped mapping.

Payloads: the fields of "Webhooks API" and of "generic webhook subscriptions" (developers.hubspot.com), and of the
changelog "New subscription types for Webhooks" (merge); the SDK's fixture has the same fields.
"""

import pytest

from tests.unit.ingest.lives import Expected, as_expected, at, post, unique
from tests.unit.ingest.posting import Posting

EXPECTED: list[Expected] = [
    ("LeadCreated", "hubspot/501", 0, {"origin": "form"}),
    ("LeadUpdated", "hubspot/501", 0.5, {"campaign_id": "spring"}),
    ("LeadUpdated", "hubspot/501", 1, {"owner_id": "77"}),
    ("LeadContacted", "hubspot/501", 2, {"by": "sales"}),
    ("LeadContacted", "hubspot/501", 26, {"by": "sales"}),
    ("LeadContacted", "hubspot/501", 50, {"by": "sales"}),
    ("LeadStalled", "hubspot/501", 60, {"reason": "unqualified", "declared_by": "sales"}),
    ("LeadCreated", "hubspot/501", 200, {"origin": "workflow"}),  # marketing passes it to sales again
    ("LeadContacted", "hubspot/501", 210, {"by": "lead", "activity": "email", "outcome": "replied"}),
    ("LeadContacted", "hubspot/501", 220, {"by": "lead", "outcome": "meeting_set", "next_step_at": at(300)}),
    ("LeadStalled", "hubspot/777", 240, {"reason": "invalid"}),  # the secondary contact of a merge
    ("DealClosed", "hubspot/501", 320, {"outcome": "won"}),
]


def an_item(hours: float, number: int, **fields: object) -> dict[str, object]:
    return {
        "eventId": number,
        "subscriptionId": 12345,
        "portalId": 62515,
        "appId": 54321,
        "occurredAt": at(hours),
        "subscriptionType": "contact.propertyChange",
        "attemptNumber": 0,
        "objectId": 501,
        "changeSource": "CRM_UI",
        "sourceId": "userId:77",
        **fields,
    }


def a_change(hours: float, name: str, value: object, source: str = "CRM_UI") -> list[dict[str, object]]:
    """A change of a property as three messages report it: two subscriptions, and a retry of one."""
    change = an_item(hours, int(hours * 10), propertyName=name, propertyValue=str(value), changeSource=source)
    generic = {"subscriptionType": "object.propertyChange", "objectTypeId": "0-1", "subscriptionId": 9, "eventId": 4}
    return [change, {**change, **generic, "isSensitive": False}, {**change, "attemptNumber": 1}]


def a_life() -> list[dict[str, object]]:
    called = "notes_last_contacted"
    return [
        an_item(0, 1, subscriptionType="contact.creation", changeFlag="NEW", changeSource="FORM"),
        *a_change(0, "lifecyclestage", "marketingqualifiedlead", "FORM"),
        *a_change(0.5, "hs_analytics_first_touch_converting_campaign", "spring"),
        *a_change(1, "hubspot_owner_id", 77),
        *a_change(2.1, called, at(2)),
        *a_change(26.1, called, at(26)),
        *a_change(26.3, "notes_last_updated", at(26.3)),  # edits of the second call
        *a_change(26.4, called, at(2)),  # it was deleted, and logged again
        *a_change(26.5, called, at(26)),
        *a_change(50.1, called, at(50)),
        *a_change(60, "hs_lead_status", "UNQUALIFIED"),
        *a_change(200, "lifecyclestage", "marketingqualifiedlead", "AUTOMATION_PLATFORM"),
        *a_change(210.2, "hs_sales_email_last_replied", at(210)),
        *a_change(220, "engagements_last_meeting_booked", at(300)),
        an_item(
            240,
            2400,
            subscriptionType="contact.merge",
            primaryObjectId=501,
            mergedObjectIds=[777],
            numberOfPropertiesMoved=3,
        ),
        an_item(240, 2401, subscriptionType="contact.deletion", objectId=777, changeFlag="DELETED"),
        *a_change(320, "lifecyclestage", "customer"),
    ]


async def test_the_life_of_a_lead_in_hubspot_becomes_the_expected_facts(shipped: Posting) -> None:
    await post(shipped, "hubspot", a_life())
    assert as_expected(unique(shipped.facts()), EXPECTED) == EXPECTED
    (letter,) = shipped.dead()
    assert letter["dl_reason"] == "merge"
    assert letter["dl_error"].startswith("777 became 501")


@pytest.mark.parametrize(
    ("merged", "words"),
    [
        ({"primaryObjectId": 1, "mergedObjectIds": [2, 3]}, "2, 3 became 1"),
        ({"primaryObjectId": 1, "mergedObjectIds": [2], "newObjectId": 9}, "2, 1 became 9"),
        ({"primaryObjectId": 1, "mergedObjectIds": [2], "newObjectId": 1}, "2 became 1"),
        ({"primaryObjectId": "1", "mergedObjectIds": 2, "objectTypeId": "0-1"}, "2 became 1"),
    ],
)
async def test_a_merge_names_the_ids_that_are_gone_and_the_one_that_remains(
    shipped: Posting, merged: dict[str, object], words: str
) -> None:
    name = "object.merge" if "objectTypeId" in merged else "contact.merge"
    counts = await post(shipped, "hubspot", [an_item(1, 1, subscriptionType=name, **merged)])
    assert counts == {"accepted": 0, "ignored": 0, "dead_letters": 1}
    (letter,) = shipped.dead()
    assert letter["dl_error"].startswith(f"{words}: ")


@pytest.mark.parametrize("object_type", ["0-2", "0-3", "0-5", "2-123456", ""])
@pytest.mark.parametrize(
    "event",
    [
        {"subscriptionType": "object.propertyChange", "propertyName": "lifecyclestage", "propertyValue": stage}
        for stage in ("marketingqualifiedlead", "customer")
    ]
    + [{"subscriptionType": "object.deletion"}],
)
async def test_another_object_is_no_lead_whatever_its_number_is(
    shipped: Posting, object_type: str, event: dict[str, object]
) -> None:
    counts = await post(shipped, "hubspot", [an_item(1, 1, objectTypeId=object_type, **event)])
    assert counts == {"accepted": 0, "ignored": 1, "dead_letters": 0}


async def test_the_merge_of_companies_is_no_merge_of_leads(shipped: Posting) -> None:
    merged = {"primaryObjectId": 1, "mergedObjectIds": [2], "objectTypeId": "0-2"}
    await post(shipped, "hubspot", [an_item(1, 1, subscriptionType="object.merge", **merged)])
    assert [letter["dl_reason"] for letter in shipped.dead()] == ["unmapped"]
