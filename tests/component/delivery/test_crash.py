"""The process ends, as by a power cut, at every effect: nothing is lost, nothing accepted is repeated.

Three scenarios. In the one, calls are accepted, fail, fail to the end, or are one of three that belong together; there
are results, waits, dead letters, what is no event, what goes to a topic, the state of an endpoint that is gone, and
commits, also those that say who has a partition. In the second, calls are throttled and counted: limits are taken,
given back and blocked. In the third, consents end: before a RECYCLE is consumed, and while it waits for an attempt.
"""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.events import LeadRecycled
from tests.component.delivery.harness import CODEC, World, a_recycle, of, stopped, until
from tests.component.delivery.job import Job
from tests.kafka import Broker
from tests.redis import RealRedis
from tests.simulators.mautic import Mautic
from tests.simulators.receiver import Behaviour
from tests.waiting import TIMEOUT

TIMES: dict[str, dict[str, tuple[int, ...]]] = {
    "calls": {"http": (1, 5, 9, 20)},
    "records": {"result": (1, 5, 9), "wait": (1, 3), "dead": (1,), "poison": (1,), "handed over": (1,), "state": (1,)},
    "offsets": {"commit": (1, 2), "held": (1,), "left": (1,)},
    "limits": {"redis": (1, 4), "budget": (1, 4), "release": (1,), "block": (1,)},
    "expiry": {"http": (1, 2), "result": (1, 3, 5), "wait": (1,)},
}
"""All that a worker does to the world outside, and the how-manieth time of it is the last."""
ALWAYS = {"limits": ("good", "busy"), "expiry": ("good", "down")}
OFTEN = ("good", "flaky", "down", "nurture", "handover")
"""Endpoints by scenario at which everything ends."""
CRASHED = 99
LONG_OVER = ("recycle1", "RECYCLE")
SLACK = 0.01
"""Seconds: results are stamped in whole milliseconds."""
AT_A_TIME = 5

Crash = tuple[str, str, int]


@pytest.mark.parametrize("groups", [("limits",), ("calls", "records", "offsets"), ("expiry",)])
async def test_every_side_effect_of_a_worker_has_its_crash_points(
    groups: tuple[str, ...], real_kafka: Broker, redis: RealRedis, tmp_path: Path
) -> None:
    async with World(real_kafka, tmp_path, redis.url, partitions=2) as world, Mautic() as mautic:
        events, file = await _scenario(world, mautic, groups[0]), tmp_path / "points"
        worker = world.start(_job(world, groups[0], points_file=str(file)))
        await world.wait_finished(of(ALWAYS.get(groups[0], OFTEN), events))
        await until(lambda: "gone" not in world.receivers or world.read("endpoint-states"))
        assert await stopped(worker) == 0
        every = {what for group in TIMES.values() for what in group}
        assert {what for group in groups for what in TIMES[group]} <= set(json.loads(file.read_text()))
        assert set(json.loads(file.read_text())) - {"follow"} <= every
        assert _faults(world) == ""


@pytest.mark.parametrize("group", TIMES)
async def test_a_crash_loses_no_delivery_and_repeats_none_that_was_recorded_as_accepted(
    group: str, real_kafka: Broker, redis: RealRedis, tmp_path: Path
) -> None:
    points = [point for what, counts in TIMES[group].items() for point in _points(what, counts)]
    room = asyncio.Semaphore(AT_A_TIME)

    async def run(crash: Crash) -> str:
        async with room:
            return await _crash(real_kafka, redis, tmp_path, group, crash)

    found = await asyncio.gather(*map(run, points))
    assert found == [""] * len(points), dict(zip(points, found, strict=True))


def _points(what: str, counts: tuple[int, ...]) -> list[Crash]:
    """Before and after each; and once while it is under way, where it is nothing that is done at once."""
    during = [] if what in TIMES["offsets"] else [("during", what, 1)]
    return [(when, what, count) for count in counts for when in ("before", "after")] + during


async def _crash(kafka: Broker, redis: RealRedis, directory: Path, group: str, crash: Crash) -> str:
    """What went wrong, if anything."""
    directory = directory / "-".join(map(str, crash))
    directory.mkdir()
    async with World(kafka, directory, redis.url, partitions=2) as world, Mautic() as mautic:
        events, always = await _scenario(world, mautic, group), ALWAYS.get(group, OFTEN)
        first = world.start(_job(world, group, crash=crash))
        if crash[1] == "left":
            await world.wait_finished(of(always, events), within=60)
            first.terminate()
        if await asyncio.to_thread(first.wait, TIMEOUT) != CRASHED:
            return f"it did not crash: {world.logs()}"
        second = world.start(_job(world, group))
        events += [a_recycle(4, expires_at=_in_five_minutes() if group == "expiry" else None)]
        world.publish(events[-1:])
        await world.wait_finished(of(always, events), within=60)
        if crash[1] == "state":
            world.set_state("gone", "active")
            await world.wait_finished(of(["gone"], events), within=60)
        if group == "expiry":
            events += await _revoked(world, events)
        code = await stopped(second)
        faults = _faults(world) or _missing(world, mautic, events) or ("" if code == 0 else f"exit code {code}")
        return faults or ", ".join(await asyncio.to_thread(world.audit))


def _job(world: World, group: str, **how: Any) -> Job:
    """Who is throttled must not be given up for it, however long a takeover lasts: that needs a long schedule.

    And what fails must be due again only after it has expired; it then ends as soon as it is looked at.
    """
    if group == "expiry":
        how |= {"tiers": (100, 200, 300, 400, 500, 600)}
    schedule = {"delays": (0.0, 600.0)} if group in ALWAYS else {}
    return world.job(**how, **schedule)


async def _scenario(world: World, mautic: Mautic, group: str) -> list[LeadRecycled]:
    await world.endpoint("good", **({"limits": "{per_day: 1000}"} if group == "limits" else {}))
    events = [a_recycle(number) for number in range(1, 4)]
    if group == "limits":
        (await world.endpoint("busy")).behave(Behaviour("status", 429, retry_after="1", times=1))
        world.publish(events)
        return events
    if group == "expiry":
        (await world.endpoint("down")).behave(Behaviour("status", 500))
        events = [a_recycle(1, expires_at=1), a_recycle(2, expires_at=_in_five_minutes())]
        world.publish(events)
        return events
    for name, behaviour in {
        "flaky": Behaviour("status", 503, times=3),
        "gone": Behaviour("status", 410, times=1),
        "down": Behaviour("status", 500),
    }.items():
        (await world.endpoint(name)).behave(behaviour)
    mautic.contacts, mautic.campaigns = {1, 2, 3, 4}, {7: {}}
    world.others = {"nurture": _section(world, mautic), "handover": {"kind": "kafka", "topic": f"{world.prefix}out"}}
    world.broker.make_topics({f"{world.prefix}out": 1})
    world.publish([*events, a_recycle(9, "UNKNOWN")])
    return events


def _in_five_minutes() -> int:
    return int(time.time() * 1000) + 300_000


async def _revoked(world: World, events: list[LeadRecycled]) -> list[LeadRecycled]:
    """Revoke them all, once the first worker is gone and everything else has ended."""
    for receiver in world.receivers.values():
        receiver.behave(Behaviour())
    revokes = [replace(event, event_id=f"REVOKE-{event.recycle_id}", action="REVOKE") for event in events]
    world.publish(revokes)
    await world.wait_finished(of(ALWAYS["expiry"], revokes), within=60)
    return revokes


def _section(world: World, mautic: Mautic) -> dict[str, object]:
    password = world.directory / "password"
    password.write_text("hunter2")
    return {
        "kind": "mautic",
        "url": mautic.url,
        "allow_http": True,
        "ports": [mautic.port],
        "user": "api",
        "password": {"file": str(password)},
        "campaigns": {"*": 7},
        "strip_prefix": "lead-",
        "limits": {"concurrency": 20},  # what a killed worker held of it comes back after a minute
    }


def _faults(world: World) -> str:
    """Ended twice, or sent after its acceptance was recorded."""
    twice = {delivery: ends for delivery, ends in world.finished().items() if len(ends) != 1}
    accepted = {
        (one.endpoint, f"{one.recycle_id}_{one.action.lower()}"): one.occurred_at / 1000
        for one in world.results()
        if one.outcome == "accepted"
    }
    after = [
        (name, one.message_id)
        for name, receiver in world.receivers.items()
        for one in receiver.tries
        if one.at > accepted.get((name, one.message_id), float("inf")) + SLACK
    ]
    return f"ended twice {twice}, sent after acceptance {after}" if twice or after else ""


def _missing(world: World, mautic: Mautic, events: list[LeadRecycled]) -> str:
    """What did not arrive where it was said to be."""
    if "nurture" not in world.others and "down" in world.receivers:
        return _not_revoked(world)
    lost = {delivery: ends for delivery, ends in world.finished().items() if delivery[0] not in ("down", "gone")}
    lost = {delivery: ends for delivery, ends in lost.items() if ends != ["accepted"]}
    if not world.others:
        return f"lost {lost}" if lost else ""
    handed = {CODEC.decode(record.value, LeadRecycled).event_id for record in world.read("out")}
    poison = [one for one in world.read("lead-dead-letters") if ("dl_reason", b"bad_recycle") in one.headers]
    members = {contact for contact, member in mautic.campaigns[7].items() if not member.manually_removed}
    arrived, wanted = (handed, members, bool(poison)), ({one.event_id for one in events}, mautic.contacts, True)
    return f"lost {lost}, arrived {arrived}" if lost or arrived != wanted else ""


def _not_revoked(world: World) -> str:
    """What was sent, and was not revoked; and what should have expired unsent, and has not."""
    tried = {(name, one.message_id) for name, receiver in world.receivers.items() for one in receiver.tries}
    sent = {(name, message.removesuffix("_recycle")) for name, message in tried if message.endswith("_recycle")}
    missing = {one for one in sent if (one[0], f"{one[1]}_revoke") not in tried}
    ends = {end for (_, *event), (end,) in world.finished().items() if tuple(event) == LONG_OVER}
    if missing or ends != {"expired"} or any(recycle == LONG_OVER[0] for _, recycle in sent):
        return f"sent {sent}, not revoked {missing}, ended {ends}"
    return ""
