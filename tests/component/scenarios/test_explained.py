"""What an explanation says about the future of a lead is what the topics then contain, on a real Kafka.

The read model and the read API are processes. Time goes on by watermarks, and nothing more is reported.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from schemas.events import LeadDecided, LeadEscalated, LeadRecycled, LeadStalled
from tests.builders import DAY, T0
from tests.component.projection.harness import KEY, Process, env, whole
from tests.component.scenarios.recent_leads import recent_leads
from tests.component.scenarios.test_generated_history import POLICY
from tests.loads import Load
from tests.published import OUTPUT_RECORDS, OutputRecord
from tests.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.kafka import Broker

pytestmark = pytest.mark.kafka

NOW, THEN = T0 - 500 * DAY, T0
DECISIONS = {"RECYCLE", "HOLDOUT", "SUPPRESS", "RETIRE", "HOLD", "ESCALATE"}
Step = tuple[object, ...]
"""When, what, and of decisions why, for which reason, until when; of a RECYCLE its track, start and end too."""


def test_what_is_foreseen_of_100_leads_is_what_the_topics_then_contain(
    real_kafka: Broker, redis_url: str, tmp_path: Path
) -> None:
    kinds = foreseen_is_published(real_kafka, redis_url, tmp_path, 100)
    assert {"stall", "RECYCLE", "ESCALATE", "HOLD"} <= set(kinds)


@pytest.mark.soak
def test_what_is_foreseen_of_1000_leads_is_what_the_topics_then_contain(
    real_kafka: Broker, redis_url: str, tmp_path: Path
) -> None:
    kinds = foreseen_is_published(real_kafka, redis_url, tmp_path, 1_000)
    assert set(kinds) == DECISIONS | {"stall", "warning"}


def foreseen_is_published(broker: Broker, redis_url: str, folder: Path, count: int) -> Counter[object]:
    """Compare; returns how often each kind of step was foreseen."""
    (folder / "policy.yml").write_text(POLICY, encoding="utf-8")
    world = World.on_real(broker.bootstrap, folder, partitions=4)
    readers: list[Process] = []
    try:
        Load(world, recent_leads(count, NOW), 1, NOW).publish()
        worker = world.streams(LEADLOOP_POLICY_FILE=str(folder / "policy.yml"))
        world.settle(300)
        before = {record.event_id for record in records(world)}
        explanations = explained(world, redis_url, readers)
        world.heartbeat(THEN)
        world.settle(300)
        assert worker.term() == 0
        published = steps_by_lead(records(world), before)
        assert len(explanations) == count
        foreseen = {lead_id: list(steps(found)) for lead_id, found in explanations.items()}
        assert foreseen == {lead_id: published[lead_id] for lead_id in foreseen}
        return Counter(step[1] for found in foreseen.values() for step in found)
    finally:
        for process in readers:
            process.kill()
        world.close()


def explained(world: World, redis_url: str, readers: list[Process]) -> dict[str, dict[str, Any]]:
    """The explanations of all leads, by the read API. `readers` receives the processes."""
    settings = env(world, redis_url, world.app_id)
    settings["LEADLOOP_POLICY_FILE"] = str(world.folder / "policy.yml")
    readers.append(Process(world.folder / "project.log", settings, "workers.cli", "project"))
    whole(readers[0])
    report = Process(world.folder / "report.log", settings, "workers.cli", "report")
    readers.append(report)
    report.wait_ready()
    found = {}
    for lead_id in {snapshot.lead_id for snapshot in world.decoded("lead-snapshots")}:
        status, body = report.get(f"/v1/leads/{lead_id}/explanation", KEY)
        assert status == 200, body
        found[lead_id] = json.loads(body)
    return found


def steps(explanation: dict[str, Any]) -> Iterable[Step]:
    """What an explanation foresees."""
    assert explanation["is_foreseen"]
    for step in explanation["following"]:
        at, decision = ms(step["at"]), step["decision"]
        if decision is None:
            yield at, step["kind"], step["reason"]
            continue
        yield (
            ms(decision["at"]),
            decision["decision"],
            decision["why"],
            decision["reason"],
            ms(decision["until"]),
            decision["track"],
            ms(decision["not_before"]),
            ms(decision["expires_at"]),
        )


def records(world: World) -> list[OutputRecord]:
    return [record for topic in OUTPUT_RECORDS for record in world.decoded(topic)]


def steps_by_lead(published: list[OutputRecord], before: set[str]) -> dict[str, list[Step]]:
    """What was published about each lead since, in order, as explanations have it."""
    sent = {one.recycle_id: one for one in published if isinstance(one, LeadRecycled)}
    found: dict[str, list[tuple[int, Step]]] = defaultdict(list)
    for record in published:
        if record.event_id in before:
            continue
        match record:
            case LeadStalled():
                found[record.lead_id].append((1, (record.occurred_at, "stall", record.reason)))
            case LeadEscalated(action="AT_RISK"):
                found[record.lead_id].append((0, (record.occurred_at, "warning", record.reason)))
            case LeadDecided():
                recycle = sent.get(record.recycle_id) if record.decision == "RECYCLE" else None
                found[record.lead_id].append((2, decided(record, recycle)))
    return defaultdict(
        list,
        {
            lead_id: [step for _, step in sorted(some, key=lambda one: (one[1][0], one[0]))]
            for lead_id, some in found.items()
        },
    )


def decided(record: LeadDecided, recycle: LeadRecycled | None) -> Step:
    track = ("", None, None) if recycle is None else (recycle.track, recycle.not_before, recycle.expires_at)
    return record.occurred_at, record.decision, record.why, record.reason, record.until, *track


def ms(at: str | None) -> int | None:
    return None if at is None else round(datetime.fromisoformat(at).timestamp() * 1000)
