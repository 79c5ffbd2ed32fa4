"""Sends a dead letter again: the original bytes and headers, to the topic that they came from."""

from dataclasses import dataclass

from schemas.dead_letters import REPLAYED, WEBHOOKS
from schemas.topics import TOPICS
from workers.delivery.history import waiting_again
from workers.kafka import Outgoing

from .parsing import DeadLetter

DEAD = "delivery_dead"


@dataclass(frozen=True, slots=True)
class NotReplayable:
    """The dead letter cannot be sent again; `why` says what to do instead."""

    why: str


def replay_of(dead_letter: DeadLetter, prefix: str, now: int) -> Outgoing | NotReplayable:
    """The record that sends a dead letter again, or why there is none.

    Args:
        dead_letter: What to send.
        prefix: Of the topics.
        now: Epoch ms; a part of the id of a replayed delivery.
    """
    if dead_letter.cut_bytes:
        return NotReplayable(f"{dead_letter.cut_bytes} bytes of it were cut: let its source send it again")
    if dead_letter.reason == DEAD:
        replay = f"letter-{dead_letter.place}-{now}"
        return waiting_again(
            prefix, dead_letter.endpoint, replay, now, dead_letter.key, dead_letter.value, dead_letter.from_partition
        )
    if dead_letter.from_topic.startswith(WEBHOOKS):
        return NotReplayable(f"an item of {dead_letter.from_topic} is no record: add `--through mapping`")
    if dead_letter.from_topic.removeprefix(prefix) not in TOPICS or not dead_letter.from_topic.startswith(prefix):
        return NotReplayable(
            f"it came from {dead_letter.from_topic or 'an unknown source'}, not from a topic: post it there again"
        )
    # Without a key: the partition of the original record.
    partition = dead_letter.from_partition if dead_letter.key is None else -1
    return Outgoing(dead_letter.from_topic, dead_letter.key, dead_letter.value, list(dead_letter.kept), partition)


def replay_marker(dead_letter: DeadLetter, topic: str) -> Outgoing:
    """The record in the dead-letter topic that marks a dead letter as sent again."""
    place = dead_letter.place.encode()
    return Outgoing(topic, place, None, [(REPLAYED, place)], dead_letter.partition)
