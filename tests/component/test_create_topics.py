"""`create_topics` on a real broker."""

from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient

from schemas.topics import TOPICS
from tests.kafka import Broker
from tests.waiting import wait_for
from workers.admin import TopicsReport, create_topics

pytestmark = pytest.mark.kafka


@pytest.fixture
def prefix() -> str:
    return f"{uuid4().hex[:8]}."


def _create(broker: Broker, prefix: str, partitions: int = 2) -> TopicsReport:
    return create_topics({"bootstrap.servers": broker.bootstrap}, app_id="loop", partitions=partitions, prefix=prefix)


def _make(broker: Broker, name: str, partitions: int, config: dict[str, str]) -> None:
    broker.make_topics({name: partitions}, {name: config})
    wait_for(lambda: name in AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics().topics, within=30)


def test_missing_topics_are_created_and_found_by_the_next_run(real_kafka: Broker, prefix: str) -> None:
    names = {prefix + name for name in [*TOPICS, "loop-changelog"]}
    first = _create(real_kafka, prefix)
    assert (set(first.created), first.present, first.faults) == (names, (), ())
    second = _create(real_kafka, prefix)
    assert (second.created, set(second.present), second.faults) == ((), names, ())


def test_a_topic_with_another_partition_count_is_reported_and_not_changed(real_kafka: Broker, prefix: str) -> None:
    _make(real_kafka, f"{prefix}lead-created", 3, TOPICS["lead-created"].config)
    faults = _create(real_kafka, prefix).faults
    assert [fault.partition(":")[0] for fault in faults] == [f"{prefix}lead-created has 3 partitions, not 2"]
    assert faults == _create(real_kafka, prefix).faults


def test_a_topic_with_other_settings_is_reported_with_the_command_that_sets_them(
    real_kafka: Broker, prefix: str
) -> None:
    _make(real_kafka, f"{prefix}loop-changelog", 2, {"cleanup.policy": "delete", "delete.retention.ms": "1000"})
    faults = _create(real_kafka, prefix).faults
    name = f"{prefix}loop-changelog"
    assert faults[0] == (
        f"{name} has cleanup.policy=delete, not compact: kafka-configs --alter --entity-type topics "
        f"--entity-name {name} --add-config cleanup.policy=compact"
    )
    assert "delete.retention.ms=1000, not 604800000" in faults[1]
    assert len(faults) == 2


def test_a_topic_with_a_longer_retention_than_required_is_accepted(real_kafka: Broker, prefix: str) -> None:
    _make(real_kafka, f"{prefix}lead-created", 2, TOPICS["lead-created"].config | {"retention.ms": "-1"})
    assert _create(real_kafka, prefix).faults == ()


def test_topics_that_the_broker_rejects_are_reported_with_its_reason(real_kafka: Broker, prefix: str) -> None:
    conf = {"bootstrap.servers": real_kafka.bootstrap}
    report = create_topics(conf, app_id="loop", partitions=2, replication=99, prefix=prefix)
    assert report.created == ()
    assert len(report.faults) == len(TOPICS) + 1
    assert "was not created:" in report.faults[0]
