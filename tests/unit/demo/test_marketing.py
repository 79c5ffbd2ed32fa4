"""The small marketing tool: believes only what is signed, and knows who is in nurture whatever the order."""

import json
import time
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from workers.demo.marketing import Inbox, InvalidMessage, Message, marketing_app
from workers.signing import parse_key, signed_headers

SECRET = parse_key("whsec_" + "A" * 32)
OTHER = parse_key("whsec_" + "B" * 32)


def a_body(action: str = "recycled", lead: str = "ada", recycle: str = "r1", track: str = "keep-warm") -> bytes:
    data = {"lead_id": lead, "recycle_id": recycle, "track": track if action == "recycled" else ""}
    return json.dumps({"type": f"lead.{action}", "timestamp": "2026-03-16T09:30:00.000Z", "data": data}).encode()


def a_message(action: str = "recycled", **fields: Any) -> Message:
    body = a_body(action, **fields)
    return Message.of(f"{json.loads(body)['data']['recycle_id']}_{action}", body)


def an_inbox(*messages: Message) -> Inbox:
    inbox = Inbox()
    for message in messages:
        inbox.take(message)
    return inbox


async def _posted(inbox: Inbox, body: bytes, headers: dict[str, str]) -> int:
    async with (
        TestClient(TestServer(marketing_app(inbox, [SECRET]))) as client,
        client.post("/", data=body, headers=headers) as r,
    ):
        return r.status


def test_a_recycle_puts_a_lead_into_its_track() -> None:
    found = an_inbox(a_message()).lead("ada")
    assert (found["in_nurture"], found["track"]) == (True, "keep-warm")


def test_a_revoke_takes_it_out_again_and_both_are_shown() -> None:
    inbox = an_inbox(a_message(), a_message("revoked"))
    assert not inbox.lead("ada")["in_nurture"]
    assert [one["type"] for one in inbox.lead("ada")["messages"]] == ["lead.recycled", "lead.revoked"]
    assert (inbox.counts()["received"], inbox.counts()["taken_back"], inbox.counts()["in_nurture"]) == (1, 1, 0)


def test_a_revoke_that_comes_first_counts_all_the_same() -> None:
    assert an_inbox(a_message("revoked"), a_message()).counts()["in_nurture"] == 0


def test_a_revoke_takes_back_no_other_recycle() -> None:
    inbox = an_inbox(a_message(), a_message(recycle="r2", track="offer"), a_message("revoked"))
    assert inbox.lead("ada")["track"] == "offer"


def test_a_message_that_is_repeated_counts_once() -> None:
    counts = an_inbox(a_message(), a_message()).counts()
    assert (counts["received"], counts["repeated"]) == (1, 1)


def test_the_newest_are_shown_first() -> None:
    inbox = an_inbox(*(a_message(recycle=f"r{number}") for number in range(12)))
    assert [one["data"]["recycle_id"] for one in inbox.newest()] == [f"r{number}" for number in range(11, 1, -1)]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"type": 1}', b'{"type": "lead.x", "timestamp": "", "data": {}}', b"\xff"]
)
def test_what_is_no_message_is_not_taken_for_one(body: bytes) -> None:
    with pytest.raises(InvalidMessage):
        Message.of("m", body)


async def test_what_is_signed_is_taken() -> None:
    inbox, body = Inbox(), a_body()
    assert await _posted(inbox, body, signed_headers("m1", int(time.time()), body, [SECRET])) == 204
    assert inbox.lead("ada")["messages"][0]["signature"] == "verified"


async def test_what_another_signed_is_refused_and_counted() -> None:
    inbox, body = Inbox(), a_body()
    assert await _posted(inbox, body, signed_headers("m1", int(time.time()), body, [OTHER])) == 401
    assert await _posted(inbox, body, {}) == 401
    assert (inbox.refused, inbox.counts()["received"]) == (2, 0)


async def test_what_is_signed_and_no_message_is_answered_as_such() -> None:
    body = b'{"type": "invoice.paid", "timestamp": "", "data": {}}'
    assert await _posted(Inbox(), body, signed_headers("m1", int(time.time()), body, [SECRET])) == 400


async def test_it_shows_what_it_has() -> None:
    async with TestClient(TestServer(marketing_app(an_inbox(a_message(lead="a/b")), [SECRET]))) as client:
        for path, name in (("/", "newest"), ("/counts", "in_nurture"), ("/leads/a/b", "messages")):
            async with client.get(path) as answer:
                assert (await answer.json())[name]
