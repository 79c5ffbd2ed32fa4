"""Escalations as messages to people in Slack and Teams: what they see, and what no lead can make them see."""

import json
from typing import Any

import pytest

from tests.component.delivery.connectors.harness import (
    AT,
    ConnectorHarness,
    Delivered,
    a_recycle,
    a_request,
    a_revoke,
    an_escalation,
)
from tests.simulators.slack import Slack, read
from tests.simulators.teams import MAX_BYTES, Teams
from workers.delivery.attempts import Accepted, Gone, Outcome, Rejected, Retry, Unverified

LINK = {"link": "https://crm.example.com/leads/{lead_id}?by={owner_id}"}
HOSTILE = "<!channel> [x](https://evil.example) *a* & <https://evil.example|click> \u202e\r\nBcc: x@example.com"


def _slack(handing: ConnectorHarness, slack: Slack, **section: Any) -> Delivered:
    return handing(slack).configured({"kind": "slack"} | section, url=slack.webhook)


def _teams(handing: ConnectorHarness, teams: Teams, **section: Any) -> Delivered:
    return handing(teams).configured({"kind": "teams"} | section, url=teams.webhook)


async def test_many_escalations_are_one_message_with_the_most_urgent_first(handing: ConnectorHarness) -> None:
    async with Slack() as slack:
        outcomes = await _slack(handing, slack, timezone="Europe/Berlin", **LINK).deliver(
            an_escalation("7", owner_id="ana@x.org", touches=2),
            an_escalation("8", "AT_RISK", until=AT + 3_600_000, owner_id=""),
        )
        (message,) = slack.messages
    assert outcomes == [Accepted(200), Accepted(200)]
    title, first, second = message.text.splitlines()
    assert title == "*1 lead to act on and 1 promise at risk*"
    breaks = '"never contacted" breaks on Monday, 21 September 2026, 16:56 (Europe/Berlin)'
    assert first == f"• Lead 8 is at risk: {breaks}. Owner: nobody. Pass 1, 0 contacts."
    broken = '"never contacted" since Monday, 21 September 2026, 15:56 (Europe/Berlin); act until 19:56'
    assert second == f"• Act on lead 7: {broken}. Owner: ana@x.org. Pass 1, 2 contacts."
    assert message.links == [
        ("Lead 8 is at risk", "https://crm.example.com/leads/8?by="),
        ("Act on lead 7", "https://crm.example.com/leads/7?by=ana%40x.org"),
    ]


async def test_nothing_in_a_lead_notifies_a_channel_in_slack_or_adds_a_link(handing: ConnectorHarness) -> None:
    async with Slack() as slack:
        await _slack(handing, slack, **LINK).deliver_one(an_escalation(HOSTILE, reason=HOSTILE, owner_id=HOSTILE))
        (message,) = slack.messages
    assert message.mentions == []
    ((_, url),) = message.links
    assert url.startswith("https://crm.example.com/leads/%3C%21channel%3E%20%5Bx%5D")
    assert "<!channel> [x](https://evil.example)" in message.text  # it is shown as it is
    assert len(message.text.splitlines()) == 2
    assert "\u202e" not in message.text


async def test_nothing_in_a_lead_is_markdown_in_teams(handing: ConnectorHarness) -> None:
    async with Teams() as teams:
        await _teams(handing, teams, **LINK).deliver_one(an_escalation(HOSTILE, reason=HOSTILE, owner_id=HOSTILE))
        (card,) = teams.cards
    assert [url.partition("?")[0][:31] for _, url in card.links] == ["https://crm.example.com/leads/%"]
    assert "<!channel> [x](https://evil.example)" in card.text
    assert len(card.text.splitlines()) == 2


async def test_a_workflow_that_only_takes_the_request_leaves_it_unverified(handing: ConnectorHarness) -> None:
    async with Teams() as teams:
        handed = _teams(handing, teams)
        assert isinstance(await handed.deliver_one(an_escalation()), Unverified)
        teams.is_waiting = True
        assert await handed.deliver_one(an_escalation()) == Accepted(200)
        assert len(teams.cards) == 2


def _long(count: int) -> list[Any]:
    wide = "ß" * 90
    return [
        an_escalation(f"{number:03}{wide}", until=AT + number, reason=wide, owner_id=wide) for number in range(count)
    ]


async def test_a_message_for_slack_ends_within_the_limit_and_counts_the_rest(handing: ConnectorHarness) -> None:
    async with Slack() as slack:
        link = "https://crm.example.com/" + "{lead_id}" * 9
        outcomes = await _slack(handing, slack, batch_size=100, link=link).deliver(*_long(100))
        (call,) = slack.calls
        (message,) = slack.messages
    text = json.loads(call.body)["text"]
    assert 30_000 < len(text) <= 40_000
    _ends_with_the_rest(message.text, message.links, outcomes)
    assert read(text) == message  # it was not cut off


async def test_a_card_for_teams_ends_within_the_limit_and_counts_the_rest(handing: ConnectorHarness) -> None:
    async with Teams() as teams:
        outcomes = await _teams(handing, teams, batch_size=100, **LINK).deliver(*_long(100))
        (call,) = teams.calls
        (card,) = teams.cards
    assert 15_000 < len(call.body) < MAX_BYTES
    _ends_with_the_rest(card.text, card.links, outcomes)


def _ends_with_the_rest(text: str, links: list[tuple[str, str]], outcomes: Any) -> None:
    listed = len(links)
    assert 0 < listed < 100
    assert text.splitlines()[-1] == f"… and {100 - listed} more"
    assert [label[len("Act on lead ") :][:3] for label, _ in links] == [f"{number:03}" for number in range(listed)]
    details = [outcome.detail for outcome in outcomes]
    assert all(detail.startswith("counted and not listed") for detail in details[listed:])
    assert not any(detail.startswith("counted") for detail in details[:listed])


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("removed", Gone(404, "404: no_service")),
        ("archived", Gone(410, "410: channel_is_archived")),
        ("forbidden", Retry("rejects our credentials: 403: action_prohibited", 403)),
    ],
)
async def test_a_channel_that_is_gone_disables_the_endpoint_and_one_that_forbids_is_retried(
    state: str, expected: Outcome, handing: ConnectorHarness
) -> None:
    async with Slack() as slack:
        slack.state = state
        assert await _slack(handing, slack).deliver(an_escalation("7"), an_escalation("8")) == [expected, expected]


async def test_slack_above_its_rate_is_throttled_for_as_long_as_it_says(handing: ConnectorHarness) -> None:
    async with Slack(most=1, seconds=60) as slack:
        handed = _slack(handing, slack)
        await handed.deliver_one(an_escalation("7"))
        outcome = await handed.deliver_one(an_escalation("8"))
    assert outcome == Retry("too many requests (429)", 429, 1.0, throttled=True)


async def test_an_invalid_payload_is_final(handing: ConnectorHarness) -> None:
    async with Slack() as slack:
        handed = _slack(handing, slack)
        handed.connector._message = lambda _: {"text": ""}  # type: ignore[attr-defined]  # noqa: SLF001  a bug of ours
        assert await handed.deliver_one(an_escalation()) == Rejected(400, "400: no_text")


async def test_a_workflow_with_another_signature_is_retried_and_a_deleted_one_disables_the_endpoint(
    handing: ConnectorHarness,
) -> None:
    async with Teams() as teams:
        wrong = handing(teams).configured({"kind": "teams"}, url=teams.webhook.replace("sig=", "sig=x"))
        assert isinstance(await wrong.deliver_one(an_escalation()), Retry)
        teams.is_removed = True
        assert isinstance(await _teams(handing, teams).deliver_one(an_escalation()), Gone)


async def test_the_secret_url_is_in_no_outcome(handing: ConnectorHarness) -> None:
    async with Slack() as slack:
        handed = _slack(handing, slack)
    outcome = await handed.deliver_one(an_escalation())
    assert isinstance(outcome, Retry)
    assert "services" not in outcome.detail
    assert "XXXX" not in repr(handed.target)


async def test_a_recycle_is_not_for_people_and_does_not_stop_the_escalations_beside_it(
    handing: ConnectorHarness,
) -> None:
    async with Slack() as slack:
        outcomes = await _slack(handing, slack).deliver(a_recycle(), an_escalation(), a_revoke())
        assert [type(outcome) for outcome in outcomes] == [Rejected, Accepted, Rejected]
        assert len(slack.messages) == 1


async def test_a_test_message_says_so(handing: ConnectorHarness) -> None:
    async with Slack() as slack:
        handed = _slack(handing, slack)
        await handed.connector.deliver([a_request(an_escalation(), is_test=True)])
        assert slack.messages[0].text.startswith("*Test message, nothing to do: 1 lead to act on*")
