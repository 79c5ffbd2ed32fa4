"""What the read model holds: counts, lists and leads, as the log has them."""

import random
from collections import Counter
from typing import Any

import msgspec
from fakeredis import FakeRedis

from schemas.events import LeadRecycled, LeadSnapshot
from streams.domain.funnel import STEPS
from streams.domain.lead import CREATED, PROGRESSED, TOUCHED
from tests.builders import T0
from tests.projected import CODEC, Records, a_log, append, content, project
from workers.read_model.generation import PartitionId
from workers.read_model.index import STEP_NAMES


def test_the_funnel_counts_what_the_newest_snapshots_say(redis: Any, app_id: str) -> None:
    log = a_log(random.Random(3), leads=60)
    project(log.records, redis, app_id, random.Random(3))
    expected: Counter[str] = Counter()
    for lead in log.leads.values():
        for reached in [*(one.reached for one in lead.passes), lead.reached]:
            expected.update(step for step, bit in STEPS.items() if reached & bit)
    for by in ("origin", "campaign", "owner", "reason", "pass"):
        rows = [value for name, value in content(redis, app_id).items() if name.startswith(f"count:{by}:")]
        sums = Counter[str]()
        for row in rows:
            for field, count in row.items():
                step = field.decode().partition("/")[2]
                sums[step] += count if step in STEP_NAMES else 0
        assert {step: sums[step] for step in STEPS} == dict.fromkeys(STEPS, 0) | dict(expected), by
        assert sums["won_back"] <= sums["requalified"] <= sums["recycled"]
        assert sums["kept"] + sums["broken"] <= sums["created"]


def test_a_snapshot_that_says_no_steps_counts_what_it_proves_until_it_moves(redis: Any, app_id: str) -> None:
    old = LeadSnapshot(lead_id="L", occurred_at=T0, stage="nurture", pass_no=1, origin="web", touches=2)
    cold = {"stall_id": "s", "stall_reason": "price", "stalled_at": T0, "recycle_id": "r"}
    first = msgspec.structs.replace(old, **cold)
    place, records = PartitionId("lead-snapshots", 0), Records()
    append(records, place, "L", first)
    project(records, redis, app_id, random.Random(1))
    steps = {b"1/created": 1, b"1/touched": 1, b"1/stalled": 1, b"1/recycled": 1}
    found = content(redis, app_id)
    assert (_steps(found["count:origin:web"]), _steps(found["count:reason:price"])) == (steps, steps)

    moved = msgspec.structs.replace(old, stage="working", reached=CREATED | TOUCHED | PROGRESSED)
    append(records, place, "L", moved)
    project(records, redis, app_id, random.Random(1))
    steps = {b"1/created": 1, b"1/touched": 1, b"1/progressed": 1}
    assert _steps(content(redis, app_id)["count:origin:web"]) == steps
    assert "count:reason:price" not in content(redis, app_id)


def _steps(row: dict[bytes, int]) -> dict[bytes, int]:
    """The steps of streams' funnel in a row."""
    return {field: count for field, count in row.items() if field.decode().partition("/")[2] in STEPS}


def test_every_recycle_is_listed_once_with_its_state(redis: Any, app_id: str) -> None:
    log = a_log(random.Random(4), leads=60)
    project(log.records, redis, app_id, random.Random(4))
    found = content(redis, app_id)
    events = [
        CODEC.decode(taken.value, LeadRecycled)
        for place, kept in log.records.items()
        for taken in kept
        if place.topic == "lead-recycled"
    ]
    revokes = {event.recycle_id: event.cause for event in events if event.action == "REVOKE"}
    revoked = {recycle_id for recycle_id, cause in revokes.items() if cause != "requalified"}
    known = {event.recycle_id for event in events}
    standing = {lead.recycle_id for lead in log.leads.values() if lead.recycle_id}
    assert len(found["list:recycles"]) == len(known)
    assert len(found["list:recycles:revoked"]) == len(revoked)
    assert len(found["list:recycles:standing"]) == len(standing)
    assert len(found["list:recycles:requalified"]) == len(known - revoked - standing)


def test_a_lead_whose_snapshot_is_deleted_is_forgotten(redis: Any, app_id: str) -> None:
    log = a_log(random.Random(5), leads=2, partitions=1).records
    append(log, PartitionId("lead-snapshots", 0), "lead-1", None)
    project(log, redis, app_id, random.Random(5))
    found = content(redis, app_id)
    assert not [
        name for name, value in found.items() if name.startswith("list:") and any(b"lead-1" in m for m in value)
    ]
    only = {place: [taken for taken in kept if taken.key == b"lead-0"] for place, kept in log.items()}
    renumbered = {p: [taken._replace(offset=n) for n, taken in enumerate(kept)] for p, kept in only.items() if kept}
    project(renumbered, redis, f"{app_id}-only", random.Random(5))
    counts = {name: value for name, value in found.items() if name.startswith("count:")}
    assert counts == {n: v for n, v in content(redis, f"{app_id}-only").items() if n.startswith("count:")}


def test_the_stand_in_for_redis_that_the_demo_has_will_do(redis: Any, app_id: str) -> None:
    log, stand_in = a_log(random.Random(6), leads=10), FakeRedis()
    project(log.records, stand_in, app_id, random.Random(1))
    project(log.records, redis, app_id, random.Random(1))
    assert content(stand_in, app_id) == content(redis, app_id)
