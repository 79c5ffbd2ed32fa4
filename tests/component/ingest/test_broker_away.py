"""The broker goes away and comes back: 503 with a time, bounded memory, and nothing lost of what was 202."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx

from tests.component.ingest.served import Keys, Served, a_posted, facts
from tests.waiting import wait_for
from tests.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kafka import RealKafka


def test_a_failed_broker_causes_503s_and_loses_no_event(own_kafka: RealKafka, tmp_path: Path) -> None:
    world = World.on_real(own_kafka.bootstrap, tmp_path)
    with Served(world, Keys.in_folder(tmp_path)) as served:
        accepted = lived_through(served.ready(), own_kafka)
        assert served.stop() == 0
    assert accepted <= {fact.event_id for fact in facts(world)}
    assert len(accepted) == 3


def lived_through(served: Served, broker: RealKafka) -> set[str]:
    """The ids that were accepted before the broker died, and after it came back."""
    accepted = {served.post(a_posted("A1")).json()["event_id"]}
    broker.kill()
    begun = time.monotonic()
    answer = served.post(a_posted("A2"))
    assert time.monotonic() - begun < 10 + 10  # the broker has ten seconds, the machine as many
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:leadloop:problem:unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    wait_for(lambda: httpx.get(f"{served.url}/readyz").status_code == 503, within=20)
    assert httpx.get(f"{served.url}/healthz").status_code == 200

    assert flooded(served) == {503}

    broker.start()
    wait_for(lambda: served.post(a_posted("A2")).status_code == 202, within=60)
    served.ready()
    accepted |= {item["event_id"] for item in served.post([a_posted("A2"), a_posted("A3")]).json()["items"]}
    assert served.metric("leadloop_ingest_records_in_flight") == 0
    return accepted


def flooded(served: Served) -> set[int]:
    """60 batches of 500 at once are more than may wait: most are sent away at once, all in the end; none is kept."""
    batch = [a_posted(f"F{n}", event_id=f"F{n}") for n in range(500)]

    def post(_: int) -> int:
        with httpx.Client(timeout=40, headers={"Authorization": f"Bearer {served.key}"}) as client:
            return client.post(f"{served.url}/v1/events", json=batch).status_code

    with ThreadPoolExecutor(60) as pool:
        statuses = list(pool.map(post, range(60)))
    assert served.metric('leadloop_ingest_deferred_total{by="queue"}') >= 10
    return set(statuses)
