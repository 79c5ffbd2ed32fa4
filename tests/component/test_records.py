"""What becomes of records that are late, repeated, shuffled, early, orphaned, broken or on the wrong partition.

Each on a real broker, through a whole streams process; and none of them holds up its partition.
"""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from schemas.events import FactRecord, LeadContacted, LeadCreated
from schemas.topics import partition_of
from tests.builders import DAY, T0, a_contact, a_created, a_loss, a_reply, a_stall, a_win
from tests.kafka import Broker
from tests.published import Published
from tests.waiting import wait_for
from tests.world import CODEC, World

END = T0 + 100 * DAY
ENDS: tuple[Callable[..., FactRecord], ...] = (a_win, a_loss, a_stall)
TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

pytestmark = pytest.mark.kafka


@pytest.fixture
def world(kafka: Broker, tmp_path: Path) -> Iterator[World]:
    world = World.on_real(kafka.bootstrap, tmp_path)
    yield world
    world.close()


def _ended(world: World) -> Published:
    """Close the history with a heartbeat, let a worker take all of it, and read what it published."""
    world.heartbeat(END)
    if not world.workers:
        world.streams()
    world.settle(60)
    return world.published()


def _reasons(world: World) -> list[str]:
    return sorted(letter["dl_reason"] for letter in world.dead_letters())


def _on(partition: int, partitions: int = 4) -> str:
    """A lead_id whose partition this is."""
    return next(f"lead-{n}" for n in range(1000) if partition_of(f"lead-{n}".encode(), partitions) == partition)


def test_a_late_touch_revokes_the_recycle(world: World) -> None:
    world.send(a_created("cold"), a_created("warm"))
    first = _ended(world)
    assert first.counts() == (2, 2, 0)
    world.send(a_reply("warm", T0 + DAY))
    world.settle()
    published = world.published()
    assert len(published.ids["REVOKE"]) == 1
    assert published.stage_of["cold"] == "nurture"
    assert published.conflicts == []


def test_a_duplicate_fact_changes_nothing(world: World) -> None:
    facts: list[FactRecord] = [a_created("a"), a_contact("a", T0 + DAY), a_created("b"), a_win("b", T0 + DAY)]
    world.send(*facts)
    once = _ended(world)
    world.send(*facts)
    world.settle()
    twice = world.published()
    assert twice.ids == once.ids
    assert twice.stage_of == once.stage_of


def test_shuffled_facts_end_in_the_same_stages_as_sorted_ones(kafka: Broker, tmp_path: Path) -> None:
    facts: list[FactRecord] = []
    for n in range(60):
        lead = f"lead-{n}"
        facts += [a_created(lead), *(a_contact(lead, T0 + k * DAY) for k in range(n % 4))]
        facts += [a_reply(lead, T0 + 20 * DAY)] * (n % 3 == 0)
        facts += [ENDS[n % 5](lead, T0 + 40 * DAY)] if n % 5 < 3 else []
    stages = []
    for is_shuffled in (False, True):
        world = World.on_real(kafka.bootstrap, tmp_path)
        try:
            order = sorted(facts, key=lambda fact: fact.occurred_at)
            if is_shuffled:
                random.Random(7).shuffle(order)
            world.send(*order)
            stages.append(_ended(world).stage_of)
        finally:
            world.close()
    assert stages[0] == stages[1]


def test_a_record_from_the_future_is_a_dead_letter_and_does_not_block_its_partition(world: World) -> None:
    lead = _on(0)
    now = int(time.time() * 1000)
    world.send(a_created(lead, now + 3_600_000), a_created(lead, T0), key=lead)
    published = _ended(world)
    assert _reasons(world) == ["future"]
    assert published.stage_of[lead] == "nurture"


def test_a_record_slightly_ahead_of_the_clock_is_processed(world: World) -> None:
    now = int(time.time() * 1000)
    worker = world.streams(LEADLOOP_CLOCK="wall", LEADLOOP_GRACE_SECONDS="0.5")
    world.send(a_created("ahead", now + 60_000))
    world.settle(topics=("lead-created",))
    assert worker.is_alive()
    assert world.published().stage_of["ahead"] == "new"
    assert world.dead_letters() == []


def test_a_fact_before_its_creation_is_kept_and_belongs_to_the_first_pass(world: World) -> None:
    world.send(a_contact("orphan", T0 + 98 * DAY), a_win("winner", T0 + 2 * DAY))
    published = _ended(world)
    assert published.stage_of["orphan"] == "unknown"
    assert published.stage_of["winner"] == "won"
    world.send(a_created("orphan", T0 + 99 * DAY))
    world.settle()
    assert world.published().stage_of["orphan"] == "working"


def test_invalid_records_are_dead_letters_with_their_bytes_and_reason_and_do_not_block_their_partition(
    world: World,
) -> None:
    lead = _on(1)
    good = CODEC.encode(a_created(lead))
    broken = {
        "not_avro": b"{}",
        "unknown_schema": b"\x00\x00\x0f\xff\xff" + good[5:],
        "bad_avro": good[:-3],
        "wrong_record": CODEC.encode(a_win(lead, T0)),
        "oversized": good[:5] + b"x" * 70_000,
        "no_event_id": CODEC.encode(LeadCreated(lead_id=lead, occurred_at=T0)),
        "no_lead_id": CODEC.encode(LeadCreated(event_id="e", occurred_at=T0)),
        "no_time": CODEC.encode(LeadCreated(event_id="e", lead_id=lead)),
        "time_out_of_range": CODEC.encode(LeadCreated(event_id="e", lead_id=lead, occurred_at=T0 // 1000)),
        "unclean_lead_id": CODEC.encode(LeadCreated(event_id="e", lead_id=f"{lead}\u200b", occurred_at=T0)),
        "lead_id_too_long": CODEC.encode(LeadCreated(event_id="e", lead_id="x" * 129, occurred_at=T0)),
    }
    null = CODEC.encode(LeadCreated(event_id="e", lead_id="null", occurred_at=T0))
    for value in (*broken.values(), null):
        world.send_raw("lead-created", lead, value, headers=[("traceparent", b"00-11-22-01"), ("null", None)])
    world.flush()
    world.send(a_created(lead))
    published = _ended(world)
    assert _reasons(world) == sorted([*broken, "no_lead_id"])
    assert published.stage_of == {lead: "nurture"}
    kept = {message.value() for message in world.read("lead-dead-letters")}
    assert {*broken.values(), null} == kept
    letter = next(letter for letter in world.dead_letters() if letter["dl_reason"] == "bad_avro")
    assert letter["dl_topic"] == world.prefix + "lead-created"
    assert letter["dl_partition"] == "1"
    assert letter["traceparent"] == "00-11-22-01"


def test_tombstones_are_counted_and_are_no_dead_letters(world: World) -> None:
    lead = _on(1)
    world.send(a_created(lead), a_contact(lead, T0 + DAY))
    for topic, count in (("lead-contacted", 200), ("lead-created", 1), ("stream-heartbeats", 1)):
        for _ in range(count):
            world.send_raw(topic, lead, None)
    world.flush()
    published = _ended(world)
    assert world.dead_letters() == []
    assert published.stage_of == {lead: "nurture"}  # a null forgets nothing
    (worker,) = world.workers
    wait_for(lambda: 'leadloop_ignored_records_total{reason="tombstone"} 202.0' in worker.metrics(), 30)
    assert 'leadloop_rejected_total{reason="empty"} 0.0' in worker.metrics()


def test_a_dead_letter_larger_than_a_batch_is_truncated_and_states_by_how_much(world: World) -> None:
    world.send_raw("lead-created", "big", b"x" * 990_000)
    world.flush()
    world.send(a_created("small"))
    published = _ended(world)
    assert published.stage_of == {"small": "nurture"}
    (letter,) = world.dead_letters()
    assert letter["dl_reason"] == "oversized"
    assert int(letter["dl_cut_bytes"]) > 0


def test_a_record_that_is_small_only_when_compressed_does_not_block_its_partition(world: World) -> None:
    """A key or headers of any length fit a megabyte, if they say little."""
    packing = {"compression.type": "gzip", "message.max.bytes": 200_000_000, "queue.buffering.max.kbytes": 500_000}
    producer, lead = Producer({"bootstrap.servers": world.bootstrap, **packing}), _on(1)
    topic, little = world.prefix + "lead-created", b"0" * 60_000_000
    producer.produce(topic, key=little, value=b"{}", partition=1)
    producer.produce(topic, key="nobody", value=CODEC.encode(a_created(lead)), headers=[("h", little)], partition=1)
    assert producer.flush(60) == 0
    published = _ended(world)
    assert _reasons(world) == ["not_avro"]
    assert published.stage_of == {lead: "nurture"}


def test_a_record_on_the_wrong_partition_is_republished_to_the_right_one(world: World) -> None:
    lead = _on(2)
    world.send(a_created(lead), partition=2)
    world.send(a_win(lead, T0 + DAY), partition=3)
    published = _ended(world)
    assert published.stage_of == {lead: "won"}
    assert [message.partition() for message in world.read("deal-closed")].count(2) == 1


def test_a_record_under_another_key_is_processed_for_its_lead(world: World) -> None:
    lead = _on(2)
    world.send(a_created(lead), key="somebody-else")
    world.send(a_win(lead, T0 + DAY), key="")
    published = _ended(world)
    assert published.stage_of == {lead: "won"}
    assert world.dead_letters() == []


def test_the_outputs_of_a_fact_carry_its_trace(world: World) -> None:
    world.send_raw("lead-created", "t", CODEC.encode(a_created("t")))
    world.send_raw("lead-stalled", "t", CODEC.encode(a_stall("t", T0 + DAY)), headers=[("traceparent", TRACE)])
    world.flush()
    _ended(world)
    (message,) = world.read("lead-recycled")
    headers = dict(message.headers())
    assert headers["traceparent"] == TRACE
    assert headers["ce_id"].decode() == CODEC.decode(message.value(), type(world.decoded("lead-recycled")[0])).event_id


def test_a_contact_is_no_touch_does_not_move_a_deadline(world: World) -> None:
    world.send(a_created("m"), *(a_contact("m", T0 + k * DAY // 2, by="marketing") for k in range(6)))
    published = _ended(world)
    assert published.counts() == (1, 1, 0)
    assert isinstance(world.decoded("lead-contacted")[0], LeadContacted)


def test_no_lead_id_collides_with_the_internal_keys_of_the_engine(world: World) -> None:
    names = ["\0offset", "offset", "\0now", "🦊" * 128]
    world.send(*(a_created(name) for name in names), a_created("ada"))
    _ended(world)
    world.send(*(a_reply(name, T0 + DAY) for name in names))
    world.settle()
    published = world.published()
    assert published.stage_of == {**dict.fromkeys(names, "nurture"), "ada": "nurture"}
    assert len(published.ids["REVOKE"]) == len(names)


def test_the_local_state_of_another_application_is_not_used(kafka: Broker, tmp_path: Path) -> None:
    here = str(tmp_path / "one-directory")
    for leads in (["of-the-first"], ["two-0", "two-1", "two-2"]):
        world = World.on_real(kafka.bootstrap, tmp_path, partitions=1)
        try:
            world.send(*(a_created(lead) for lead in leads))
            world.streams(LEADLOOP_DATA_DIR=here)
            assert set(_ended(world).stage_of) == set(leads)
            assert world.workers[0].term() == 0
        finally:
            world.close()


def test_a_crash_while_all_leads_are_due_at_once_changes_nothing(kafka: Broker, tmp_path: Path) -> None:
    """One heartbeat moves time past every promise: a chunk without bound, made durable as it goes."""
    leads = 12_000
    world = World.on_real(kafka.bootstrap, tmp_path, partitions=1)
    try:
        world.send(*(a_created(f"lead-{n}") for n in range(leads)))
        world.heartbeat(T0 + DAY)
        worker = world.streams()
        world.settle(60)
        world.heartbeat(END)
        wait_for(lambda: any(True for _ in world.read("lead-stalled")), 60, "the first stalls")
        worker.kill()
        assert world.lag(), "it was done before it was killed"
        world.streams()
        world.settle(120)
        published = world.published()
    finally:
        world.close()
    assert published.counts() == (leads, leads, 0)
    assert (published.conflicts, published.stages) == ([], {"nurture": leads})
