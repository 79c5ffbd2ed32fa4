"""Posted changes without a touch, and changes in the webhooks of each system."""

import json
from typing import Any

import pytest

from schemas.events import LeadContacted, LeadUpdated
from tests.builders import T0
from tests.unit.ingest.posting import Posting, a_fact, faults
from tests.unit.ingest.webhooks import (
    SECRET,
    a_change,
    a_salesforce_event,
    from_hubspot,
    from_salesforce,
    segment_signature,
)


def an_update(**fields: object) -> dict[str, object]:
    return a_fact(**fields) | {"kind": "lead-updated"}


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({"do_not_contact": True}, {"do_not_contact": "yes"}),
        ({"do_not_contact": "No"}, {"do_not_contact": "no"}),
        ({"do_not_contact": 1}, {"do_not_contact": "yes"}),
        ({"consent": "granted"}, {"consent": "granted"}),
        ({"consent": False}, {"consent": "withdrawn"}),
        ({"consent_expires_at": T0}, {"consent_expires_at": T0}),
        ({"owner_id": "ann", "segment": None}, {"owner_id": "ann"}),
        ({"owner_id": "", "account_id": "  "}, {"owner_id": "", "account_id": ""}),
        ({"expected_amount": 500, "currency": "eur"}, {"expected_amount": 500, "currency": "EUR"}),
        ({"retracts": "call-1", "consent": "unchanged"}, {"retracts": "call-1"}),
    ],
)
async def test_a_posted_change_contains_what_it_changes_and_nothing_else(
    posting: Posting, fields: dict[str, object], changed: dict[str, Any]
) -> None:
    answer = await posting.post(an_update(**fields))
    assert (answer.status_code, answer.json()["topic"]) == (202, "lead-updated")
    (fact,) = posting.facts()
    known = {name: getattr(fact, name) for name in ("event_id", "lead_id", "occurred_at", "recorded_at", "source")}
    assert fact == LeadUpdated(**known, **changed)


@pytest.mark.parametrize(
    ("fields", "path", "fix"),
    [
        ({}, "", "add at least one of owner_id, segment"),
        ({"owner_id": None, "currency": "EUR"}, "", "add at least one of owner_id, segment"),
        ({"consent": "perhaps"}, "/consent", "write granted or withdrawn"),
        ({"do_not_contact": [True]}, "/do_not_contact", "write yes or no"),
        ({"owner_id": "ann", "origin": "web"}, "/origin", "write one of"),
        ({"owner_id": "x" * 257}, "/owner_id", "write at most 256"),
    ],
)
async def test_a_change_that_cannot_be_applied_is_rejected_with_a_fix(
    posting: Posting, fields: dict[str, object], path: str, fix: str
) -> None:
    answer = await posting.post(an_update(**fields))
    assert answer.status_code == 422
    ((where, text),) = faults(answer)
    assert where == path
    assert text.startswith(fix)


async def test_a_change_may_be_a_cloudevent(posting: Posting) -> None:
    event = {"specversion": "1.0", "id": "7", "source": "crm/eu", "type": "leadloop.v1.LeadUpdated"}
    told = {**event, "subject": "L1", "time": "2025-10-01T00:00:00Z", "data": {"do_not_contact": True}}
    answer = await posting.post(told, content_type="application/cloudevents+json")
    assert answer.status_code == 202
    assert [(fact.event_id, fact.do_not_contact) for fact in posting.facts()] == [("crm/eu:7", "yes")]


async def test_an_event_without_a_value_for_yes_or_no_counts_as_not_given(posting: Posting) -> None:
    await posting.post([a_fact(do_not_contact=" "), a_fact(do_not_contact="yes")])
    assert [fact.do_not_contact for fact in posting.facts()] == [False, True]


async def test_software_and_meetings_that_did_not_take_place_can_be_posted(posting: Posting) -> None:
    contacts = [{"by": "agent"}, {"by": "automation"}, {"outcome": "no_show"}, {"outcome": "cancelled"}]
    answer = await posting.post([a_fact(**fields) | {"kind": "lead-contacted"} for fields in contacts])
    assert answer.status_code == 202
    assert [(fact.by, fact.outcome) for fact in posting.facts()] == [
        ("agent", "unknown"),
        ("automation", "unknown"),
        ("sales", "no_show"),
        ("sales", "cancelled"),
    ]


async def test_hubspot_reports_owners_companies_and_opt_outs(webhooks: Posting) -> None:
    answer = await from_hubspot(
        webhooks,
        a_change("hubspot_owner_id", "51"),
        a_change("hubspot_owner_id", "", eventId=2),
        a_change("hs_email_optout", "true", eventId=3),
        a_change("hs_email_optout", "false", eventId=4),
        a_change("hs_email_optout", "", eventId=5),
        a_change("associatedcompanyid", "99", eventId=6),
    )
    assert answer.json() == {"accepted": 6, "ignored": 0, "dead_letters": 0}
    changes = [(fact.owner_id, fact.do_not_contact, fact.account_id) for fact in webhooks.facts()]
    assert changes == [
        ("51", "unchanged", None),
        ("", "unchanged", None),
        (None, "yes", None),
        (None, "no", None),
        (None, "no", None),
        (None, "unchanged", "99"),
    ]


async def test_a_change_of_another_object_in_hubspot_is_no_change_of_a_contact(webhooks: Posting) -> None:
    generic = {"subscriptionType": "object.propertyChange"}
    answer = await from_hubspot(
        webhooks,
        a_change("hubspot_owner_id", "51", objectTypeId="0-1", **generic),
        a_change("hubspot_owner_id", "52", objectTypeId="0-2", **generic),
        a_change("lifecyclestage", "customer", objectTypeId="0-3", **generic),
    )
    assert answer.json() == {"accepted": 1, "ignored": 2, "dead_letters": 0}
    assert [fact.owner_id for fact in webhooks.facts()] == ["51"]


async def test_salesforce_reports_the_owner_and_the_opt_out_that_an_event_contains(webhooks: Posting) -> None:
    await from_salesforce(
        webhooks,
        [
            a_salesforce_event(OwnerId="005A"),
            a_salesforce_event(HasOptedOutOfEmail=True, Status="Contacted"),
            a_salesforce_event(Phone="1", OwnerId=None),
        ],
    )
    owner, contacted, opted_out = webhooks.facts()
    assert (owner.owner_id, owner.do_not_contact) == ("005A", "unchanged")
    assert isinstance(contacted, LeadContacted)
    assert (opted_out.owner_id, opted_out.do_not_contact) == (None, "yes")


async def test_pipedrive_reports_owners_amounts_and_marketing_statuses(webhooks: Posting) -> None:
    meta = {"id": "u-1", "action": "change", "version": "2.0"}
    common = {"update_time": "2025-10-01T10:00:00Z"}
    deal = {"id": 7, "person_id": 12, "status": "open", "owner_id": 5, "value": 99.5, "currency": "EUR", **common}
    items: list[dict[str, object]] = [
        {"meta": {**meta, "entity": "deal"}, "data": deal, "previous": {"owner_id": 4}},
        {"meta": {**meta, "entity": "deal"}, "data": deal, "previous": {"value": 10}},
        {"meta": {**meta, "entity": "deal"}, "data": deal, "previous": {"title": "x"}},
    ]
    for status in ("unsubscribed", "subscribed"):
        person = {"id": 12, "marketing_status": status, **common}
        items.append({"meta": {**meta, "entity": "person"}, "data": person, "previous": {"marketing_status": "x"}})
    answer = await webhooks.post(items, "/v1/webhooks/pipedrive", authorization="Bearer pipedrive")
    assert answer.json() == {"accepted": 4, "ignored": 1, "dead_letters": 0}
    facts = webhooks.facts()
    assert {fact.lead_id for fact in facts} == {"pipedrive/12"}
    assert [(fact.owner_id, fact.expected_amount, fact.consent) for fact in facts] == [
        ("5", None, "unchanged"),
        (None, 9950, "unchanged"),
        (None, None, "withdrawn"),
        (None, None, "granted"),
    ]


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ("Unsubscribed", {"do_not_contact": "yes"}),
        ("Meeting Missed", {"by": "lead", "outcome": "no_show", "direction": "unknown"}),
        ("Meeting Cancelled", {"by": "lead", "outcome": "cancelled"}),
        ("Assistant Message Sent", {"by": "agent", "outcome": "sent", "direction": "outbound"}),
        ("Sequence Email Sent", {"by": "automation", "activity": "email"}),
    ],
)
async def test_segment_reports_opt_outs_software_and_missed_meetings(
    webhooks: Posting, event: str, fields: dict[str, str]
) -> None:
    call = {"type": "track", "event": event, "messageId": "m", "userId": "u1", "timestamp": "2025-10-01T10:00:00Z"}
    body = json.dumps(call).encode()
    signature = segment_signature(body, SECRET)
    answer = await webhooks.send(body, "/v1/webhooks/segment", x_signature=signature, authorization="")
    assert answer.json() == {"accepted": 1, "ignored": 0, "dead_letters": 0}
    (fact,) = webhooks.facts()
    assert {name: getattr(fact, name) for name in fields} == fields
