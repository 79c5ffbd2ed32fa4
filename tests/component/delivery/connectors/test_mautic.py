"""Mautic: success means nothing, what is read back does."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.component.delivery.connectors.harness import ConnectorHarness, Delivered, a_recycle, a_revoke
from tests.simulators.mautic import Mautic, Member
from workers.delivery.attempts import Accepted, NoOp, Rejected, Retry, Unverified

WRONG = {"password": "x"}
PASSWORD = {"password": "hunter2"}


@pytest.fixture
async def mautic() -> AsyncIterator[Mautic]:
    async with Mautic() as simulator:
        simulator.contacts = {7, 8}
        simulator.campaigns = {3: {}, 4: {}}
        simulator.segments = {5: set()}
        yield simulator


@pytest.fixture
def nurture(handing: ConnectorHarness, mautic: Mautic) -> Delivered:
    section = {"kind": "mautic", "user": "api", "campaigns": {"offer": 3, "*": 4}}
    return handing(mautic).configured(section, **PASSWORD)


async def test_a_recycle_removes_and_adds_the_contact_and_reads_back(nurture: Delivered, mautic: Mautic) -> None:
    outcome = await nurture.deliver_one(a_recycle("7"))
    assert isinstance(outcome, Accepted)
    assert mautic.paths() == [
        "POST /api/campaigns/3/contact/7/remove",
        "POST /api/campaigns/3/contact/7/add",
        "GET /api/contacts/7/campaigns",
    ]
    assert len(mautic.calls) <= nurture.target.max_calls


async def test_a_contact_in_the_campaign_starts_it_again(nurture: Delivered, mautic: Mautic) -> None:
    mautic.campaigns[3] = {7: Member()}
    mautic.cron()
    await nurture.deliver(a_recycle("7"))
    mautic.cron()
    assert mautic.sent == [(3, 7, 1), (3, 7, 2)]


async def test_mautic_acts_when_its_cron_jobs_run(nurture: Delivered, mautic: Mautic) -> None:
    await nurture.deliver(a_recycle("7"))
    assert mautic.sent == []


async def test_success_that_changed_nothing_is_unverified(nurture: Delivered, mautic: Mautic) -> None:
    mautic.drops_additions = True
    outcome = await nurture.deliver_one(a_recycle("7"))
    assert isinstance(outcome, Unverified)
    assert "the contact is not in 3 (unpublished?)" in outcome.detail


async def test_an_unpublished_campaign_is_unverified(nurture: Delivered, mautic: Mautic) -> None:
    mautic.unpublished = {3}
    assert isinstance(await nurture.deliver_one(a_recycle("7")), Unverified)


async def test_a_revoke_removes_the_contact_from_every_campaign(nurture: Delivered, mautic: Mautic) -> None:
    mautic.campaigns = {3: {7: Member()}, 4: {7: Member()}, 6: {7: Member()}}
    assert await nurture.deliver_one(a_revoke("7")) == Accepted(200, "read back")
    out = {campaign: members[7].manually_removed for campaign, members in mautic.campaigns.items()}
    assert out == {3: True, 4: True, 6: False}
    assert len(mautic.calls) <= nurture.target.max_calls


async def test_a_revoke_of_a_contact_in_no_campaign_is_a_no_op(nurture: Delivered) -> None:
    assert await nurture.deliver_one(a_revoke("7")) == NoOp(200, "was in none of them")


async def test_a_reported_removal_that_cannot_be_read_back_is_unverified(nurture: Delivered, mautic: Mautic) -> None:
    mautic.campaigns[3] = {7: Member()}
    mautic.drops_removals = True
    assert isinstance(await nurture.deliver_one(a_revoke("7")), Unverified)


@pytest.mark.parametrize("event", [a_recycle("404"), a_revoke("404"), a_recycle("not-a-number")])
async def test_an_unknown_contact_is_rejected(event: Any, nurture: Delivered) -> None:
    assert isinstance(await nurture.deliver_one(event), Rejected)


async def test_an_unknown_campaign_is_retried_because_it_can_be_fixed(
    handing: ConnectorHarness, mautic: Mautic
) -> None:
    section = {"kind": "mautic", "user": "api", "campaigns": {"*": 99}}
    outcome = await handing(mautic).configured(section, **PASSWORD).deliver_one(a_recycle("7"))
    assert isinstance(outcome, Retry)
    assert "99" in outcome.detail


async def test_segments_are_changed_like_campaigns(handing: ConnectorHarness, mautic: Mautic) -> None:
    section = {"kind": "mautic", "user": "api", "segments": {"*": 5}}
    handed = handing(mautic).configured(section, **PASSWORD)
    assert isinstance(await handed.deliver_one(a_recycle("7")), Accepted)
    assert mautic.segments[5] == {7}
    assert await handed.deliver_one(a_revoke("7")) == Accepted(200, "read back")
    assert mautic.segments[5] == set()


async def test_a_wrong_password_of_mautic_is_retried_because_it_can_be_fixed(
    handing: ConnectorHarness, mautic: Mautic
) -> None:
    section = {"kind": "mautic", "user": "api", "campaigns": {"*": 3}}
    handed = handing(mautic).configured(section, **WRONG)
    assert isinstance(await handed.deliver_one(a_recycle("7")), Retry)
