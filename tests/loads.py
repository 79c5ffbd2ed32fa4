"""Histories as load: published a slice at a time, in the order in which they happened."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from schemas.headers import cloudevents_headers
from tests.world import CODEC, TOPIC_OF

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.events import FactRecord
    from tests.world import World


class Load:
    """The facts of all leads, in slices. `until`: epoch ms, up to which time goes on after the last one."""

    def __init__(self, world: World, history: Mapping[str, Sequence[FactRecord]], slices: int, until: int) -> None:
        self._world = world
        facts = sorted((fact for facts in history.values() for fact in facts), key=lambda fact: fact.occurred_at)
        size = -(-len(facts) // slices)
        self._slices = [facts[n : n + size] for n in range(0, len(facts), size)]
        self._ends = [after[0].occurred_at - 1 for _, after in pairwise(self._slices)] + [until]
        self._next = 0

    def publish(self) -> None:
        """Publish the next slice, and the watermark that everything up to its end is published."""
        self._send(self._slices[self._next])
        self._world.heartbeat(self._ends[self._next])
        self._next += 1

    def publish_rest(self) -> None:
        while self._next < len(self._slices):
            self.publish()

    def _send(self, facts: Sequence[FactRecord]) -> None:
        for fact in facts:
            topic = TOPIC_OF[type(fact)]
            self._world.send_raw(topic, fact.lead_id, CODEC.encode(fact), headers=cloudevents_headers(fact, topic))
        self._world.flush()
