"""Bringing back what did not arrive, by the command line."""

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

from schemas.events import LeadCreated
from tests.component.delivery.harness import CODEC, World, a_recycle, of, stopped, until
from tests.kafka_records import Record, produce
from tests.simulators.receiver import Behaviour
from tests.waiting import TIMEOUT

DIES_AT_ONCE = (0.0,)


async def leadloop(world: World, *words: str, code: int = 0) -> str:
    """What a command says."""
    file = world.directory / "endpoints.yml"
    file.write_text(world.document())
    env = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": world.broker.bootstrap,
        "LEADLOOP_TOPIC_PREFIX": world.prefix,
        "LEADLOOP_ENDPOINTS_FILE": str(file),
    }
    command = [sys.executable, "-m", "workers.cli", *words]
    done = await asyncio.to_thread(
        subprocess.run, command, env=env, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


async def test_dead_deliveries_are_listed_and_replayed_and_accepted_ones_are_not(world: World) -> None:
    nurture = await world.endpoint("nurture")
    nurture.behave(Behaviour("status", 500, times=2))
    world.start(world.job(delays=DIES_AT_ONCE, breaker={"at_least": 1000}))
    first = [a_recycle(1), a_recycle(2)]
    world.publish(first)
    await world.wait_finished(of(["nurture"], first))
    world.publish([a_recycle(3)])
    await world.wait_finished(of(["nurture"], [a_recycle(3)]))

    dead = rows(await leadloop(world, "deliveries", "list", "--endpoint", "nurture", "--state", "dead"))
    assert {row["recycle_id"] for row in dead} == {"recycle1", "recycle2"}
    assert "would replay 2" in await leadloop(world, "deliveries", "replay", "--dry-run")
    assert len(nurture.tries) == 3
    assert "replayed 2" in await leadloop(world, "deliveries", "replay", "--endpoint", "nurture")
    await nurture.wait_for(3)
    await until(lambda: sum(one.outcome == "accepted" for one in world.results()) == 3)
    assert "replayed 0" in await leadloop(world, "deliveries", "replay")
    await leadloop(world, "deliveries", "replay", "--state", "accepted", code=2)


async def test_a_dead_letter_of_a_delivery_is_shown_and_replayed_once(world: World) -> None:
    nurture = await world.endpoint("nurture")
    nurture.behave(Behaviour("status", 500, times=1))
    world.start(world.job(delays=DIES_AT_ONCE))
    world.publish([a_recycle(1)])
    await world.wait_finished(of(["nurture"], [a_recycle(1)]))

    (letter,) = rows(await leadloop(world, "dead-letters", "list", "--reason", "delivery_dead"))
    shown = json.loads(await leadloop(world, "dead-letters", "show", letter["place"]))
    assert shown["LeadRecycled"]["recycle_id"] == "recycle1"
    assert shown["endpoint"] == "nurture"
    assert "replayed 1" in await leadloop(world, "dead-letters", "replay", "--place", letter["place"])
    await nurture.wait_for(1)
    await until(lambda: any(one.outcome == "accepted" for one in world.results()))
    again = await leadloop(world, "dead-letters", "replay", "--place", letter["place"])
    assert "already replayed" in again
    assert "replayed 0" in again
    assert len(nurture.tries) == 2


async def test_other_dead_letters_are_replayed_unchanged_to_their_topic(world: World) -> None:
    world.broker.make_topics({f"{world.prefix}lead-created": world.partitions})
    value = CODEC.encode(LeadCreated(event_id="e", lead_id="lead-7", occurred_at=1, origin="fair"))
    told = [
        ("dl_reason", b"no_origin"),
        ("dl_topic", f"{world.prefix}lead-created".encode()),
        ("dl_partition", b"0"),
        ("dl_offset", b"5"),
        ("dl_seen_at", b"1760000000000"),
    ]
    http = [("dl_reason", b"unmapped"), ("dl_topic", b"POST /v1/webhooks/hubspot"), ("dl_seen_at", b"1")]
    letters = [
        Record(b"lead-7", value, headers=[("ce_id", b"e"), *told]),
        Record(None, b'{"a": 1}', 0, headers=http),
        Record(b"x", b"cut", headers=[*told, ("dl_cut_bytes", b"9")]),
    ]
    produce(world.broker.bootstrap, f"{world.prefix}lead-dead-letters", letters)

    assert "would replay 1" in await leadloop(world, "dead-letters", "replay", "--since", "1h", "--dry-run", code=1)
    said = await leadloop(world, "dead-letters", "replay", "--since", "1h", code=1)
    assert "POST /v1/webhooks/hubspot" in said
    assert "9 bytes of it were cut" in said
    (back,) = world.read("lead-created")
    assert (back.key, back.value, list(back.headers)) == (b"lead-7", value, [("ce_id", b"e")])
    (unmapped,) = rows(await leadloop(world, "dead-letters", "list", "--reason", "unmapped"))
    shown = json.loads(await leadloop(world, "dead-letters", "show", unmapped["place"]))
    assert shown["json"] == {"a": 1}
    await leadloop(world, "dead-letters", "replay", code=2)


async def test_the_endpoints_command_checks_lists_tests_pauses_and_resumes(world: World) -> None:
    nurture = await world.endpoint("nurture")
    assert "fine" in await leadloop(world, "endpoints", "check")
    assert "accepted" in await leadloop(world, "endpoints", "test", "nurture")
    (try_,) = nurture.tries
    assert try_.message_id.startswith("test-")
    await leadloop(world, "endpoints", "pause", "nurture", "--why", "spring cleaning")
    listed = await leadloop(world, "endpoints", "list")
    assert "paused" in listed
    assert "spring cleaning" in listed
    await leadloop(world, "endpoints", "resume", "nurture")
    assert "active" in await leadloop(world, "endpoints", "list")
    await leadloop(world, "endpoints", "pause", "nobody", code=2)
    nurture.behave(Behaviour("status", 500))
    await leadloop(world, "endpoints", "test", "nurture", code=1)


async def test_a_replay_of_a_filtered_delivery_is_sent_only_after_the_filter_has_changed(world: World) -> None:
    nurture = await world.endpoint("nurture", only="{tracks: [other]}")
    first = world.start()
    world.publish([a_recycle(1)])
    await world.wait_finished(of(["nurture"], [a_recycle(1)]))
    assert "replayed 1" in await leadloop(world, "deliveries", "replay", "--state", "no_op")
    await until(lambda: len(world.results()) == 2)
    assert not nurture.tries
    assert await stopped(first) == 0
    world.limits["nurture"] = {}
    world.start()
    assert "replayed 1" in await leadloop(world, "deliveries", "replay", "--state", "no_op")
    await nurture.wait_for(1)
