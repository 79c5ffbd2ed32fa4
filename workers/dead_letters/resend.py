"""Sends a dead dead_letter again: the original bytes and headers, to the topic that they came from."""

from dataclasses import dataclass

from schemas.dead_letters import REPLAYED
from schemas.topics import TOPICS
from workers.delivery.history import waiting_again
from workers.kafka import Outgoing

from .dead_letter import DeadLetter

DEAD = "delivery_dead"


@dataclass(frozen=True, slots=True)
class NotReplayable:
    """The dead letter cannot be sent again; `why` says what to do instead."""

    why: str


def resent(letter: DeadLetter, prefix: str, now: int) -> Outgoing | NotReplayable:
    """The record that sends a dead letter again. `now` is epoch ms."""
    if letter.cut_bytes:
        return NotReplayable(f"{letter.cut_bytes} bytes of it were cut: let its source send it again")
    if letter.reason == DEAD:
        replay = f"letter-{letter.place}-{now}"
        return waiting_again(prefix, letter.endpoint, replay, now, letter.key, letter.value, letter.from_partition)
    if letter.from_topic.removeprefix(prefix) not in TOPICS or not letter.from_topic.startswith(prefix):
        return NotReplayable(
            f"it came from {letter.from_topic or 'an unknown source'}, not from a topic: post it there again"
        )
    # Without a key the partition it came from is as good as any.
    partition = letter.from_partition if letter.key is None else -1
    return Outgoing(letter.from_topic, letter.key, letter.value, list(letter.kept), partition)


def replay_marker(letter: DeadLetter, topic: str) -> Outgoing:
    """The record in the dead-letter topic that marks a dead letter as sent again."""
    place = letter.place.encode()
    return Outgoing(topic, place, None, [(REPLAYED, place)], letter.partition)
