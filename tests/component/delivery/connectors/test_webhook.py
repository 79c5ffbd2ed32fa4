"""Webhooks to a receiver that verifies them by a reading of the specification of its own."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import time
from typing import Any

import pytest

from tests.component.delivery.connectors.harness import ConnectorHarness, Delivered, a_recycle, a_request, a_revoke
from tests.simulators.receiver import Behaviour, Receiver
from workers.delivery.attempts import Accepted, Gone, Rejected, Retry

NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
PRIVATE = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver([NEW]) as receiver:
        yield receiver


def _handed(handing: ConnectorHarness, receiver: Receiver, *secrets: str, **section: Any) -> Delivered:
    handed = handing(receiver)
    handed.clock = time()
    filed = [handed.file(f"secret{number}", secret) for number, secret in enumerate(secrets or (NEW,))]
    return handed.configured({"kind": "webhook", "url": f"{receiver.url}/hook", "secrets": filed, **section})


@pytest.fixture
def handed(handing: ConnectorHarness, receiver: Receiver) -> Delivered:
    return _handed(handing, receiver)


async def test_a_recycle_arrives_signed_with_all_fields(handed: Delivered, receiver: Receiver) -> None:
    assert await handed.deliver_one(a_recycle("7", not_before=1_790_000_000_000)) == Accepted(200)
    message = receiver.messages["r7_recycle"]
    assert (message["type"], message["timestamp"]) == ("lead.recycled", "2026-09-21T13:56:40.000Z")
    assert message["data"]["lead_id"] == "7"
    assert message["data"]["track"] == "offer"
    assert message["data"]["not_before"] == "2026-09-21T14:13:20.000Z"
    assert "test" not in message


async def test_a_revoke_is_a_separate_message_with_the_same_recycle_id(handed: Delivered, receiver: Receiver) -> None:
    await handed.deliver(a_recycle("7"), a_revoke("7"))
    revoked = receiver.messages["r7_revoke"]
    assert revoked["type"] == "lead.revoked"
    assert revoked["data"]["recycle_id"] == receiver.messages["r7_recycle"]["data"]["recycle_id"]


async def test_a_repeated_message_has_the_same_id_and_the_time_of_the_attempt(
    handed: Delivered, receiver: Receiver
) -> None:
    await handed.deliver_one(a_recycle("7"))
    handed.clock += 100
    await handed.deliver_one(a_recycle("7"))
    first, second = receiver.calls
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 100
    assert len(receiver.messages) == 1


@pytest.mark.parametrize("known", [NEW, OLD, PUBLIC])
async def test_in_a_rotation_either_secret_verifies(known: str, handing: ConnectorHarness) -> None:
    async with Receiver([known]) as receiver:
        handed = _handed(handing, receiver, NEW, OLD, PRIVATE)
        assert await handed.deliver_one(a_recycle()) == Accepted(200)
    versions = [signature.split(",")[0] for signature in receiver.calls[0].headers["webhook-signature"].split(" ")]
    assert versions == ["v1", "v1", "v1a"]


async def test_the_receiver_detects_a_wrong_secret(handing: ConnectorHarness, receiver: Receiver) -> None:
    outcome = await _handed(handing, receiver, OLD).deliver_one(a_recycle())
    assert isinstance(outcome, Retry)
    assert outcome.status == 401
    assert "no signature of ours" in outcome.detail
    assert receiver.messages == {}


async def test_the_receiver_detects_an_old_message(handed: Delivered, receiver: Receiver) -> None:
    handed.clock -= 301
    assert isinstance(await handed.deliver_one(a_recycle()), Retry)
    assert receiver.tries[0].error == "not signed now"


async def test_a_sample_is_marked_as_a_test(handed: Delivered, receiver: Receiver) -> None:
    await handed.connector.deliver([a_request(is_test=True)])
    assert receiver.messages["r7_recycle"]["test"] is True


async def test_the_traceparent_is_passed_on(handed: Delivered, receiver: Receiver) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await handed.connector.deliver([a_request(traceparent=trace)])
    assert receiver.calls[0].headers["traceparent"] == trace


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_accepted(status: int, handed: Delivered, receiver: Receiver) -> None:
    receiver.behave(Behaviour("status", status))
    assert await handed.deliver_one(a_recycle()) == Accepted(status)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 422, 500, 502, 503, 504])
async def test_any_other_status_is_retried_as_specified(status: int, handed: Delivered, receiver: Receiver) -> None:
    receiver.behave(Behaviour("status", status))
    outcome = await handed.deliver_one(a_recycle())
    assert isinstance(outcome, Retry)
    assert (outcome.status, outcome.throttled, outcome.after_seconds) == (status, False, None)


async def test_a_redirect_is_a_failure_and_not_followed(handed: Delivered, receiver: Receiver) -> None:
    receiver.behave(Behaviour("redirect"))
    outcome = await handed.deliver_one(a_recycle())
    assert isinstance(outcome, Retry)
    assert "not followed" in outcome.detail
    assert receiver.paths() == ["POST /hook"]


async def test_410_disables_the_endpoint(handed: Delivered, receiver: Receiver) -> None:
    receiver.behave(Behaviour("status", 410))
    assert isinstance(await handed.deliver_one(a_recycle()), Gone)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_response_with_retry_after_throttles(status: int, handed: Delivered, receiver: Receiver) -> None:
    receiver.behave(Behaviour("status", status, retry_after="120"))
    outcome = await handed.deliver_one(a_recycle())
    assert isinstance(outcome, Retry)
    assert (outcome.after_seconds, outcome.throttled) == (120.0, True)


async def test_retry_after_may_be_a_date(handed: Delivered, receiver: Receiver) -> None:
    at = datetime.fromtimestamp(int(handed.clock), UTC) + timedelta(seconds=90)
    receiver.behave(Behaviour("status", 429, retry_after=format_datetime(at, usegmt=True)))
    outcome = await handed.deliver_one(a_recycle())
    assert isinstance(outcome, Retry)
    assert outcome.after_seconds == pytest.approx(90, abs=1.1)


@pytest.mark.parametrize("text", ["soon", "-5", "", "1e3", "٥", "Wed, 99 Foo 2026"])
async def test_an_invalid_retry_after_is_ignored(text: str, handed: Delivered, receiver: Receiver) -> None:
    receiver.behave(Behaviour("status", 429, retry_after=text))
    outcome = await handed.deliver_one(a_recycle())
    assert isinstance(outcome, Retry)
    assert (outcome.after_seconds, outcome.throttled) == (None, True)


async def test_a_hanging_receiver_times_out(handing: ConnectorHarness, receiver: Receiver) -> None:
    receiver.behave(Behaviour("hang"))
    handed = _handed(handing, receiver, timeout_seconds=1)
    outcome = await asyncio.wait_for(handed.deliver_one(a_recycle()), 10)
    assert outcome == Retry("no response within 1 s")


async def test_a_closed_connection_is_retried(handed: Delivered, receiver: Receiver) -> None:
    receiver.behave(Behaviour("cut"))
    assert await handed.deliver_one(a_recycle()) == Retry("the connection was closed")


async def test_a_receiver_that_recovers_gets_the_message(handed: Delivered, receiver: Receiver) -> None:
    receiver.behave(Behaviour("status", 500, times=2))
    outcomes = [await handed.deliver_one(a_recycle()) for _ in range(3)]
    assert [type(outcome) for outcome in outcomes] == [Retry, Retry, Accepted]
    assert list(receiver.messages) == ["r7_recycle"]


async def test_a_message_of_20_kb_is_rejected_and_not_sent(handed: Delivered, receiver: Receiver) -> None:
    outcome = await handed.deliver_one(a_recycle("7", campaign_id="x" * 20_000))
    assert isinstance(outcome, Rejected)
    assert receiver.calls == []


async def test_the_longest_texts_that_streams_emits_fit_into_a_message(handed: Delivered, receiver: Receiver) -> None:
    long = dict.fromkeys(("track", "reason", "origin", "campaign_id", "segment", "account_id"), "𝕏" * 256)
    assert await handed.deliver_one(a_recycle("𝕏" * 128, recycle_id="r7", **long)) == Accepted(200)
    assert len(receiver.calls[0].body) < 20_000
