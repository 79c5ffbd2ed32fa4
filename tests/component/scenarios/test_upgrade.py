"""Streams goes on with the state that the version before wrote: nothing is imported again, and no lead is forgotten."""

from __future__ import annotations

import zlib
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from schemas.topics import changelog_of, partition_of
from streams.agents.loop import NOW
from streams.agents.records import snapshot
from streams.domain.lead import stage
from streams.domain.lead_fold import LeadFold
from streams.domain.lead_history import LeadHistory
from streams.policy_file import parse_policy
from tests.builders import DAY
from tests.component.scenarios.generated_leads import END, START, generated_leads
from tests.component.scenarios.in_memory import decided_in_memory
from tests.component.scenarios.waiting_leads import forgotten
from tests.kafka_records import Record, produce, read_all
from tests.loads import Load
from tests.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kafka import Broker

LEADS, SEED = 100, 7
WRITTEN_AT = START + 200 * DAY
"""Stream time (epoch ms) of the states: they are of the generated leads until then, of facts that the version knew."""
STATES = {
    lead_id: zlib.decompress(b64decode(state))
    for lead_id, state in map(str.split, Path(__file__).with_name("states_of_format_1.txt").read_text().splitlines())
}
POLICY = """
version: before
promises: {never_contacted: 2 days, no_follow_up: 7 days, grace: 1 day, no_progress: 30 days, max_attempts: 4}
reasons:
  bad_timing: {track: right-time, delay: 60 days}
  price: {track: offer, delay: 30 days, cooldown: 20 days}
  poor_fit: never
  invalid: never
  duplicate: never
limits: {max_recycles: 3, cooldown: 30 days, holdout: {percent: 10, salt: generated}}
"""
"""The policy of the version before, unchanged."""

pytestmark = pytest.mark.kafka


@pytest.fixture
def world(real_kafka: Broker, tmp_path: Path) -> Iterator[World]:
    world = World.on_real(real_kafka.bootstrap, tmp_path, partitions=2)
    yield world
    world.close()


def test_streams_goes_on_with_the_state_that_the_version_before_wrote(world: World) -> None:
    policy = parse_policy(POLICY, "policy").for_history()
    histories = {
        lead_id: [fact for fact in facts if fact.occurred_at > WRITTEN_AT]
        for lead_id, facts in generated_leads(LEADS, SEED).items()
    }
    expected = decided_in_memory(histories, policy, END, STATES)
    write_changelog(world)
    Load(world, histories, 1, END).publish()
    (world.folder / "policy.yml").write_text(POLICY, encoding="utf-8")
    worker = world.streams(LEADLOOP_POLICY_FILE=str(world.folder / "policy.yml"))
    world.settle(60)
    assert worker.term() == 0

    published, leads = world.published(), read_changelog(world)
    assert published.values == expected.values
    assert {lead_id: stage(lead.lead) for lead_id, lead in leads.items()} == expected.stage_of
    at_the_end = [snapshot(lead_id, lead.history, lead.deadline(policy), END) for lead_id, lead in leads.items()]
    assert forgotten(at_the_end, END) == []
    assert reopened_stalls() & {each.stall_id for each in world.decoded("lead-recycled") if each.action == "RECYCLE"}


def changelog(world: World) -> str:
    return world.prefix + changelog_of(world.app_id).name


def write_changelog(world: World) -> None:
    """Write what the version before left: the state of each lead, and stream time."""
    states = [
        Record(key, state, partition_of(key, world.partitions))
        for key, state in ((lead_id.encode(), state) for lead_id, state in STATES.items())
    ]
    times = [Record(NOW, b"%d" % WRITTEN_AT, number) for number in range(world.partitions)]
    produce(world.bootstrap, changelog(world), [*states, *times])


def read_changelog(world: World) -> dict[str, LeadFold]:
    newest = {record.key: record.value for record in read_all(world.bootstrap, changelog(world))}
    return {
        key.decode(): LeadFold(key.decode(), LeadHistory.decode(state))
        for key, state in newest.items()
        if key is not None and state is not None and key != NOW
    }


def reopened_stalls() -> set[str]:
    """The stalls that the version before suppressed for good, and that are evaluated again."""
    leads = (LeadHistory.decode(state).lead for state in STATES.values())
    return {lead.stall.stall_id for lead in leads if lead.stall is not None and lead.stall.decided is None}
