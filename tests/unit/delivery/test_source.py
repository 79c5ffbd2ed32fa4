"""The consumer's thread, as far as it can be looked at without Kafka."""

import asyncio
from typing import Any, cast

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition

from workers import kafka
from workers.delivery.core.model import Released
from workers.delivery.runtime import group_offsets
from workers.delivery.runtime.flow import ConsumerCommands
from workers.delivery.runtime.membership import GroupMembership
from workers.delivery.runtime.source import KafkaSource


class NothingGiven:
    """A consumer to which Kafka gave no partition."""

    def committed(self, partitions: list[Any], **_: Any) -> list[Any]:
        return partitions

    def assign(self, partitions: list[Any]) -> None:
        assert partitions == []


class Commits:
    """A consumer that remembers what was committed."""

    def __init__(self) -> None:
        self.offsets: list[TopicPartition] = []

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> None:
        assert not asynchronous
        self.offsets += offsets


class Releases:
    """A receiver that released two partitions, of which one has deliveries that nobody knows about."""

    async def partitions_revoked(self) -> Released:
        return Released(left={("lead-recycled", 0): 5}, held={("lead-recycled", 1): 7})


def a_source(receiver: object) -> KafkaSource:
    return KafkaSource(
        {"bootstrap.servers": "127.0.0.1:9"},
        "g",
        ["lead-recycled"],
        30,
        written_topics=[],
        receiver=cast("Any", receiver),
        commands=ConsumerCommands(),
        membership=GroupMembership(30),
        failed=lambda _: None,
    )


async def test_a_revocation_commits_how_each_partition_was_left() -> None:
    source, consumer = a_source(Releases()), Commits()
    await asyncio.to_thread(source._revoked, cast("Any", consumer), [])  # noqa: SLF001  as its client would
    assert [(one.partition, one.offset, one.metadata) for one in consumer.offsets] == [(0, 5, "left"), (1, 7, "held")]


class Takes:
    """A consumer that is given a partition, and whose first commits are answered with these codes."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)
        self.committed_as: list[str | None] = []

    def committed(self, partitions: list[TopicPartition], **_: Any) -> list[TopicPartition]:
        return [TopicPartition(one.topic, one.partition, OFFSET_INVALID) for one in partitions]

    def get_watermark_offsets(self, _: TopicPartition, __: float) -> tuple[int, int]:
        return 0, 5

    def assign(self, partitions: list[TopicPartition]) -> None:
        """It is noted by Kafka's client."""

    pause = assign

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> None:
        assert not asynchronous
        if self.codes:
            raise KafkaException(KafkaError(self.codes.pop(0)))
        self.committed_as += [one.metadata for one in offsets]


class Takeovers:
    """A receiver that counts what it is given."""

    def __init__(self) -> None:
        self.given = 0

    async def partitions_assigned(self, takeovers: Any) -> None:
        self.given += len(takeovers)


@pytest.mark.parametrize(
    ("code", "given", "committed_as"),
    [
        (KafkaError.NOT_COORDINATOR, 1, ["held"]),
        (KafkaError.REQUEST_TIMED_OUT, 1, ["held"]),
        (KafkaError.ILLEGAL_GENERATION, 0, []),
        (KafkaError.REBALANCE_IN_PROGRESS, 0, []),
    ],
)
async def test_a_takeover_whose_commit_fails_is_repeated_or_left_to_the_worker_that_has_the_partition(
    monkeypatch: pytest.MonkeyPatch, code: int, given: int, committed_as: list[str]
) -> None:
    monkeypatch.setattr(kafka, "_AGAIN_SECONDS", 0.0)
    receiver, consumer = Takeovers(), Takes(code)
    source = a_source(receiver)
    places = [TopicPartition("lead-recycled", 0)]
    await asyncio.to_thread(source._assigned, cast("Any", consumer), places)  # noqa: SLF001  as its client would
    assert (receiver.given, consumer.committed_as) == (given, committed_as)


async def test_a_worker_without_partitions_has_no_lag() -> None:
    source = a_source(None)
    assert source.behind == {"lead-recycled": 0}
    source.behind = {"lead-recycled": 500}
    source._assigned(cast("Any", NothingGiven()), [])  # noqa: SLF001  as its client would
    assert source.behind == {"lead-recycled": 0}


class NewTopic:
    """A consumer of a topic whose leader answers only at the third request."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.requests = 0

    def committed(self, partitions: list[TopicPartition], **_: Any) -> list[TopicPartition]:
        return partitions

    def get_watermark_offsets(self, _: TopicPartition, __: float) -> tuple[int, int]:
        self.requests += 1
        if self.requests < 3:
            raise KafkaException(KafkaError(self.code))
        return 3, 12


def test_offsets_are_requested_again_while_a_topic_has_no_leader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "_AGAIN_SECONDS", 0.0)
    committed = [TopicPartition("lead-recycled", 0, OFFSET_INVALID)]
    consumer = NewTopic(KafkaError.NOT_LEADER_FOR_PARTITION)
    (takeover,) = group_offsets.takeovers_of(cast("Any", consumer), committed, ["lead-recycled"], [])
    assert (takeover.positions, takeover.ends) == ({"lead-recycled": 3}, {"lead-recycled": 12})


def test_offsets_that_may_not_be_read_are_an_error_at_once() -> None:
    committed = [TopicPartition("lead-recycled", 0, OFFSET_INVALID)]
    consumer = NewTopic(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaException):
        group_offsets.takeovers_of(cast("Any", consumer), committed, ["lead-recycled"], [])
    assert consumer.requests == 1


class Answers:
    """A consumer whose topics all have offsets 0 to 5."""

    def committed(self, partitions: list[TopicPartition], **_: Any) -> list[TopicPartition]:
        return partitions

    def get_watermark_offsets(self, _: TopicPartition, __: float) -> tuple[int, int]:
        return 0, 5


def taken_over(*places: tuple[str, int]) -> dict[int, set[str]]:
    """The topics that are read of each partition number, where Kafka has assigned these places."""
    committed = [TopicPartition(topic, number, OFFSET_INVALID) for topic, number in places]
    found = group_offsets.takeovers_of(
        cast("Any", Answers()), committed, ["lead-recycled", "wait", "lead-escalated"], ["wait"], ["lead-escalated"]
    )
    return {one.partition: set(one.positions) for one in found}


def test_a_later_topic_that_workers_of_an_older_version_do_not_know_is_not_read_without_the_others() -> None:
    ours = [("lead-recycled", 0), ("wait", 0), ("lead-escalated", 0), ("lead-escalated", 1)]
    assert taken_over(*ours) == {0: {"lead-recycled", "wait", "lead-escalated"}}
    assert taken_over(("lead-escalated", 1)) == {}


def test_the_others_are_read_without_a_later_topic_that_another_worker_has() -> None:
    assert taken_over(("lead-recycled", 0), ("wait", 0)) == {0: {"lead-recycled", "wait"}}


def test_topics_that_every_version_knows_must_be_assigned_alike() -> None:
    with pytest.raises(RuntimeError, match="not assigned alike"):
        taken_over(("lead-recycled", 0), ("lead-escalated", 0))
