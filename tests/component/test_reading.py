"""Topics read from a moment to their end, and further."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from schemas.errors import UserError
from tests.builders import a_created
from tests.kafka import Broker
from tests.kafka_records import Record, produce
from tests.waiting import TIMEOUT, wait_for
from tests.world import World
from workers.reading import records, records_of


@pytest.fixture
def topics(real_kafka: Broker) -> list[str]:
    """Two; of the second some partitions are empty."""
    name = f"read-{uuid4().hex[:8]}"
    names = [f"{name}-{n}" for n in range(2)]
    real_kafka.make_topics({names[0]: 1, names[1]: 3})
    produce(real_kafka.bootstrap, names[0], [Record(b"a", b"%d" % n) for n in range(5)])
    produce(real_kafka.bootstrap, names[1], [Record(b"b", b"x", 1)])
    return names


def test_several_topics_are_read_up_to_their_end_offsets(real_kafka: Broker, topics: list[str]) -> None:
    found = [(one.topic(), one.value()) for one in records_of({"bootstrap.servers": real_kafka.bootstrap}, topics)]
    assert sorted(found) == [*((topics[0], b"%d" % n) for n in range(5)), (topics[1], b"x")]


def test_reading_starts_at_the_requested_time(real_kafka: Broker, topics: list[str]) -> None:
    conf = {"bootstrap.servers": real_kafka.bootstrap}
    at = {one.value(): one.timestamp()[1] for one in records(conf, topics[0])}
    since = at[b"4"]
    assert [one.value() for one in records(conf, topics[0], since)] == [name for name in at if at[name] >= since]
    assert list(records(conf, topics[0], since + 60_000)) == []


def test_follow_shows_later_records_even_of_partitions_that_were_empty(real_kafka: Broker, tmp_path: Path) -> None:
    world, shown = World.on_real(real_kafka.bootstrap, tmp_path), tmp_path / "shown"
    world.send(a_created("ada", event_id="first"), partition=0)
    command = [sys.executable, "-m", "workers.cli", "tail", "lead-created", "--follow"]
    with shown.open("wb") as sink:
        process = subprocess.Popen(command, env={**os.environ, **world.env()}, stdout=sink, stderr=sink)
    try:
        wait_for(lambda: "first" in shown.read_text(), 30, "what was there is shown")
        world.send(a_created("bob", event_id="later"), partition=1)
        wait_for(lambda: "later" in shown.read_text(), 10, "what comes later is shown")
    finally:
        process.kill()
        process.wait(TIMEOUT)


def test_a_missing_topic_is_reported_with_the_command_to_run(real_kafka: Broker) -> None:
    with pytest.raises(UserError, match="nobodys: `leadloop topics create` makes it"):
        next(records({"bootstrap.servers": real_kafka.bootstrap}, "nobodys"))
