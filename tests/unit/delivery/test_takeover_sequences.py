"""All sequences of takeovers, leaves, crashes, rebalances and lost offsets, up to a length, on the code of deliver.

A REVOKE must never be settled as "never sent" if an attempt of its RECYCLE was begun by anybody; and whatever was begun
is taken back once its REVOKE is known, when all is done.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.delivery.partition_lives import PUBLISHED, End, Kafka, Life, Step, Swallowed
from workers.delivery.core import takeover
from workers.delivery.core.model import Released, Takeover
from workers.delivery.core.owned_partition import OwnedPartition
from workers.delivery.core.recovered_index import RecoveredIndex
from workers.delivery.core.takeover import FoundTopic

MOST_WAITS = 2
Path = tuple[Step | End, ...]


def lives_from(kafka: Kafka, most_steps: int) -> Iterator[tuple[Path, Kafka]]:
    """Every way in which a life can go from here, and what it leaves; ways that come to the same are gone once."""
    seen: set[object] = set()
    todo: list[tuple[Step, ...]] = [()]
    while todo:
        path = todo.pop()
        life = lived(kafka, path)
        for end in life.ends():
            yield (*path, end), life.ended(end)
        if len(path) < most_steps:
            for step in life.steps():
                following = lived(kafka, (*path, step))
                if len(following.kafka.waits) <= MOST_WAITS and following.key not in seen:
                    seen.add(following.key)
                    todo.append((*path, step))


def lived(kafka: Kafka, path: tuple[Step, ...]) -> Life:
    life = Life(kafka)
    for step in path:
        life.do(step)
    return life


def drained(kafka: Kafka) -> Kafka:
    """What is in Kafka once a last worker has done everything, and every call was accepted."""
    life = Life(kafka)
    todo = True
    while todo:
        todo = False
        for step in (Step.CONSUME, Step.CONSUME_WAIT, Step.BEGIN, Step.ACCEPTED):
            if step in life.steps():
                life.do(step)
                todo = True
    return life.kafka


def searched(lives: int, most_steps: int) -> int:
    """Go all ways; returns how many states of Kafka were judged.

    Raises:
        Swallowed: something that may have been sent counts as never sent, or is not taken back in the end.
    """
    begins: dict[object, tuple[Path, Kafka]] = {(): ((), Kafka(published=2))}
    seen: set[object] = set()
    for _ in range(lives):
        found: dict[object, tuple[Path, Kafka]] = {}
        for before, kafka in begins.values():
            for path, left in lives_from(kafka, most_steps):
                if left.key not in seen:
                    seen.add(left.key)
                    found[left.key] = ((*before, *path), left)
                    judge((*before, *path), left)
        begins = found
    return len(seen)


def judge(path: Path, kafka: Kafka) -> None:
    after = drained(kafka._replace(published=len(PUBLISHED)))
    for recycle, action in after.begun:
        if action == "RECYCLE" and (recycle, "REVOKE") not in after.begun:
            raise Swallowed(f"{recycle}: {path}")


@pytest.mark.parametrize(("lives", "most_steps", "states"), [(1, 6, 250), (2, 4, 900), (3, 3, 1_500)])
def test_no_revoke_is_swallowed_in_any_sequence(lives: int, most_steps: int, states: int) -> None:
    assert searched(lives, most_steps) > states


def without_offsets_all_is_known(partition: int, found: Mapping[str, FoundTopic], **how: Any) -> Takeover:
    taken = REAL_TAKEOVER(partition, found, **how)
    return replace(taken, is_sure=taken.is_sure or all(one.committed is None for one in found.values()))


def every_leave_is_orderly(partitions: Iterable[OwnedPartition]) -> Released:
    return Released(takeover.positions_of(one for one in partitions if not one.in_progress), {})


def what_is_in_progress_is_left_too(partitions: Iterable[OwnedPartition]) -> Released:
    return Released(takeover.positions_of(partitions), {})


def no_event_is_doubted(taken: Takeover, recovered: RecoveredIndex) -> OwnedPartition:
    partition = REAL_OWNED(taken, recovered)
    partition.unsure_below = {topic: at for topic, at in partition.unsure_below.items() if topic == "wait"}
    return partition


def no_wait_is_doubted(taken: Takeover, recovered: RecoveredIndex) -> OwnedPartition:
    partition = REAL_OWNED(taken, recovered)
    partition.unsure_below = {topic: at for topic, at in partition.unsure_below.items() if topic != "wait"}
    return partition


REAL_TAKEOVER, REAL_OWNED = takeover.taken_over, takeover.owned


@pytest.mark.parametrize(
    ("name", "planted"),
    [
        ("taken_over", without_offsets_all_is_known),
        ("released", every_leave_is_orderly),
        ("released", what_is_in_progress_is_left_too),
        ("owned", no_event_is_doubted),
        ("owned", no_wait_is_doubted),
    ],
)
def test_each_planted_error_is_found(
    monkeypatch: pytest.MonkeyPatch, name: str, planted: Callable[..., object]
) -> None:
    monkeypatch.setattr(takeover, name, planted)
    with pytest.raises(Swallowed):
        searched(3, 3)
