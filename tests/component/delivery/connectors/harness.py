"""Delivery requests, and connectors made from sections of endpoints.yml."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel

from schemas.events import LeadEscalated, LeadRecycled
from schemas.headers import Headers
from streams.runtime.documents import load
from tests.simulators.served import Simulator
from workers.delivery.attempts import Connector, DeliveryRequest, Outcome
from workers.delivery.connectors import AnyTarget, connector_of
from workers.delivery.events import DeliveredEvent, id_of
from workers.delivery.target import Endpoint
from workers.outbound import Client

NOW = 1_790_000_000.0
AT = 1_789_999_000_000


class _Document(BaseModel):
    endpoint: AnyTarget


def a_recycle(lead_id: str = "7", **fields: Any) -> LeadRecycled:
    given = {"recycle_id": f"r{lead_id}", "event_id": f"r{lead_id}", "track": "offer", "reason": "price"} | fields
    return LeadRecycled(lead_id=lead_id, action="RECYCLE", occurred_at=AT, pass_no=1, **given)


def a_revoke(lead_id: str = "7", **fields: Any) -> LeadRecycled:
    """As streams emits it: without track and reason."""
    given = {"recycle_id": f"r{lead_id}", "event_id": f"x{lead_id}", "cause": "touched"} | fields
    return LeadRecycled(lead_id=lead_id, action="REVOKE", occurred_at=AT + 1000, pass_no=1, **given)


def an_escalation(lead_id: str = "7", action: Any = "ESCALATE", **fields: Any) -> LeadEscalated:
    given: dict[str, Any] = {"escalation_id": f"x{lead_id}", "event_id": f"x{lead_id}", "reason": "never_contacted"}
    given |= {"until": AT + 14_400_000, "owner_id": "42"} | fields
    return LeadEscalated(lead_id=lead_id, action=action, occurred_at=AT, pass_no=1, **given)


def a_request(event: DeliveredEvent | None = None, attempt: int = 1, **fields: Any) -> DeliveryRequest:
    event = event or a_recycle()
    return DeliveryRequest(event, f"{id_of(event)}_{event.action.lower()}", attempt, **fields)


def target_of(section: dict[str, Any]) -> AnyTarget:
    return load(json.dumps({"endpoint": section}), "endpoints.yml", _Document).endpoint


async def never(topic: str, event: DeliveredEvent, headers: Headers) -> None:
    raise AssertionError((topic, event, headers))


class Delivered:
    """A connector to a simulator, as a section of endpoints.yml describes it. `secrets` go into files."""

    def __init__(self, client: Client, simulator: Simulator, folder: Path, clock: float = NOW) -> None:
        self._client = client
        self._simulator = simulator
        self._folder = folder
        self.clock = clock
        self.connector: Connector

    def configured(self, section: dict[str, Any], **secrets: str) -> Self:
        base = {"url": self._simulator.url, "allow_http": True, "ports": [self._simulator.port]}
        filed = {name: self.file(name, value) for name, value in secrets.items()}
        self.target = target_of(base | section | filed)
        endpoint = Endpoint("test", self.target)
        self.connector = connector_of(endpoint, self._client, lambda: self.clock, never)
        return self

    async def deliver(self, *events: DeliveredEvent) -> Sequence[Outcome]:
        return await self.connector.deliver([a_request(event) for event in events])

    async def deliver_one(self, event: DeliveredEvent) -> Outcome:
        (outcome,) = await self.deliver(event)
        return outcome

    def file(self, name: str, value: str) -> dict[str, str]:
        path = self._folder / name
        path.write_text(value, encoding="utf-8")
        return {"file": str(path)}


ConnectorHarness = Callable[[Simulator], Delivered]
