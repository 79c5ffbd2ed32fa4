"""A lead's life as Salesforce's change events report it, by the shipped mapping.

Payloads: the Change Data Capture Developer Guide (the header, GAP and overflow events, enrichment), and its example of
a Pub/Sub API client, which writes every unchanged field as null and names the changed ones (as
pozil/pub-sub-api-node-client does). Unions spelled out: apache/hudi#2149.
"""

from typing import Any

import pytest

from tests.unit.ingest.lives import Expected, as_expected, at, post, post_each, unique
from tests.unit.ingest.posting import Posting

LEAD, DUPLICATE, CONTACT = "00Q5e000009AbCdEAK", "00Q5e000009ZzZzEAK", "0035e00000XyzAAAAK"
ADA, DUP = f"salesforce/{LEAD}", f"salesforce/{DUPLICATE}"

EXPECTED: list[Expected] = [
    ("LeadCreated", ADA, 0, {"origin": "Web", "owner_id": "005A", "do_not_contact": False}),
    ("LeadContacted", ADA, 2, {"by": "sales", "activity": "call", "direction": "outbound", "owner_id": "005A"}),
    ("LeadContacted", ADA, 26, {"by": "sales", "activity": "call"}),
    ("LeadContacted", ADA, 50, {"by": "sales", "activity": "email"}),
    ("LeadUpdated", ADA, 55, {"owner_id": "005B", "do_not_contact": "unchanged"}),
    ("LeadStalled", ADA, 60, {"reason": "unqualified"}),
    ("LeadContacted", ADA, 200, {"by": "sales", "outcome": "connected"}),  # opened again
    ("LeadStalled", DUP, 240, {"reason": "invalid"}),  # merged into the lead: a deletion, no more
    ("LeadUpdated", ADA, 250, {"do_not_contact": "yes"}),
    ("DealClosed", ADA, 320, {"outcome": "won"}),  # converted
]
UNCHANGED = dict.fromkeys(("Status", "LeadSource", "Outcome__c", "Company", "OwnerId", "HasOptedOutOfEmail"))


def an_event(
    hours: float, change: str, fields: dict[str, object], *, entity: str = "Lead", record: str = LEAD, **header: object
) -> dict[str, Any]:
    """As a relay of the Pub/Sub API posts it: the unchanged fields are null, and the changed ones are named."""
    return {
        "schema": "IeRuaY6cbI_HsV8Rv1Mc5g",
        "payload": {
            "ChangeEventHeader": {
                "entityName": entity,
                "recordIds": [record],
                "changeType": change,
                "changeOrigin": "com/salesforce/api/soap/60.0;client=SfdcInternalAPI/",
                "transactionKey": f"0001ade9-{hours}",
                "sequenceNumber": 1,
                "commitTimestamp": at(hours),
                "commitNumber": 1_082_985_383_811,
                "commitUser": "0055f000005mc66AAA",
                "nulledFields": [],
                "diffFields": [],
                "changedFields": [*fields, "LastModifiedDate"] if change == "UPDATE" else [],
                **header,
            },
            **(UNCHANGED if entity == "Lead" else {}),
            **fields,
        },
        "event": {"replayId": 6},
    }


def a_task(hours: float, change: str, task: str, **fields: object) -> dict[str, Any]:
    """A task of the lead; the channel is enriched with WhoId and TaskSubtype, so each of its events has them."""
    enriched = {"WhoId": LEAD, "TaskSubtype": fields.pop("TaskSubtype", "Call")}
    event = an_event(hours, change, fields, entity="Task", record=task)
    event["payload"] |= enriched
    return event


def a_life() -> list[dict[str, Any]]:
    return [
        an_event(0, "CREATE", {"Status": "Open - Not Contacted", "LeadSource": "Web", "OwnerId": "005A"}),
        a_task(2, "CREATE", "00T1", Status="Completed", Subject="Call", CallType="Outbound", OwnerId="005A"),
        a_task(3, "UPDATE", "00T1", Description="edited"),
        a_task(4, "UPDATE", "00T1", Description="edited again"),
        a_task(10, "CREATE", "00T2", Status="Not Started", Subject="Call", OwnerId="005A"),
        a_task(26, "UPDATE", "00T2", Status="Completed"),
        a_task(27, "UPDATE", "00T2", CallDisposition="Left Voicemail"),
        a_task(50, "CREATE", "00T3", Status="Completed", TaskSubtype="Email", OwnerId="005A"),
        an_event(52, "UPDATE", {"Company": "Analytical Engines"}),
        an_event(55, "UPDATE", {"OwnerId": "005B"}),
        an_event(60, "UPDATE", {"Status": "Closed - Not Converted"}),
        an_event(200, "UPDATE", {"Status": "Working - Contacted"}),
        an_event(240, "DELETE", {}, record=DUPLICATE),
        an_event(240, "UPDATE", {"Company": "Analytical Engines Ltd"}),
        an_event(250, "UPDATE", {"HasOptedOutOfEmail": True}),
        an_event(320, "UPDATE", {"Status": "Closed - Converted", "IsConverted": True, "ConvertedContactId": CONTACT}),
    ]


async def test_the_life_of_a_lead_in_salesforce_becomes_the_expected_facts(shipped: Posting) -> None:
    life = a_life()
    await post_each(shipped, "salesforce", life)
    await post(shipped, "salesforce", life)  # a relay that starts again sends them again
    assert as_expected(unique(shipped.facts()), EXPECTED) == EXPECTED
    assert shipped.dead() == []


async def test_what_a_relay_without_names_of_changed_fields_sends_leads_to_the_same_facts(shipped: Posting) -> None:
    life = a_life()
    for event in life:
        header = event["payload"]["ChangeEventHeader"]
        header["changedFields"] = ["0x400000"] if header["changeType"] == "UPDATE" else []
    await post_each(shipped, "salesforce", life)
    assert as_expected(unique(shipped.facts()), EXPECTED) == EXPECTED


async def test_an_id_of_15_characters_is_that_of_18(shipped: Posting) -> None:
    """A flow or a trigger that posts events may send what a formula or a report shows."""
    short = LEAD[:15]
    await post(shipped, "salesforce", an_event(1, "UPDATE", {"Status": "Contacted"}, record=short))
    await post(shipped, "salesforce", an_event(1, "UPDATE", {"Status": "Contacted"}))
    task = a_task(2, "CREATE", "00T1", Status="Completed")
    task["payload"]["WhoId"] = short
    await post(shipped, "salesforce", task)
    assert {fact.lead_id for fact in shipped.facts()} == {ADA}


@pytest.mark.parametrize("who", [CONTACT, None, ""])
async def test_a_task_of_a_contact_concerns_no_lead(shipped: Posting, who: str | None) -> None:
    task = a_task(2, "CREATE", "00T1", Status="Completed")
    task["payload"]["WhoId"] = who
    assert await post(shipped, "salesforce", task) == {"accepted": 0, "ignored": 1, "dead_letters": 0}


@pytest.mark.parametrize(
    "event",
    [
        an_event(1, "UPDATE", {}),
        an_event(1, "UPDATE", {}, changedFields=["0x400000"]),
        an_event(1, "UPDATE", {"Company": "x"}, changedFields=["0x02", "4-0x01"]),
        {"ChangeEventHeader": an_event(1, "UPDATE", {})["payload"]["ChangeEventHeader"]},
    ],
)
async def test_fields_that_did_not_change_are_no_fact(shipped: Posting, event: dict[str, Any]) -> None:
    assert await post(shipped, "salesforce", event) == {"accepted": 0, "ignored": 1, "dead_letters": 0}


async def test_a_field_that_an_event_was_only_enriched_with_is_no_change(shipped: Posting) -> None:
    event = an_event(1, "UPDATE", {"Company": "x"})
    event["payload"] |= {"Status": "Unqualified", "OwnerId": "005A", "IsConverted": True}
    assert (await post(shipped, "salesforce", event))["ignored"] == 1


@pytest.mark.parametrize(
    ("fields", "header"),
    [
        ({"Status": {"string": "Contacted"}}, {}),
        ({"Status": {"string": "Contacted"}}, {"commitTimestamp": {"long": at(1)}}),
        ({"Status": "Contacted"}, {"commitTimestamp": {"long": at(1)}, "changeOrigin": {"string": ""}}),
        ({"Status": {"string": "Contacted"}, "IsConverted": {"boolean": False}}, {}),
    ],
)
async def test_unions_may_be_spelled_out(shipped: Posting, fields: dict[str, object], header: dict[str, Any]) -> None:
    await post(shipped, "salesforce", an_event(1, "UPDATE", fields, **header))
    expected: list[Expected] = [("LeadContacted", ADA, 1, {"outcome": "connected"})]
    assert as_expected(shipped.facts(), expected) == expected


@pytest.mark.parametrize("inner", ["com.example.Status", "fields", "value"])
async def test_another_object_in_place_of_a_value_is_a_dead_letter_that_says_what_to_name(
    shipped: Posting, inner: str
) -> None:
    event = an_event(1, "UPDATE", {"Status": {inner: "Contacted"}})
    assert (await post(shipped, "salesforce", event))["dead_letters"] == 1
    assert f"`Status.{inner}`" in shipped.dead()[0]["dl_error"]
