"""POST /v1/webhooks/{system}: accepts what an authenticated system sends; dead-letters what cannot become a fact.

Any response other than 2xx would only make the system send the same items again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import assert_never

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from schemas.codec import Unencodable
from schemas.dead_letters import WEBHOOKS
from workers.dead_letters import dead_letter
from workers.http.auth import Principal
from workers.http.body import media_type_of, read_body
from workers.http.problems import Problem, unauthorized
from workers.http.strict_json import parse_json
from workers.imports.records import ImportedFact
from workers.kafka import Outgoing

from .dialects import DIALECTS
from .dialects.items import (
    DeadItem,
    IgnoredItem,
    InvalidSignature,
    MappableItem,
    RequestContext,
    SignedRequest,
    WebhookItem,
)
from .events import IngestServices
from .items_to_facts import ItemConverter
from .kept_requests import kept_headers, trace_of
from .systems import System

MAX_ITEMS = 2_000  # of one request; vendors send some hundreds at most
MAX_DEAD_BYTES = 8_388_608
MAX_READ_BYTES = 16_777_216
"""Of all items of a request: an event about many records becomes one item each, and conversion blocks the loop."""
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class _Outcome:
    """The result of a body: records to send, and counts."""

    records: list[Outgoing] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    dead: list[tuple[int, DeadItem]] = field(default_factory=list)  # with the number of the item in the request
    ignored: int = 0


class WebhookHandler:
    """Handles the webhooks of all systems."""

    def __init__(self, services: IngestServices, systems: Mapping[str, System]) -> None:
        self._services = services
        self._systems = systems
        self._converters = {name: ItemConverter(system, services.now_ms) for name, system in systems.items()}
        services.metrics.initialise(systems)

    async def post(self, name: str, request: Request) -> Response:
        """Handle one request of a system: 202 after the broker has acknowledged all facts and dead letters.

        Raises:
            Problem: 404 for an unknown system; 401 or 403; 408, 413 or 415 for the body; 429; 503 for the broker.
        """
        system = self._systems.get(name)
        if system is None:
            raise Problem("not-found", f"no system is called {name[:40]!r} in the webhooks file")
        headers = dict(request.headers)
        principal, body = await self._authenticate(system, request, headers)
        item_type = request.query_params.get("type", "")
        outcome = self._convert(system, RequestContext(headers, system.own_client, item_type), body)
        if principal is not None:
            self._services.rates.take(principal, len(outcome.records))
        await self._services.send(outcome.records)
        self._count(system, outcome)
        counts = {"accepted": len(outcome.kinds), "ignored": outcome.ignored, "dead_letters": len(outcome.dead)}
        return Response(_encode(counts), 202, media_type="application/json")

    async def _authenticate(
        self, system: System, request: Request, headers: Mapping[str, str]
    ) -> tuple[Principal | None, bytes]:
        """Authenticate the request. Returns the owner of the key, if a key was used, and the body."""
        principal = None
        if not system.secrets:
            principal = self._services.ring.admit(headers.get("authorization"), "ingest", basic=True)
            if principal.name != system.source:
                raise Problem("forbidden", f"{system.name} is for keys of {system.source!r}, not of {principal.name!r}")
            self._services.within_rate(principal)
        media_type_of(headers.get("content-type", ""), ("application/json",))
        if not system.secrets:
            return principal, await read_body(request)
        body = await self._services.unauthenticated_bodies.read(request)
        self._verify(system, request, headers, body)
        return principal, body

    def _verify(self, system: System, request: Request, headers: Mapping[str, str], body: bytes) -> None:
        verify = DIALECTS[system.dialect].verify
        if verify is None:  # pragma: no cover  # the webhooks file is validated for it
            raise unauthorized("this system does not sign")
        url = system.public_url + (f"?{request.url.query}" if request.url.query else "")
        try:
            verify(SignedRequest(headers, body, url, self._services.now_ms() / 1000, system.secrets))
        except InvalidSignature as error:
            raise unauthorized(str(error)) from error

    def _convert(self, system: System, context: RequestContext, body: bytes) -> _Outcome:
        """Convert a body. Too many items become one dead letter, the body: one per item would multiply its size."""
        items = _items(system, context, body)
        if len(items) > MAX_ITEMS:
            return self._dead_body(system, context, body, f"more than {MAX_ITEMS:,} items in one request: send several")
        if _are_too_large(items):
            error = f"its items would be more than {MAX_READ_BYTES:,} bytes: send less at once"
            return self._dead_body(system, context, body, error)
        outcome = self._convert_items(system, items, context)
        size = 0
        for number, dead in outcome.dead:
            outcome.records.append(record := self._dead_letter(system, context, number, dead))
            size += len(record.value or b"")
            if size > MAX_DEAD_BYTES:
                error = f"its dead letters would be more than {MAX_DEAD_BYTES:,} bytes"
                return self._dead_body(system, context, body, error)
        return outcome

    def _dead_body(self, system: System, context: RequestContext, body: bytes, error: str) -> _Outcome:
        dead = DeadItem("too_many", error, body)
        return _Outcome([self._dead_letter(system, context, 0, dead)], dead=[(0, dead)])

    def _convert_items(self, system: System, items: Iterable[WebhookItem], context: RequestContext) -> _Outcome:
        outcome = _Outcome()
        for number, item in enumerate(items):
            match converted := self._converters[system.name].convert(item):
                case DeadItem():
                    outcome.dead.append((number, converted))
                case IgnoredItem():
                    outcome.ignored += 1
                case tuple():
                    self._write(converted, number, item, context, outcome)
                case never:
                    assert_never(never)
        return outcome

    def _write(
        self, facts: Sequence[ImportedFact], number: int, item: WebhookItem, context: RequestContext, into: _Outcome
    ) -> None:
        trace = trace_of(context)
        try:
            records = [self._services.outgoing(fact, trace) for fact in facts]
        except Unencodable as error:
            received = item.received if isinstance(item, MappableItem) else None
            into.dead.append((number, DeadItem("too_large", str(error), received)))
            return
        into.records.extend(records)
        into.kinds.extend(record.topic.removeprefix(self._services.prefix) for record in records)

    def _dead_letter(self, system: System, context: RequestContext, number: int, dead: DeadItem) -> Outgoing:
        value = dead.value if isinstance(dead.value, bytes) else _encode(dead.value)
        return dead_letter(
            value,
            dead.reason,
            dead.error,
            path=f"{WEBHOOKS}{system.name}",
            seen_at=self._services.now_ms(),
            prefix=self._services.prefix,
            headers=kept_headers(context, number),
        )

    def _count(self, system: System, outcome: _Outcome) -> None:
        for kind in set(outcome.kinds):
            self._services.metrics.accepted(kind, outcome.kinds.count(kind))
        for _, dead in outcome.dead:
            self._services.metrics.dead(system.name, dead.reason)
        self._services.metrics.ignored(system.name, outcome.ignored)


def _are_too_large(items: Iterable[WebhookItem]) -> bool:
    left = MAX_READ_BYTES
    for item in items:
        if isinstance(item, MappableItem):
            left -= len(_encode(item.cells))
            if left < 0:
                return True
    return False


def _items(system: System, context: RequestContext, body: bytes) -> list[WebhookItem]:
    try:
        value = parse_json(body)
    except Problem as problem:
        return [DeadItem("not_json", problem.detail, body)]
    items = DIALECTS[system.dialect].items(value, context)
    return list(islice(items, MAX_ITEMS + 1))
