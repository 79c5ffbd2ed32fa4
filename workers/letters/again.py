"""How a dead letter is sent again: as it was, to where it came from."""

from dataclasses import dataclass

from schemas.topics import TOPICS
from workers.delivery.history import waiting_again
from workers.kafka import Outgoing

from .letter import REPLAYED, Letter

DEAD = "delivery_dead"


@dataclass(frozen=True, slots=True)
class Cannot:
    """It cannot be sent again; `why` says what else to do."""

    why: str


def again(letter: Letter, prefix: str, now: int) -> Outgoing | Cannot:
    """The record that sends it again. `now` is epoch ms."""
    if letter.cut_bytes:
        return Cannot(f"{letter.cut_bytes} bytes of it were cut: have it sent by its source")
    if letter.reason == DEAD:
        replay = f"letter-{letter.place}-{now}"
        return waiting_again(prefix, letter.endpoint, replay, now, letter.key, letter.value, letter.from_partition)
    if letter.from_topic.removeprefix(prefix) not in TOPICS or not letter.from_topic.startswith(prefix):
        return Cannot(f"it came by {letter.from_topic or 'nobody knows what'}, not from a topic: post it again there")
    # Without a key the partition it came from is as good as any.
    partition = letter.from_partition if letter.key is None else -1
    return Outgoing(letter.from_topic, letter.key, letter.value, list(letter.kept), partition)


def marker(letter: Letter, topic: str) -> Outgoing:
    """What remembers that it was sent again, in the same topic."""
    place = letter.place.encode()
    return Outgoing(topic, place, None, [(REPLAYED, place)], letter.partition)
