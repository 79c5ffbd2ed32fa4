"""The simulators can fail a connector: a request that the vendor's document does not describe is refused."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from time import time
from typing import Any

import aiohttp
import pytest

from tests.simulators.customerio import CustomerIo
from tests.simulators.hubspot import HubSpot
from tests.simulators.marketo import Marketo
from tests.simulators.mautic import Mautic
from tests.simulators.receiver import Receiver
from tests.simulators.served import Simulator, Window, basic
from tests.simulators.slack import MAX_BLOCKS, MAX_TEXT, Slack, read
from tests.simulators.teams import CARD, MAX_BYTES, Teams
from workers.signing import parse_key, signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105  the specification's own
BEARER = {"Authorization": "Bearer pat-1"}
TOKEN = {"Authorization": "Bearer token-1:int"}
EVENT = {"eventName": "pe1_x", "objectId": "7", "occurredAt": "2026-09-21T13:56:40.000Z", "properties": {}}
UUID = {"uuid": "6f1d1c0e-7a53-5a43-9a3c-0d4a5e0b7c11"}
SEND, ADD = "/events/2026-03/send", "/crm/lists/2026-03/31/memberships/add"
TRIGGER, LIST = "/rest/v1/campaigns/11/trigger.json", "/rest/v1/lists/21/leads.json"
CUSTOMER = "/api/v1/customers/7/events"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def _request(
    session: aiohttp.ClientSession, simulator: Simulator, method: str, path: str, **given: Any
) -> tuple[int, Any]:
    async with session.request(method, simulator.url + path, **given) as response:
        text = await response.text()
        return response.status, json.loads(text) if text else None


@pytest.mark.parametrize(
    ("method", "path", "given", "status"),
    [
        ("POST", SEND, {"json": EVENT | UUID, "headers": BEARER}, 204),
        ("POST", SEND, {"json": EVENT | UUID}, 401),
        ("POST", SEND, {"json": EVENT | UUID, "headers": {"Authorization": "pat-1"}}, 401),
        ("POST", SEND, {"json": EVENT, "headers": BEARER}, 400),
        ("POST", SEND, {"json": EVENT | {"uuid": "7"}, "headers": BEARER}, 400),
        ("POST", SEND, {"json": EVENT | UUID | {"objectId": 7}, "headers": BEARER}, 400),
        ("POST", SEND, {"json": EVENT | UUID | {"occurredAt": 1790000000}, "headers": BEARER}, 400),
        ("POST", SEND, {"json": EVENT | UUID | {"contactId": "7"}, "headers": BEARER}, 400),
        ("POST", SEND, {"json": EVENT | UUID | {"properties": {"undefined": "1"}}, "headers": BEARER}, 400),
        ("POST", SEND, {"json": EVENT | UUID | {"eventName": "pe1_y"}, "headers": BEARER}, 400),
        ("POST", SEND, {"data": json.dumps(EVENT | UUID), "headers": BEARER}, 400),
        ("PUT", SEND, {"json": EVENT | UUID, "headers": BEARER}, 405),
        ("PUT", ADD, {"json": ["7"], "headers": BEARER}, 200),
        ("PUT", ADD, {"json": [7], "headers": BEARER}, 400),
        ("PUT", ADD, {"json": {"recordIdsToAdd": ["7"]}, "headers": BEARER}, 400),
        ("POST", ADD, {"json": ["7"], "headers": BEARER}, 405),
        ("PUT", ADD.replace("31", "32"), {"json": ["7"], "headers": BEARER}, 404),
        ("PUT", "/crm/v1/lists/31/add", {"json": ["7"], "headers": BEARER}, 404),
    ],
)
async def test_the_simulator_of_hubspot_rejects_undocumented_requests(
    method: str, path: str, given: dict[str, Any], status: int, session: aiohttp.ClientSession
) -> None:
    async with HubSpot() as simulator:
        simulator.defined, simulator.lists, simulator.records = {"pe1_x": set()}, {"31": set()}, {"7"}
        assert (await _request(session, simulator, method, path, **given))[0] == status


def _input(*leads: Any, **more: Any) -> dict[str, Any]:
    return {"input": {"leads": [*leads], **more}}


@pytest.mark.parametrize(
    ("method", "path", "given", "code"),
    [
        ("POST", TRIGGER, {"json": _input({"id": 1}), "headers": TOKEN}, None),
        ("POST", TRIGGER, {"json": _input({"id": 1})}, "601"),
        ("POST", TRIGGER + "?access_token=token-1:int", {"json": _input({"id": 1}), "headers": TOKEN}, "601"),
        ("POST", TRIGGER, {"data": json.dumps(_input({"id": 1})), "headers": TOKEN}, "612"),
        ("POST", TRIGGER, {"json": {"leads": [{"id": 1}]}, "headers": TOKEN}, "609"),
        ("POST", TRIGGER, {"json": _input({"id": "1"}), "headers": TOKEN}, "1003"),
        ("POST", TRIGGER, {"json": _input(*[{"id": 1}] * 101), "headers": TOKEN}, "1003"),
        (
            "POST",
            TRIGGER,
            {"json": _input({"id": 1}, tokens=[{"name": "my.x", "value": ""}]), "headers": TOKEN},
            "1003",
        ),
        ("POST", TRIGGER, {"json": _input({"id": 99}), "headers": TOKEN}, "1004"),
        ("POST", "/rest/v1/campaigns/12/trigger.json", {"json": _input({"id": 1}), "headers": TOKEN}, "1013"),
        ("POST", "/rest/v1/campaign/11/trigger.json", {"json": _input({"id": 1}), "headers": TOKEN}, "610"),
        ("POST", LIST + "?id=1&id=2", {"headers": TOKEN}, None),
        ("POST", LIST + "?id=1,2", {"headers": TOKEN}, "1001"),
        ("POST", LIST, {"headers": TOKEN}, "1001"),
        ("POST", LIST + "?" + "&".join(["id=1"] * 301), {"headers": TOKEN}, "1001"),
        ("DELETE", "/rest/v1/lists/22/leads.json?id=1", {"headers": TOKEN}, "1013"),
    ],
)
async def test_the_simulator_of_marketo_rejects_undocumented_requests_with_200(
    method: str, path: str, given: dict[str, Any], code: str | None, session: aiohttp.ClientSession
) -> None:
    async with Marketo() as simulator:
        simulator.tokens, simulator.leads = ["token-1:int"], {1, 2}
        simulator.campaigns, simulator.lists = {11: {1}}, {21: set()}
        status, response = await _request(session, simulator, method, path, **given)
    assert status == 200
    assert response["success"] == (code is None)
    assert code is None or response["errors"][0]["code"] == code


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/campaigns/3/contact/7/add", 200),
        ("GET", "/api/campaigns/3/contact/7/add", 405),
        ("POST", "/api/campaigns/3/contact/8/add", 404),
        ("POST", "/api/campaigns/4/contact/7/add", 404),
        ("POST", "/api/campaign/3/contact/7/add", 404),
        ("GET", "/api/contacts/7/campaigns", 200),
        ("GET", "/api/contacts/8/campaigns", 404),
    ],
)
async def test_the_simulator_of_mautic_rejects_unknown_resources(
    method: str, path: str, status: int, session: aiohttp.ClientSession
) -> None:
    async with Mautic() as simulator:
        simulator.contacts, simulator.campaigns = {7}, {3: {}}
        headers = {"Authorization": basic("api", "hunter2")}
        assert (await _request(session, simulator, method, path, headers=headers))[0] == status
        assert (await _request(session, simulator, method, path))[0] in (401, 404, 405)


async def test_the_simulator_of_mautic_reports_success_for_an_addition_without_effect(
    session: aiohttp.ClientSession,
) -> None:
    async with Mautic() as simulator:
        simulator.contacts, simulator.campaigns = {7}, {3: {}}
        for _ in range(2):
            headers = {"Authorization": basic("api", "hunter2")}
            _, response = await _request(session, simulator, "POST", "/api/campaigns/3/contact/7/add", headers=headers)
            assert response == {"success": 1}
        assert simulator.campaigns[3][7].rotation == 1


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        (CUSTOMER, {"name": "x", "id": "01BX5ZZKBKACTAV9WEVGEMMVRY", "timestamp": 1790000000, "data": {}}, 200),
        (CUSTOMER, {"name": "x", "id": "6f1d1c0e-7a53-5a43-9a3c-0d4a5e0b7c11"}, 400),
        (CUSTOMER, {"name": "x", "timestamp": 1790000000000}, 400),
        (CUSTOMER, {"data": {}}, 400),
        (CUSTOMER, {"name": "x", "data": {"recipient": "a@x.example"}}, 400),
        (CUSTOMER, {"name": "x", "event_id": "1"}, 400),
        ("/api/v1/customers/a/b/events", {"name": "x"}, 404),
    ],
)
async def test_the_simulator_of_customerio_rejects_undocumented_requests(
    path: str, sent: dict[str, Any], status: int, session: aiohttp.ClientSession
) -> None:
    async with CustomerIo() as simulator:
        headers = {"Authorization": basic("site", "key")}
        assert (await _request(session, simulator, "POST", path, json=sent, headers=headers))[0] == status
        assert (await _request(session, simulator, "POST", path, json=sent))[0] == 401


def test_a_rate_window_counts_as_vendors_do() -> None:
    clock = [0.0]
    window = Window(2, 10.0, lambda: clock[0])
    assert [window.takes_one() for _ in range(3)] == [True, True, False]
    clock[0] = 9.9
    assert not window.takes_one()
    clock[0] = 10.0
    assert window.takes_one()


@pytest.mark.parametrize("spoilt", ["webhook-id", "webhook-timestamp", "webhook-signature", "body", "type", ""])
async def test_the_receiver_accepts_only_signed_messages_of_the_specified_form(
    spoilt: str, session: aiohttp.ClientSession
) -> None:
    body = b'{"type": "lead.recycled", "timestamp": "2026-09-21T13:56:40Z", "data": {}}'
    headers = {"content-type": "application/json"} | signed_headers("m1", int(time()), body, [parse_key(SECRET)])
    if spoilt == "type":
        body = b'{"kind": "lead.recycled", "timestamp": "2026-09-21T13:56:40Z", "data": {}}'
        headers |= signed_headers("m1", int(time()), body, [parse_key(SECRET)])
    elif spoilt == "body":
        body += b" "
    elif spoilt:
        headers[spoilt] = "1"
    async with Receiver([SECRET]) as receiver:
        status, _ = await _request(session, receiver, "POST", "/", data=body, headers=headers)
        assert status == (401 if spoilt else 200)
        assert bool(receiver.messages) == (not spoilt)


async def test_the_receiver_is_a_process_with_configurable_responses(session: aiohttp.ClientSession) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.simulators.receiver",
        "--secret",
        SECRET,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert process.stdout is not None
    ready = (await asyncio.wait_for(process.stdout.readline(), 20)).split()
    url = f"http://127.0.0.1:{int(ready[1])}"
    body = b'{"type": "lead.recycled", "timestamp": "", "data": {}}'
    headers = {"content-type": "application/json"} | signed_headers("m1", int(time()), body, [parse_key(SECRET)])
    await session.post(f"{url}/_behave", json={"mode": "status", "status": 503, "times": 1})
    statuses = [(await session.post(f"{url}/hook", data=body, headers=headers)).status for _ in range(2)]
    seen = await (await session.get(f"{url}/_seen")).json()
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 20) == 0
    assert statuses == [503, 200]
    assert list(seen["messages"]) == ["m1"]
    assert [one["status"] for one in seen["tries"]] == [503, 200]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"json": {"text": "hello"}}, 200),
        ({"json": {"text": ""}}, 400),
        ({"json": {"blocks": []}}, 400),
        ({"json": {"text": "hello", "username": "leadloop"}}, 400),
        ({"json": {"text": "hello", "blocks": [{"type": "divider"}] * (MAX_BLOCKS + 1)}}, 400),
        ({"data": json.dumps({"text": "hello"})}, 400),
    ],
)
async def test_slack_takes_only_what_its_documents_describe(
    sent: dict[str, Any], status: int, session: aiohttp.ClientSession
) -> None:
    async with Slack() as slack, session.post(slack.webhook, **sent) as response:
        assert response.status == status
        assert len(slack.messages) == (status == 200)


async def test_slack_knows_no_other_webhook_and_cuts_off_a_long_text(session: aiohttp.ClientSession) -> None:
    async with Slack() as slack:
        async with session.post(slack.webhook + "x", json={"text": "hello"}) as response:
            assert (response.status, await response.text()) == (404, "no_service")
        async with session.post(slack.webhook, json={"text": "x" * (MAX_TEXT + 1)}) as response:
            assert response.status == 200
        assert len(slack.messages[0].text) == MAX_TEXT


def test_slack_reads_mentions_and_links_and_shows_what_is_escaped() -> None:
    message = read("<!channel> <@U1> <https://a.example/?x=1&amp;y=2|here> &lt;!here&gt; <https://b.example>")
    assert message.mentions == ["!channel", "@U1"]
    assert message.links == [("here", "https://a.example/?x=1&y=2"), ("https://b.example", "https://b.example")]
    assert message.text == "!channel @U1 here <!here> https://b.example"


def _card(*blocks: dict[str, Any], kind: str = CARD) -> dict[str, Any]:
    content = {"type": "AdaptiveCard", "version": "1.4", "body": list(blocks)}
    return {"type": "message", "attachments": [{"contentType": kind, "content": content}]}


@pytest.mark.parametrize(
    ("sent", "status", "cards"),
    [
        (_card({"type": "TextBlock", "text": "hello"}), 202, 1),
        (_card({"type": "TextBlock", "text": "hello"}, kind="text/plain"), 202, 0),
        (_card({"type": "TextBlock", "text": "x" * MAX_BYTES}), 202, 0),
        (_card(), 202, 0),
        ({"text": "hello"}, 202, 0),
        (["hello"], 400, 0),
    ],
)
async def test_a_workflow_answers_before_it_posts_and_posts_only_cards_within_the_limit(
    sent: Any, status: int, cards: int, session: aiohttp.ClientSession
) -> None:
    async with Teams() as teams, session.post(teams.webhook, json=sent) as response:
        assert (response.status, len(teams.cards)) == (status, cards)


async def test_a_workflow_reads_markdown_in_text_blocks_and_not_in_text_runs(session: aiohttp.ClientSession) -> None:
    text = "[here](https://a.example)"
    runs = {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text}]}
    async with Teams() as teams:
        async with session.post(teams.webhook, json=_card({"type": "TextBlock", "text": text}, runs)):
            pass
        (card,) = teams.cards
    assert card.text.splitlines() == ["here", text]
    assert card.links == [("here", "https://a.example")]
