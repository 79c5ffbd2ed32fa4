"""How a partition is taken over, from what Kafka has of it."""

import pytest

from workers.delivery.core.takeover import HELD, LEFT, FoundTopic, taken_over


@pytest.mark.parametrize(("notes", "is_sure"), [((LEFT, LEFT), True), ((LEFT, HELD), False), ((LEFT, ""), False)])
def test_a_partition_is_sure_only_if_all_its_topics_were_left(notes: tuple[str, str], is_sure: bool) -> None:
    found = {f"t{number}": FoundTopic(0, 9, 5, note) for number, note in enumerate(notes)}
    assert taken_over(0, found, was_delivered=True).is_sure is is_sure


@pytest.mark.parametrize("was_delivered", [False, True])
def test_without_any_committed_offset_all_is_in_doubt_unless_nothing_was_ever_delivered(was_delivered: bool) -> None:
    taken = taken_over(0, {"t": FoundTopic(2, 9), "u": FoundTopic(0, 4)}, was_delivered=was_delivered)
    assert taken.is_sure is not was_delivered
    assert (taken.positions, taken.ends) == ({"t": 2, "u": 0}, {"t": 9, "u": 4})


def test_a_topic_that_the_one_before_did_not_know_leaves_no_doubt() -> None:
    assert taken_over(0, {"t": FoundTopic(0, 9, 5, LEFT), "new": FoundTopic(0, 4)}, was_delivered=True).is_sure


def test_a_topic_that_ends_before_its_committed_offset_is_another_and_is_read_from_its_beginning() -> None:
    taken = taken_over(0, {"t": FoundTopic(1, 4, 7, LEFT)}, was_delivered=False)
    assert (taken.positions, taken.is_sure) == ({"t": 1}, False)


def test_what_retention_has_deleted_is_not_waited_for() -> None:
    assert taken_over(0, {"t": FoundTopic(6, 9, 3, LEFT)}, was_delivered=True).positions == {"t": 6}
