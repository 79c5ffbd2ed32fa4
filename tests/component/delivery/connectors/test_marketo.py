"""Marketo: nearly everything is 200, and the truth is inside."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from tests.component.delivery.connectors.harness import NOW, ConnectorHarness, Delivered, a_recycle, a_revoke
from tests.simulators.marketo import Marketo
from workers.delivery.attempts import Accepted, NoOp, Rejected, Retry, Unverified

WRONG = {"client_id": "id", "client_secret": "hunter2"}
CREDENTIALS = {"client_id": "id", "client_secret": "secret"}


@pytest.fixture
async def marketo() -> AsyncIterator[Marketo]:
    async with Marketo() as simulator:
        simulator.leads = {*range(1, 500)}
        simulator.campaigns = {11: {*range(1, 500)}, 12: set()}
        simulator.lists = {21: set(), 22: set()}
        yield simulator


def _marketo(handing: ConnectorHarness, simulator: Marketo, kind: str, **section: Any) -> Delivered:
    section = {"kind": f"marketo-{kind}", **section}
    return handing(simulator).configured(section, **CREDENTIALS)


@pytest.fixture
def campaigns(handing: ConnectorHarness, marketo: Marketo) -> Delivered:
    return _marketo(handing, marketo, "campaign", campaigns={"*": 11}, revoke_campaign=12)


async def test_a_campaign_is_requested_for_many_leads_with_the_token_in_the_header(
    campaigns: Delivered, marketo: Marketo
) -> None:
    outcomes = await campaigns.deliver(*(a_recycle(str(lead)) for lead in range(1, 101)))
    assert {type(outcome) for outcome in outcomes} == {Unverified}
    assert marketo.requested == [(11, [*range(1, 101)], [])]
    assert campaigns.connector.batch_size == 100
    assert all("token-" not in call.query for call in marketo.calls)


async def test_a_token_is_cached_until_shortly_before_it_expires(campaigns: Delivered, marketo: Marketo) -> None:
    await campaigns.deliver(a_recycle("1"))
    await campaigns.deliver(a_recycle("2"))
    assert _fetched(marketo) == 1
    campaigns.clock += 3600
    marketo.expired = {*marketo.tokens}
    await campaigns.deliver(a_recycle("3"))
    assert _fetched(marketo) == 2
    triggered = [call for call in marketo.calls if call.path.endswith("trigger.json")]
    assert len(triggered) == len(marketo.requested) == 3, "no call is spent on an expired token"


@pytest.mark.parametrize("code", [601, 602])
async def test_a_token_that_expired_early_is_replaced_within_the_attempt(
    code: int, campaigns: Delivered, marketo: Marketo
) -> None:
    await campaigns.deliver(a_recycle("1"))
    if code == 602:
        marketo.expired = {*marketo.tokens}
    else:
        marketo.tokens.clear()
    assert isinstance(await campaigns.deliver_one(a_recycle("2")), Unverified)
    assert _fetched(marketo) == 2


async def test_wrong_credentials_are_retried_and_not_in_the_message(
    handing: ConnectorHarness, marketo: Marketo
) -> None:
    section = {"kind": "marketo-campaign", "campaigns": {"*": 11}}
    handed = handing(marketo).configured(section, **WRONG)
    outcome = await handed.deliver_one(a_recycle("1"))
    assert isinstance(outcome, Retry)
    assert outcome.detail.startswith("no token")
    assert "hunter2" not in outcome.detail


@pytest.mark.parametrize(
    ("code", "after", "throttled"),
    [
        (606, 20.0, True),
        (615, 5.0, True),
        (608, None, False),
        (611, None, False),
        (713, None, False),
        (1013, None, False),
    ],
)
async def test_a_200_with_a_transient_error_is_retried(
    code: int, after: float | None, throttled: bool, campaigns: Delivered, marketo: Marketo
) -> None:
    await campaigns.deliver(a_recycle("1"))
    response = {"requestId": "1", "success": False, "errors": [{"code": str(code), "message": "words"}]}
    marketo.instead = [web.json_response(response)]
    outcome = await campaigns.deliver_one(a_recycle("2"))
    assert outcome == Retry(f"{code} words", 200, after, throttled=throttled)


async def test_an_exhausted_daily_quota_waits_until_midnight_cst(campaigns: Delivered, marketo: Marketo) -> None:
    marketo.quota = 0
    outcome = await campaigns.deliver_one(a_recycle("1"))
    assert isinstance(outcome, Retry)
    assert outcome.throttled
    assert outcome.after_seconds is not None
    assert datetime.fromtimestamp(NOW + outcome.after_seconds, UTC).strftime("%H:%M:%S") == "06:00:00"


async def test_the_rate_limit_of_marketo_throttles(handing: ConnectorHarness) -> None:
    async with Marketo(most=2) as simulator:
        simulator.leads, simulator.campaigns = {1}, {11: {1}}
        handed = _marketo(handing, simulator, "campaign", campaigns={"*": 11})
        outcomes = [await handed.deliver_one(a_recycle("1")) for _ in range(3)]
    assert isinstance(outcomes[1], Unverified)
    assert isinstance(outcomes[2], Retry)
    assert outcomes[2].throttled


async def test_a_lead_that_marketo_does_not_have_is_rejected(campaigns: Delivered) -> None:
    outcome = await campaigns.deliver_one(a_recycle("9999"))
    assert isinstance(outcome, Rejected)
    assert outcome.detail.startswith("1004")


async def test_one_unknown_lead_does_not_fail_the_others_of_its_batch(campaigns: Delivered, marketo: Marketo) -> None:
    waiting = [a_recycle(str(lead)) for lead in (1, 2, 3, 9999, 5, 6, 7)]
    ended: dict[str, object] = {}
    for _ in range(10):
        outcomes = await campaigns.deliver(*waiting)
        outcome_of = dict(zip(waiting, outcomes, strict=True))
        assert all(outcome.throttled for outcome in outcomes if isinstance(outcome, Retry))
        ended |= {event.lead_id: outcome for event, outcome in outcome_of.items() if not isinstance(outcome, Retry)}
        waiting = [event for event, outcome in outcome_of.items() if isinstance(outcome, Retry)]
        if not waiting:
            break
    assert isinstance(ended.pop("9999"), Rejected)
    assert {type(outcome) for outcome in ended.values()} == {Unverified}
    assert sorted(lead for _, lead in marketo.ran) == [1, 2, 3, 5, 6, 7]


async def test_a_requested_campaign_is_unverified_because_marketo_does_not_report_who_qualified(
    campaigns: Delivered, marketo: Marketo
) -> None:
    marketo.campaigns[11] = set()
    outcome = await campaigns.deliver_one(a_recycle("1"))
    assert outcome == Unverified(200, "requested; Marketo does not report whether the lead qualified")
    assert marketo.ran == []


async def test_with_tokens_each_call_has_one_lead(handing: ConnectorHarness, marketo: Marketo) -> None:
    handed = _marketo(handing, marketo, "campaign", campaigns={"*": 11}, tokens={"{{my.reason}}": "reason"})
    assert handed.connector.batch_size == 1
    await handed.deliver(a_recycle("1"))
    assert marketo.requested == [(11, [1], [{"name": "{{my.reason}}", "value": "price"}])]


async def test_a_revoke_requests_the_revoke_campaign(campaigns: Delivered, marketo: Marketo) -> None:
    await campaigns.deliver(a_revoke("1"))
    assert marketo.requested[0][0] == 12


async def test_without_a_revoke_campaign_a_revoke_is_rejected(handing: ConnectorHarness, marketo: Marketo) -> None:
    outcome = await _marketo(handing, marketo, "campaign", campaigns={"*": 11}).deliver_one(a_revoke("1"))
    assert isinstance(outcome, Rejected)
    assert "cannot be revoked" in outcome.detail


@pytest.fixture
def static(handing: ConnectorHarness, marketo: Marketo) -> Delivered:
    return _marketo(handing, marketo, "list", lists={"offer": 21, "*": 22})


async def test_results_per_lead_are_read_and_memberships_read_back(static: Delivered, marketo: Marketo) -> None:
    outcomes = await static.deliver(a_recycle("1"), a_recycle("9999"), a_recycle("x"))
    assert outcomes[0] == Accepted(200, "read back")
    assert outcomes[1] == Rejected(200, "1004 Lead not found")
    assert isinstance(outcomes[2], Rejected)
    assert marketo.lists[21] == {1}


async def test_300_leads_fit_into_the_query_of_one_call(static: Delivered, marketo: Marketo) -> None:
    outcomes = await static.deliver(*(a_recycle(str(lead)) for lead in range(100, 400)))
    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert len(marketo.calls) == 3


async def test_a_reported_addition_that_cannot_be_read_back_is_unverified(static: Delivered, marketo: Marketo) -> None:
    marketo.forgets_adding = True
    outcome = await static.deliver_one(a_recycle("1"))
    assert outcome == Unverified(200, "Marketo reports success, but reads back 'notmemberof'")


async def test_without_verify_memberships_are_not_read_back(handing: ConnectorHarness, marketo: Marketo) -> None:
    handed = _marketo(handing, marketo, "list", lists={"*": 21}, verify=False)
    assert await handed.deliver_one(a_recycle("1")) == Accepted(200)
    assert [call.method for call in marketo.calls] == ["GET", "POST"]


async def test_a_revoke_removes_from_every_list_and_reads_back(static: Delivered, marketo: Marketo) -> None:
    marketo.lists = {21: {1}, 22: {2}}
    outcomes = await static.deliver(a_revoke("1"), a_revoke("2"), a_revoke("3"), a_revoke("9999"))
    assert outcomes[:2] == [Accepted(200, "read back")] * 2
    assert outcomes[2] == NoOp(200, "1015 Lead not in list")
    assert isinstance(outcomes[3], Rejected)
    assert marketo.lists == {21: set(), 22: set()}


def _fetched(marketo: Marketo) -> int:
    return sum(call.path == "/identity/oauth/token" for call in marketo.calls)
