"""Ingest ends at each step: nothing that was accepted is lost, and what is sent again has the same ids."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.component.ingest.crash import EXIT, POINTS
from tests.component.ingest.served import Keys, Served, a_posted, facts
from tests.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kafka import Broker

CRASHING = (sys.executable, "-m", "tests.component.ingest.crash")
REQUESTS = [[a_posted(f"L{number}-{n}") for n in range(7)] for number in range(6)]


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_loses_no_accepted_event(real_kafka: Broker, tmp_path: Path, point: str) -> None:
    world, keys = World.on_real(real_kafka.bootstrap, tmp_path), Keys.in_folder(tmp_path)
    nth = 9 if point == "after_produce" else 3  # of records there, of requests else
    accepted: set[str] = set()
    with Served(world, keys, CRASHING, {"LEADLOOP_CRASH": f"{point}:{nth}"}) as crashing:
        for batch in REQUESTS:
            try:
                accepted |= ids_of(crashing.post(batch))
            except httpx.TransportError:
                break
        assert crashing.ended() == EXIT, crashing.log.read_text()
    assert accepted
    assert accepted <= {fact.event_id for fact in facts(world)}
    with Served(world, keys) as again:
        repeated = set.union(*(ids_of(again.post(batch)) for batch in REQUESTS))
        assert again.stop() == 0
    assert accepted <= repeated
    # A client that repeats an unanswered request adds no fact: the repeated event has the same id.
    assert {fact.event_id for fact in facts(world)} == repeated
    assert len(repeated) == sum(map(len, REQUESTS))


def ids_of(answer: httpx.Response) -> set[str]:
    assert answer.status_code == 202, answer.text
    return {item["event_id"] for item in answer.json()["items"]}
