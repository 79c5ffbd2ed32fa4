"""HubSpot: what its answers say is read, for it ignores what it cannot do."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.component.delivery.connectors.harness import ConnectorHarness, Delivered, a_recycle, a_revoke
from tests.simulators.hubspot import HubSpot
from workers.delivery.attempts import Accepted, NoOp, Rejected, Retry, Unverified

WRONG = {"token": "hunter2"}
TOKEN = {"token": "pat-1"}
LOOK = "/crm/lists/2026-03/records/memberships/batch/read"


@pytest.fixture
async def hubspot() -> AsyncIterator[HubSpot]:
    async with HubSpot() as simulator:
        simulator.records = {"7", "8", "9"}
        simulator.lists = {"31": set(), "32": set()}
        simulator.defined = {"pe1_recycled": {"recycle_id", "track", "reason"}, "pe1_revoked": {"recycle_id", "reason"}}
        yield simulator


@pytest.fixture
def events(handing: ConnectorHarness, hubspot: HubSpot) -> Delivered:
    section = {"kind": "hubspot-event", "event_name": "pe1_recycled", "revoke_event_name": "pe1_revoked"}
    return handing(hubspot).configured(section, **TOKEN)


async def test_hubspot_accepts_an_event_of_the_contact(events: Delivered, hubspot: HubSpot) -> None:
    assert await events.deliver_one(a_recycle("7")) == Accepted(204)
    (sent,) = hubspot.events.values()
    assert sent["objectId"] == "7"
    assert sent["properties"] == {"recycle_id": "r7", "track": "offer", "reason": "price"}
    assert sent["occurredAt"] == "2026-09-21T13:56:40.000Z"


async def test_a_repeated_event_has_the_same_uuid_and_is_ignored_by_hubspot(
    events: Delivered, hubspot: HubSpot
) -> None:
    await events.deliver_one(a_recycle())
    assert await events.deliver_one(a_recycle()) == Accepted(204)
    assert hubspot.dropped == list(hubspot.events)


async def test_a_rejected_repeated_uuid_counts_as_accepted(events: Delivered, hubspot: HubSpot) -> None:
    hubspot.says_conflict = True
    await events.deliver_one(a_recycle())
    assert await events.deliver_one(a_recycle()) == Accepted(409, "it had received this event before")


async def test_a_revoke_sends_its_own_event(events: Delivered, hubspot: HubSpot) -> None:
    await events.deliver(a_recycle(), a_revoke())
    assert [sent["eventName"] for sent in hubspot.events.values()] == ["pe1_recycled", "pe1_revoked"]


async def test_without_a_revoke_event_a_revoke_is_rejected(handing: ConnectorHarness, hubspot: HubSpot) -> None:
    handed = handing(hubspot).configured({"kind": "hubspot-event", "event_name": "pe1_recycled"}, **TOKEN)
    outcome = await handed.deliver_one(a_revoke())
    assert isinstance(outcome, Rejected)
    assert "cannot be revoked" in outcome.detail
    assert hubspot.calls == []


@pytest.mark.parametrize("lead_id", ["lead-7", "", "0", "7.0", "٧", "-7", "7" * 19])
async def test_a_lead_id_that_is_not_a_record_id_is_rejected_with_a_fix(
    lead_id: str, events: Delivered, hubspot: HubSpot
) -> None:
    outcome = await events.deliver_one(a_recycle(lead_id))
    assert isinstance(outcome, Rejected)
    assert "strip_prefix" in outcome.detail
    assert hubspot.calls == []


async def test_strip_prefix_removes_the_prefix_of_an_import(handing: ConnectorHarness, hubspot: HubSpot) -> None:
    section = {"kind": "hubspot-event", "event_name": "pe1_recycled", "strip_prefix": "hubspot:"}
    assert await handing(hubspot).configured(section, **TOKEN).deliver_one(a_recycle("hubspot:7")) == Accepted(204)


async def test_an_event_that_is_not_defined_in_hubspot_is_rejected(handing: ConnectorHarness, hubspot: HubSpot) -> None:
    section = {"kind": "hubspot-event", "event_name": "pe1_other"}
    outcome = await handing(hubspot).configured(section, **TOKEN).deliver_one(a_recycle())
    assert isinstance(outcome, Rejected)
    assert "not defined" in outcome.detail


async def test_a_wrong_token_is_retried_because_it_can_be_fixed(handing: ConnectorHarness, hubspot: HubSpot) -> None:
    section = {"kind": "hubspot-event", "event_name": "pe1_recycled"}
    handed = handing(hubspot).configured(section, **WRONG)
    outcome = await handed.deliver_one(a_recycle())
    assert isinstance(outcome, Retry)
    assert not outcome.throttled
    assert "hunter2" not in outcome.detail


async def test_the_rate_limit_of_hubspot_throttles(handing: ConnectorHarness) -> None:
    async with HubSpot(most=2) as simulator:
        simulator.defined = {"pe1_recycled": {"recycle_id", "track", "reason"}}
        handed = handing(simulator).configured({"kind": "hubspot-event", "event_name": "pe1_recycled"}, **TOKEN)
        outcomes = await handed.deliver(a_recycle("1"), a_recycle("2"), a_recycle("3"))
    assert outcomes[:2] == [Accepted(204), Accepted(204)]
    assert outcomes[2] == Retry("too many requests (429)", 429, None, throttled=True)


@pytest.fixture
def lists(handing: ConnectorHarness, hubspot: HubSpot) -> Delivered:
    return handing(hubspot).configured({"kind": "hubspot-list", "lists": {"offer": 31, "*": 32}}, **TOKEN)


async def test_members_and_unknown_contacts_are_recognised_in_the_response_of_hubspot(
    lists: Delivered, hubspot: HubSpot
) -> None:
    hubspot.lists["31"] = {"8"}
    outcomes = await lists.deliver(a_recycle("7"), a_recycle("8"), a_recycle("404"), a_recycle("x"))
    assert outcomes[0] == Accepted(200)
    assert outcomes[1] == NoOp(200, "was on the list 31 already")
    assert outcomes[2] == Rejected(200, "HubSpot has no record 404")
    assert isinstance(outcomes[3], Rejected)
    assert hubspot.paths() == ["PUT /crm/lists/2026-03/31/memberships/add", f"POST {LOOK}"]
    assert hubspot.lists["31"] == {"7", "8"}


async def test_a_contact_that_hubspot_neither_adds_nor_names_is_tried_again(lists: Delivered, hubspot: HubSpot) -> None:
    hubspot.ignores = {"7": 1}
    outcomes = await lists.deliver(a_recycle("7"), a_recycle("8"))
    assert outcomes == [Retry("HubSpot did not add 7 to the list 31, and does not say why", 200), Accepted(200)]
    assert await lists.deliver_one(a_recycle("7")) == Accepted(200)
    assert hubspot.lists["31"] == {"7", "8"}


async def test_a_contact_that_hubspot_neither_removes_nor_names_is_tried_again(
    lists: Delivered, hubspot: HubSpot
) -> None:
    hubspot.lists, hubspot.ignores = {"31": {"7"}, "32": set()}, {"7": 2}
    outcome = await lists.deliver_one(a_revoke("7"))
    assert outcome == Retry("HubSpot did not remove 7 from the list 31, and does not say why", 200)
    assert await lists.deliver_one(a_revoke("7")) == Accepted(200, "removed from the list")
    assert hubspot.lists["31"] == set()


async def test_a_contact_that_left_and_was_not_added_again_is_tried_again(
    handing: ConnectorHarness, hubspot: HubSpot
) -> None:
    section = {"kind": "hubspot-list", "lists": {"offer": 31}, "rejoin": True}
    handed = handing(hubspot).configured(section, **TOKEN)
    hubspot.ignores = {"7": 3}
    assert await handed.deliver_one(a_recycle("7")) == Retry("HubSpot did not add 7 to the list 31")
    assert await handed.deliver_one(a_recycle("7")) == Accepted(200)


async def test_without_the_right_to_read_members_what_hubspot_does_not_name_is_unverified(
    lists: Delivered, hubspot: HubSpot
) -> None:
    hubspot.lists["31"], hubspot.may_read_lists = {"8"}, False
    outcomes = await lists.deliver(a_recycle("7"), a_recycle("8"))
    assert outcomes[0] == Accepted(200)
    assert isinstance(outcomes[1], Unverified)
    assert "crm.lists.read" in outcomes[1].detail


async def test_a_look_at_the_members_that_fails_is_tried_again(lists: Delivered, hubspot: HubSpot) -> None:
    hubspot.lists["31"] = {"8"}
    hubspot.instead = [web.json_response({}), web.Response(status=503)]
    assert isinstance(await lists.deliver_one(a_recycle("8")), Retry)


async def test_other_tracks_use_the_list_of_the_asterisk(lists: Delivered, hubspot: HubSpot) -> None:
    assert await lists.deliver_one(a_recycle("7", track="later")) == Accepted(200)
    assert hubspot.lists["32"] == {"7"}


async def test_changes_of_one_list_are_made_in_one_call(lists: Delivered, hubspot: HubSpot) -> None:
    hubspot.lists["31"] = {"9"}
    outcomes = await lists.deliver(a_recycle("7"), a_recycle("8", track="later"), a_revoke("9"), a_recycle("9"))
    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert hubspot.lists == {"31": {"7", "9"}, "32": {"8"}}, "of two words about a lead in one batch, RECYCLE stands"
    assert len(hubspot.calls) == 5 <= lists.target.max_calls


async def test_a_track_without_a_list_is_rejected(handing: ConnectorHarness, hubspot: HubSpot) -> None:
    handed = handing(hubspot).configured({"kind": "hubspot-list", "lists": {"offer": 31}}, **TOKEN)
    outcome = await handed.deliver_one(a_recycle("7", track="later"))
    assert outcome == Rejected(None, "no list is configured for the track 'later'")


async def test_a_revoke_removes_the_lead_from_every_list(lists: Delivered, hubspot: HubSpot) -> None:
    hubspot.lists = {"31": {"7"}, "32": {"9"}}
    outcomes = await lists.deliver(a_revoke("7"), a_revoke("8"), a_revoke("9"))
    assert outcomes == [
        Accepted(200, "removed from the list"),
        NoOp(200, "was not on the list"),
        Accepted(200, "removed from the list"),
    ]
    assert hubspot.lists == {"31": set(), "32": set()}
    assert len(hubspot.calls) == 3


async def test_with_rejoin_a_member_is_removed_and_added_so_that_workflows_start(
    handing: ConnectorHarness, hubspot: HubSpot
) -> None:
    hubspot.lists["31"] = {"7"}
    section = {"kind": "hubspot-list", "lists": {"offer": 31}, "rejoin": True}
    handed = handing(hubspot).configured(section, **TOKEN)
    outcomes = await handed.deliver(a_recycle("7"), a_recycle("8"))
    assert outcomes == [Accepted(200, "was on the list: removed and added again"), Accepted(200)]
    assert sorted(hubspot.joined) == [("31", "7"), ("31", "8")]
    assert len(hubspot.calls) == 3 <= handed.target.max_calls


@pytest.mark.parametrize("number", [33, 99])
async def test_a_dynamic_or_missing_list_is_retried_because_it_can_be_fixed(
    number: int, handing: ConnectorHarness, hubspot: HubSpot
) -> None:
    hubspot.dynamic = {"33"}
    handed = handing(hubspot).configured({"kind": "hubspot-list", "lists": {"*": number}}, **TOKEN)
    outcome = await handed.deliver_one(a_recycle("7"))
    assert isinstance(outcome, Retry)
    assert f"the list {number} cannot be changed" in outcome.detail


async def test_an_invalid_response_is_unverified(lists: Delivered, hubspot: HubSpot) -> None:
    hubspot.instead = [web.Response(text="<html>")]
    assert isinstance(await lists.deliver_one(a_recycle("7")), Unverified)
