"""docs/ingest.md: its commands, typed as they stand there, do what it says they do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.component.ingest.served import Keys, Served, facts
from tests.world import World
from workers.ingest.fields import FIELDS
from workers.ingest.validation import KINDS

if TYPE_CHECKING:
    from tests.kafka import Broker

TEXT = (Path(__file__).parents[3] / "docs/ingest.md").read_text(encoding="utf-8")
KEY, START, *CURLS = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)


def test_the_commands_of_the_page_do_what_it_says(real_kafka: Broker, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    def typed(script: str, **env: str) -> str:
        given = {**os.environ, "PATH": path, **env}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            env=given,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    key = typed(f'{KEY}\nprintf %s "$KEY"')
    assert START == "leadloop ingest &\n"
    world = World.on_real(real_kafka.bootstrap, tmp_path)
    with Served(world, Keys(tmp_path / "keys.yml", {"crm": key})) as served:
        address = served.ready().url.removeprefix("http://")
        answers = [json.loads(typed(curl.replace("localhost:8010", address), KEY=key)) for curl in CURLS]
        assert served.stop() == 0
    assert [answer.get("status") or (answer["accepted"], answer["refused"]) for answer in answers] == [
        202,
        (1, 1),
        202,
        202,
        (3, 0),
    ]
    shown = json.loads(re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)[0])
    assert answers[1]["items"][1] == shown["items"][1]
    assert [answer["event_id"] for answer in answers[2:4]] == ["crm/eu:7741", "crm/eu:7742"]
    assert {(fact.lead_id, fact.source.partition("/")[0]) for fact in facts(world)} == {("L-1001", "crm")}
    assert len(list(facts(world))) == 7


def test_the_page_documents_every_field_that_can_be_posted() -> None:
    rows = {match[0]: match[1] for match in re.findall(r"(?m)^\| `([\w-]+)` \(`leadloop[^|]*\| (.*) \|$", TEXT)}
    common = {"lead_id", "occurred_at", "event_id", "recorded_at", "source", "declared_by"}
    assert set(rows) == set(KINDS)
    for kind, fields in FIELDS.items():
        assert {name for name in fields if name not in rows[kind]} == common & set(fields), kind
