"""Which policies were in force is in Kafka: recorded once for each change, whatever starts again, and followed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka import Broker
from tests.waiting import wait_for
from tests.world import World
from workers.report.policy_in_use import PolicyInUse
from workers.report.policy_log import PolicyLog

FIRST = 'version: "spring"\npromises: {never_contacted: 10 hours}\n'
SECOND = 'version: "summer"\npromises: {never_contacted: 2 hours}\n'
REMARK = SECOND + "# a remark\n"

pytestmark = pytest.mark.kafka


@pytest.fixture
def world(real_kafka: Broker, tmp_path: Path) -> Iterator[World]:
    world = World.on_real(real_kafka.bootstrap, tmp_path, partitions=1)
    yield world
    world.close()


@pytest.fixture
def log(world: World) -> Iterator[PolicyLog]:
    following = PolicyLog({"bootstrap.servers": world.bootstrap}, world.prefix, world.app_id)
    following.start()
    yield following
    following.stop()


def start(world: World, name: str, file: Path) -> None:
    settings = {"LEADLOOP_CLOCK": "wall", "LEADLOOP_POLICY_SECONDS": "0.2", "LEADLOOP_POLICY_FILE": str(file)}
    world.streams(name, **settings).wait_ready(90)


def shown(log: PolicyLog, file: Path) -> list[tuple[str, list[str] | None]]:
    return [(one.version, one.changes) for one in PolicyInUse(file, log=log).versions()]


def test_a_change_is_recorded_once_and_said_in_sentences(world: World, log: PolicyLog, tmp_path: Path) -> None:
    file = tmp_path / "policy.yml"
    file.write_text(FIRST, encoding="utf-8")
    start(world, "a", file)
    wait_for(lambda: len(log.versions()) == 1, 60, "the policy of the start is recorded")
    file.write_text(SECOND, encoding="utf-8")
    wait_for(lambda: len(log.versions()) == 2, 60, "the change is recorded")
    start(world, "b", file)  # another worker with the same file
    file.write_text(REMARK, encoding="utf-8")
    wait_for(lambda: len(log.versions()) == 3, 60, "the remark is recorded")
    now, before, first = shown(log, file)
    assert now == ("summer", [])
    assert first == ("spring", None)
    assert before[0] == "summer"
    assert before[1] is not None
    assert ["2 hours" in one and "10 hours" in one for one in before[1]] == [True]
    digests = [one.digest for one in log.versions()]
    assert len(set(digests)) == 3
    records = sum(1 for _ in world.read("policy-versions"))
    assert 3 <= records <= 4  # both workers adopt the remark, perhaps at the same moment


def test_the_policy_of_another_application_is_none_of_ours(world: World, log: PolicyLog, tmp_path: Path) -> None:
    file = tmp_path / "policy.yml"
    file.write_text(FIRST, encoding="utf-8")
    start(world, "a", file)
    wait_for(lambda: bool(log.versions()), 60, "the policy is recorded")
    other = PolicyLog({"bootstrap.servers": world.bootstrap}, world.prefix, "another")
    other.start()
    try:
        wait_for(lambda: other.is_read, 60, "the topic is read")
        assert other.versions() == []
    finally:
        other.stop()
