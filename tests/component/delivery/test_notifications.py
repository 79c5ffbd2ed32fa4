"""Messages to people in a running worker: many escalations in few messages, and a result for each of them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from schemas.events import LeadEscalated
from tests.component.delivery.harness import World, a_recycle, an_escalation, of, stopped, until
from tests.component.delivery.test_replay import leadloop
from tests.simulators.mail_server import MailServer
from tests.simulators.slack import Slack
from tests.waiting import TIMEOUT
from workers.delivery.core.model import RetryState
from workers.delivery.core.wait_topics import WaitTopics

CRASHED = 99


@pytest.fixture
async def slack(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Slack]:
    async with Slack() as simulator:
        monkeypatch.setenv("LEADLOOP_TEST_SLACK", simulator.webhook)
        world.others["slack"] = _section(simulator)
        yield simulator


def _section(slack: Slack, **more: Any) -> dict[str, Any]:
    reached = {"url": {"env": "LEADLOOP_TEST_SLACK"}, "allow_http": True, "ports": [slack.port]}
    return {"kind": "slack", "batch_milliseconds": 2_000, "link": "https://crm.example.com/{lead_id}"} | reached | more


def _listed(slack: Slack) -> Counter[str]:
    """How often each lead was listed in a message."""
    return Counter(url.rpartition("/")[2] for message in slack.messages for _, url in message.links)


def _leads(events: Sequence[LeadEscalated]) -> dict[str, int]:
    return {event.lead_id: 1 for event in events}


async def test_many_escalations_are_few_messages_and_each_has_a_result_of_its_own(world: World, slack: Slack) -> None:
    async with MailServer() as mail:
        sender = {"kind": "email", "host": "127.0.0.1", "port": mail.port, "tls": "none", "from": "a@example.com"}
        world.others["mail"] = sender | {"to": ["b@example.com"], "only": {"actions": ["AT_RISK"]}}
        broken = [an_escalation(number) for number in range(20)]
        warnings = [an_escalation(number, "AT_RISK") for number in range(20, 25)]
        worker = world.start()
        world.publish([*broken, *warnings, a_recycle(1)])
        await world.wait_finished([*of(["slack"], [*broken, *warnings]), *of(["mail"], warnings)])
        assert _listed(slack) == _leads([*broken, *warnings])
        assert len(slack.messages) <= 6  # 25 are two batches at least, and partitions may be taken over one by one
        lines = [line for sent in mail.mails for line in sent.message.get_content().splitlines()]
        assert sum(line.endswith(" is at risk") for line in lines) == len(warnings)
        assert len(mail.mails) <= 3
        assert set(map(tuple, world.finished().values())) == {("accepted",)}
        assert len(world.finished()) == 30
        assert await stopped(worker) == 0


async def test_messages_stay_within_the_rate_of_the_channel(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Slack(most=1, seconds=1.0) as slack:
        monkeypatch.setenv("LEADLOOP_TEST_SLACK", slack.webhook)
        world.others["slack"] = _section(slack, batch_size=2, batch_milliseconds=200)
        events = [an_escalation(number) for number in range(6)]
        world.publish(events)
        world.start()
        await world.wait_finished(of(["slack"], events))
        assert {call.status for call in slack.calls} == {200}
        assert _listed(slack) == _leads(events)


@pytest.mark.parametrize("crash", [("after", "http", 1), ("before", "result", 1), ("after", "result", 3)])
async def test_a_crash_between_the_message_and_its_results_repeats_the_message_at_most(
    crash: tuple[str, str, int], world: World, slack: Slack
) -> None:
    events = [an_escalation(number) for number in range(8)]
    world.publish(events)
    crashed = world.start(world.job(crash=crash))
    assert await asyncio.to_thread(crashed.wait, TIMEOUT) == CRASHED
    recorded = {result.lead_id for result in world.results()}
    world.start()
    await world.wait_finished(of(["slack"], events))
    assert list(world.finished().values()) == [["accepted"]] * len(events)
    listed = _listed(slack)
    assert set(listed) == set(_leads(events))
    assert max(listed.values()) <= 2
    assert {listed[lead] for lead in recorded} <= {1}


async def test_with_every_minutes_escalations_wait_in_kafka_for_the_same_instant(world: World, slack: Slack) -> None:
    world.others["slack"] = _section(slack, every_minutes=1)
    events = [an_escalation(number) for number in range(6)]
    world.publish(events)
    world.start()
    await until(lambda: len(_waits(world)) >= len(events))
    assert {state.why for state in _waits(world)} == {"collected"}
    assert {state.due_at % 60_000 for state in _waits(world)} == {0}


def _waits(world: World) -> list[RetryState]:
    return [RetryState.of(record.headers) for topic in WaitTopics().delays for record in world.read(topic)]


async def test_a_channel_that_was_removed_disables_the_endpoint_until_somebody_resumes_it(
    world: World, slack: Slack
) -> None:
    slack.state = "removed"
    world.start(world.job(delays=(0.0, 60.0)))  # for so long an endpoint may be disabled
    event = an_escalation(1)
    world.publish([event])
    await until(lambda: len(world.read("endpoint-states")) >= 1)
    slack.state = ""
    world.set_state("slack", "active")
    await world.wait_finished(of(["slack"], [event]))
    assert _listed(slack) == {"lead-1": 1}


async def test_endpoints_test_sends_a_message_that_says_it_is_a_test(world: World, slack: Slack) -> None:
    assert "slack: accepted, status 200" in await leadloop(world, "endpoints", "test", "slack")
    (message,) = slack.messages
    assert message.text.startswith("*Test message, nothing to do: 1 lead to act on*")
