"""`leadloop ingest` as a process of its own, with topics and keys of its own, and what it left in Kafka."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx

from schemas.topics import TOPICS
from tests.kafka_records import Record, read_all
from tests.waiting import TIMEOUT, wait_for
from tests.world import CODEC, World
from workers.http.keys import digest_of, new_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[3]
LEADLOOP = (sys.executable, "-m", "workers.cli", "ingest")
FACT_TOPICS = ("lead-created", "lead-updated", "lead-contacted", "lead-stalled", "deal-closed")


def a_posted(lead_id: str = "L1", **fields: Any) -> dict[str, Any]:
    """A fact as somebody would post it."""
    return {"kind": "lead-created", "lead_id": lead_id, "occurred_at": "2026-03-02T09:00:00Z", **fields}


@dataclass
class Keys:
    """A keys file, and the keys that are in it by source."""

    path: Path
    of: dict[str, str]

    @classmethod
    def in_folder(cls, folder: Path, *sources: str) -> Keys:
        """A key for each of these sources; for crm if none is named."""
        keys = {name: new_key() for name in sources or ("crm",)}
        path = folder / "keys.yml"
        lines = [f"  {name}: {{keys: [{digest_of(key)}]}}\n" for name, key in keys.items()]
        path.write_text("sources:\n" + "".join(lines), encoding="utf-8")
        return cls(path, keys)


class Served:
    """One running ingest."""

    def __init__(
        self, world: World, keys: Keys, command: Sequence[str] = LEADLOOP, env: Mapping[str, str] | None = None
    ) -> None:
        self.world = world
        self.keys = keys
        self.log = world.folder / f"ingest-{len(list(world.folder.glob('ingest-*')))}.log"
        settings = {**world.env(), "LEADLOOP_KEYS_FILE": str(keys.path), "LEADLOOP_INGEST_PORT": "0", **(env or {})}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                list(command), env={**os.environ, **settings}, cwd=ROOT, stdout=log, stderr=log
            )
        self.url = wait_for(self._address, within=30)
        self.client = httpx.Client(base_url=self.url, timeout=30, headers={"Authorization": f"Bearer {self.key}"})

    @property
    def key(self) -> str:
        return next(iter(self.keys.of.values()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Whatever the test came to, the process ends with it."""
        self.client.close()
        self.process.kill()
        self.process.wait(TIMEOUT)

    def ready(self) -> Served:
        wait_for(lambda: httpx.get(f"{self.url}/readyz").is_success, within=30)
        return self

    def post(self, body: Any, **headers: str) -> httpx.Response:
        return self.client.post("/v1/events", json=body, headers=headers)

    def metric(self, line: str) -> float:
        text = httpx.get(f"{self.url}/metrics").text
        return float(next(one.rpartition(" ")[2] for one in text.splitlines() if one.startswith(line + " ")))

    def stop(self) -> int:
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(TIMEOUT)

    def ended(self) -> int:
        self.client.close()
        return self.process.wait(TIMEOUT)

    def _address(self) -> str:
        text = self.log.read_text(errors="replace")
        assert self.process.poll() is None, text
        found = re.search(r"answers at (http://\S+)", text)
        return found.group(1) if found else ""


def held(world: World, topic: str) -> list[Record]:
    """What a topic of this world holds."""
    return read_all(world.bootstrap, world.prefix + topic)


def facts(world: World) -> Iterator[Any]:
    """Every fact that came in, decoded."""
    for topic in FACT_TOPICS:
        record = TOPICS[topic].record
        assert record is not None
        for one in held(world, topic):
            yield CODEC.decode(one.value, record)
