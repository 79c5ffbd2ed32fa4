"""Dead letters of webhooks on a real Kafka: a mapping is wrong, is corrected, and what waited becomes facts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.component.ingest.served import ROOT, Keys, Served, facts, held
from tests.waiting import TIMEOUT
from tests.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kafka import Broker

SYSTEMS = "systems: {pipedrive: {dialect: pipedrive, source: crm, mapping: mapping.yml}}"
AT = "2026-03-02T09:00:00Z"


def a_call(edit: int, activity: int = 9) -> dict[str, object]:
    """An edit of a finished call."""
    meta = {"action": "change", "entity": "activity", "id": f"u{activity}-{edit}", "version": "2.0"}
    data = {
        "id": activity,
        "type": "call",
        "done": True,
        "person_id": 77,
        "marked_as_done_time": AT,
        "note": "x" * edit,
    }
    return {"meta": meta, "data": data, "previous": {"note": ""}}


def replay(world: World, webhooks: Path, *words: str, code: int = 0) -> str:
    """What the command says."""
    env = {**os.environ, **world.env(), "LEADLOOP_WEBHOOKS_FILE": str(webhooks)}
    done = subprocess.run(
        [sys.executable, "-m", "workers.cli", "dead-letters", "replay", "--through", "mapping", *words],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_dead_letters_of_a_wrong_mapping_are_replayed_through_the_corrected_one(
    real_kafka: Broker, tmp_path: Path
) -> None:
    shipped = (ROOT / "deploy/config/mappings/pipedrive.yml").read_text(encoding="utf-8")
    webhooks, mapping = tmp_path / "webhooks.yml", tmp_path / "mapping.yml"
    webhooks.write_text(SYSTEMS, encoding="utf-8")
    mapping.write_text(shipped.replace("data.marked_as_done_time", "data.done_time"), encoding="utf-8")
    world = World.on_real(real_kafka.bootstrap, tmp_path)
    keys, env = Keys.in_folder(tmp_path), {"LEADLOOP_WEBHOOKS_FILE": str(webhooks)}
    meta = {"action": "delete", "entity": "deal", "id": "m", "entity_id": "1", "merged_to_id": "2"}
    merged = {"meta": meta, "data": None, "previous": {"id": 1}}
    posted: list[dict[str, Any]] = [a_call(1), a_call(2), a_call(3), a_call(1, activity=10), merged]
    with Served(world, keys, env=env) as wrong:
        for item in posted:
            answer = wrong.ready().client.post("/v1/webhooks/pipedrive", json=item)
            assert answer.json()["dead_letters"] == 1
        assert wrong.stop() == 0
    letters = held(world, "lead-dead-letters")
    kept = [json.loads(letter.value or b"") for letter in letters]
    assert sorted(kept, key=lambda item: item["meta"]["id"]) == sorted(posted, key=lambda item: item["meta"]["id"])
    assert not any(keys.of["crm"].encode() in (value or b"") for letter in letters for _, value in letter.headers)

    mapping.write_text(shipped, encoding="utf-8")
    said = replay(world, webhooks, "--dry-run", code=1)
    assert "would replay 4 dead letters, as 4 records" in said
    assert "still merge: deal 1 became 2" in said
    assert list(facts(world)) == []
    assert "replayed 4 dead letters, as 4 records" in replay(world, webhooks, "--reason", "unfit")
    assert "replayed 0 dead letters" in replay(world, webhooks, "--topic", "webhooks/pipedrive", code=1)
    assert len({fact.event_id for fact in facts(world)}) == 2

    with Served(world, keys, env=env) as right:  # the system repeats an item, and the operator a replay
        assert right.ready().client.post("/v1/webhooks/pipedrive", json=a_call(2)).json()["accepted"] == 1
    replay(world, webhooks, "--reason", "unfit", "--again")
    found = list(facts(world))
    assert len(found) == 9
    assert {(fact.lead_id, fact.activity) for fact in found} == {("pipedrive/77", "call")}
    assert len({fact.event_id for fact in found}) == 2
