"""The application of ingest with a fake sender: what a test posts, and what would have been sent to Kafka."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from prometheus_client import CollectorRegistry, generate_latest

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.topics import TOPICS
from tests.builders import T0
from workers.http.auth import KeyRing
from workers.http.keys import digest_of
from workers.ingest.app import ingest_app
from workers.ingest.events import IngestServices
from workers.ingest.metrics import IngestMetrics
from workers.ingest.systems import System, load_systems

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from workers.kafka import Outgoing, RecordPlace

CODEC = Codec(Catalogue.bundled())
KEY = "llk_crm"
ISO = "2025-10-09T08:00:00Z"
AT = 1_759_996_800_000
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def a_fact(lead_id: object = "L1", **fields: object) -> dict[str, object]:
    """A fact as a client posts it."""
    return {"kind": "lead-created", "lead_id": lead_id, "occurred_at": ISO, **fields}


def an_event(lead_id: object = "L1", **attributes: object) -> dict[str, object]:
    """A CloudEvent as a client posts it."""
    common = {"specversion": "1.0", "id": "1", "source": "crm", "type": "leadloop.v1.LeadCreated", "time": ISO}
    return {**common, "subject": lead_id, "data": {}, **attributes}


@dataclass
class FakeSender:
    """Acknowledges at once; raises `error` if it is set."""

    sent: list[Outgoing] = field(default_factory=list)
    error: Exception | None = None

    async def send_all(self, records: Sequence[Outgoing]) -> Sequence[RecordPlace]:
        if self.error is not None:
            raise self.error
        self.sent += records
        return [(0, len(self.sent) - len(records) + number) for number in range(len(records))]


class Posting:
    """The application of ingest; its clock starts at T0."""

    def __init__(self, folder: Path, *, keys: str = "", systems: str = "") -> None:
        path = folder / "keys.yml"
        path.write_text(keys or f"sources: {{crm: {{keys: ['{digest_of(KEY)}']}}}}", encoding="utf-8")
        self.sender = FakeSender()
        self.registry = CollectorRegistry()
        self.clock = 0.0
        ring = KeyRing(path, monotonic=lambda: self.clock)
        self.services = IngestServices(
            ring,
            self.sender,
            CODEC,
            IngestMetrics(self.registry),
            now_ms=lambda: T0 + int(self.clock * 1000),
            monotonic=lambda: self.clock,
        )
        self.app = ingest_app(self.services, _systems(folder, systems), self.registry, lambda: "")

    async def send(
        self, content: bytes | AsyncIterator[bytes], path: str = "/v1/events", **headers: str
    ) -> httpx.Response:
        """Post bytes with headers; `_` in their names is `-`."""
        given = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
        given |= {name.replace("_", "-").lower(): value for name, value in headers.items()}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            kept = {name: value for name, value in given.items() if value}
            return await client.post(path, content=content, headers=kept)

    async def post(self, value: object, path: str = "/v1/events", **headers: str) -> httpx.Response:
        return await self.send(json.dumps(value).encode(), path, **headers)

    def facts(self) -> list[Any]:  # each test knows the type of its facts
        """The sent facts, decoded."""
        found = []
        for one in self.sender.sent:
            record = TOPICS[one.topic].record
            if record is not None:
                found.append(CODEC.decode(one.value, record))
        return found

    def dead(self) -> list[dict[str, str]]:
        """The headers of dead letters."""
        records = [one for one in self.sender.sent if one.topic == "lead-dead-letters"]
        return [{name: value.decode() for name, value in one.headers} for one in records]

    def metrics(self) -> dict[str, float]:
        lines = generate_latest(self.registry).decode().splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def _systems(folder: Path, text: str) -> Mapping[str, System]:
    if not text:
        return {}
    path = folder / "webhooks.yml"
    path.write_text(text, encoding="utf-8")
    return load_systems(path)


def faults(answer: httpx.Response) -> list[tuple[str, str]]:
    """The paths and fixes of the errors of a problem."""
    return [(error["path"], error["fix"]) for error in answer.json()["errors"]]
