"""Escalations in the vendors' tools: tasks, events, campaigns and fields, with their misleading responses."""

from collections.abc import AsyncIterator
from time import time

import pytest

from tests.component.delivery.connectors.harness import (
    ConnectorHarness,
    Delivered,
    a_recycle,
    a_request,
    a_revoke,
    an_escalation,
)
from tests.simulators.customerio import CustomerIo
from tests.simulators.hubspot import HubSpot
from tests.simulators.marketo import Marketo
from tests.simulators.mautic import Mautic
from tests.simulators.receiver import Receiver
from workers.delivery.attempts import Accepted, Rejected, Unverified

TOKEN = {"token": "pat-1"}
PASSWORD = {"password": "hunter2"}
SIGNING = {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
MARKETO = {"client_id": "id", "client_secret": "secret"}
UNTIL = "2026-09-21T17:56:40.000Z"


@pytest.fixture
async def hubspot() -> AsyncIterator[HubSpot]:
    async with HubSpot() as simulator:
        simulator.records, simulator.owners = {"7"}, {"42"}
        simulator.defined = {"pe1_escalated": {"escalation_id", "reason", "until"}, "pe1_recycled": {"reason"}}
        yield simulator


@pytest.fixture
def tasks(handing: ConnectorHarness, hubspot: HubSpot) -> Delivered:
    return handing(hubspot).configured({"kind": "hubspot-task"}, **TOKEN)


async def test_a_webhook_gets_an_escalation_with_its_owner_and_until_when_to_act(handing: ConnectorHarness) -> None:
    async with Receiver([SIGNING["secret"]]) as receiver:
        handed = handing(receiver)
        handed = handed.configured({"kind": "webhook", "secrets": [handed.file("secret", SIGNING["secret"])]})
        handed.clock = time()
        await handed.deliver(an_escalation(), an_escalation(action="AT_RISK", escalation_id="y7"))
        assert [one.error for one in receiver.tries] == ["", ""]
        first, second = receiver.messages["x7_escalate"], receiver.messages["y7_at_risk"]
    assert (first["type"], second["type"]) == ("lead.escalated", "lead.at_risk")
    expected = {"escalation_id": "x7", "until": UNTIL, "owner_id": "42", "reason": "never_contacted", "lead_id": "7"}
    assert expected.items() <= first["data"].items()
    assert "track" not in first["data"]


async def test_a_task_is_due_when_the_escalation_ends_and_belongs_to_the_owner_and_the_contact(
    tasks: Delivered, hubspot: HubSpot
) -> None:
    assert await tasks.deliver_one(an_escalation()) == Accepted(201)
    (task,) = hubspot.tasks
    assert task["properties"]["hs_timestamp"] == UNTIL
    assert task["properties"]["hubspot_owner_id"] == "42"
    assert task["properties"]["hs_task_subject"] == "Act on lead 7 (never_contacted)"
    assert [one["to"]["id"] for one in task["associations"]] == ["7"]
    assert len(hubspot.calls) <= tasks.target.max_calls


async def test_a_repeated_escalation_makes_no_second_task(tasks: Delivered, hubspot: HubSpot) -> None:
    await tasks.deliver_one(an_escalation())
    (outcome,) = await tasks.connector.deliver([a_request(an_escalation(), attempt=2)])
    assert outcome == Accepted(200, "the task was there already")
    assert len(hubspot.tasks) == 1


@pytest.mark.parametrize("owner_id", ["43", "Ana", ""])
async def test_a_task_whose_owner_hubspot_does_not_know_is_made_without_one(
    owner_id: str, tasks: Delivered, hubspot: HubSpot
) -> None:
    assert await tasks.deliver_one(an_escalation(owner_id=owner_id)) == Accepted(201, "without an owner")
    (task,) = hubspot.tasks
    assert "hubspot_owner_id" not in task["properties"]
    assert f"Owner: {owner_id or 'none'}." in task["properties"]["hs_task_body"]


async def test_a_task_for_a_contact_that_does_not_exist_is_rejected(tasks: Delivered) -> None:
    assert isinstance(await tasks.deliver_one(an_escalation("9")), Rejected)


async def test_a_hubspot_event_has_the_name_and_the_properties_of_its_action(
    handing: ConnectorHarness, hubspot: HubSpot
) -> None:
    section = {"kind": "hubspot-event", "event_name": "pe1_recycled", "escalate_event_name": "pe1_escalated"}
    handed = handing(hubspot).configured(section, **TOKEN)
    assert await handed.deliver_one(an_escalation()) == Accepted(204)
    assert await handed.deliver_one(an_escalation()) == Accepted(204)
    (sent,) = hubspot.events.values()
    assert sent["eventName"] == "pe1_escalated"
    assert sent["properties"] == {"escalation_id": "x7", "reason": "never_contacted", "until": UNTIL}


@pytest.mark.parametrize("kind", ["hubspot-list", "marketo-list"])
async def test_a_list_rejects_an_escalation_without_a_call(
    kind: str, handing: ConnectorHarness, hubspot: HubSpot
) -> None:
    secrets = TOKEN if kind == "hubspot-list" else MARKETO
    handed = handing(hubspot).configured({"kind": kind, "lists": {"*": 1}}, **secrets)
    assert isinstance(await handed.deliver_one(an_escalation()), Rejected)
    assert hubspot.calls == []


async def test_a_marketo_campaign_is_requested_with_the_tokens_of_escalations(handing: ConnectorHarness) -> None:
    async with Marketo() as marketo:
        marketo.leads, marketo.campaigns = {7}, {11: set(), 13: set()}
        section = {"kind": "marketo-campaign", "campaigns": {"*": 11}, "escalate_campaign": 13}
        tokens = {"escalation_tokens": {"{{my.owner}}": "owner_id"}}
        handed = handing(marketo).configured(section | tokens, **MARKETO)
        outcomes = await handed.deliver(an_escalation(), a_recycle("7"))
        assert all(isinstance(outcome, Unverified) for outcome in outcomes)
        assert [(campaign, tokens) for campaign, _, tokens in marketo.requested] == [
            (13, [{"name": "{{my.owner}}", "value": "42"}]),
            (11, []),
        ]


async def test_an_escalation_is_written_to_the_fields_of_a_mautic_contact_and_read_back(
    handing: ConnectorHarness,
) -> None:
    async with Mautic() as mautic:
        mautic.contacts, mautic.campaigns, mautic.fields = {7}, {3: {}}, {"sales_until": {}}
        section = {"kind": "mautic", "user": "api", "campaigns": {"*": 3}}
        handed = handing(mautic).configured(section | {"escalation_fields": {"sales_until": "until"}}, **PASSWORD)
        assert await handed.deliver_one(an_escalation()) == Accepted(200, "read back")
        assert mautic.fields["sales_until"] == {7: UNTIL}
        assert isinstance(await handed.deliver_one(an_escalation("9")), Rejected)


async def test_a_field_that_mautic_does_not_have_is_unverified(handing: ConnectorHarness) -> None:
    async with Mautic() as mautic:
        mautic.contacts, mautic.campaigns = {7}, {3: {}}
        section = {"kind": "mautic", "user": "api", "campaigns": {"*": 3}}
        handed = handing(mautic).configured(section | {"escalation_fields": {"sales_until": "until"}}, **PASSWORD)
        outcome = await handed.deliver_one(an_escalation())
        assert isinstance(outcome, Unverified)
        assert "['sales_until']" in outcome.detail


async def test_customerio_processes_a_repeated_escalation_once(handing: ConnectorHarness) -> None:
    async with CustomerIo() as customerio:
        customerio.people = {"7"}
        handed = handing(customerio).configured({"kind": "customerio"}, site_id="site", api_key="key")
        await handed.deliver(an_escalation(), an_escalation(), an_escalation(action="AT_RISK", escalation_id="y7"))
        assert [name for _, name, _ in customerio.processed] == ["lead_escalated", "lead_at_risk"]


async def test_a_task_is_not_for_recycles(tasks: Delivered, hubspot: HubSpot) -> None:
    outcomes = await tasks.deliver(a_recycle(), a_revoke())
    assert all(isinstance(outcome, Rejected) for outcome in outcomes)
    assert hubspot.calls == []
