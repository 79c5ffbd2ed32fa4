"""POST /v1/events: accepted (202) means that the broker has it. Whatever else is said, sending it again is safe."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from schemas.codec import Codec, Unencodable
from schemas.headers import cloudevents_headers
from schemas.topics import TOPIC_OF
from workers.http.auth import KeyRing, Principal
from workers.http.body import Strangers, media_type_of, read_body
from workers.http.problems import FieldError, Problem, later
from workers.http.strict import parse
from workers.kafka import Full, Outgoing, Place, Sender, Undelivered

from .envelopes import MEDIA_TYPES, opened
from .facts import Posted, made
from .fields import PostedFact
from .metrics import IngestMetrics
from .rates import Rates
from .refusals import Refusal, Refused

FULL_SECONDS = 1  # what is under way is acked, or given up, soon
BROKER_SECONDS = 5
MOST_ERRORS = 50  # in one answer
_encode = msgspec.json.Encoder().encode


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """An event that was accepted, and where it is."""

    event_id: str
    topic: str
    partition: int
    offset: int
    status: int = 202


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """An event of a batch that stayed out."""

    errors: list[FieldError]
    status: int = 422


@dataclass(frozen=True)
class Intake:
    """What every way in shares: who may come, how a fact is written, and to whom it is sent."""

    ring: KeyRing
    sender: Sender
    codec: Codec
    metrics: IngestMetrics
    prefix: str = ""
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    monotonic: Callable[[], float] = time.monotonic
    rates: Rates = field(default_factory=Rates)
    strangers: Strangers = field(default_factory=Strangers)

    def outgoing(self, fact: PostedFact, traceparent: bytes | None) -> Outgoing:
        """A fact as a record. Raises Unencodable where it is too large."""
        kind = TOPIC_OF[type(fact)].name
        headers = cloudevents_headers(fact, kind, traceparent)
        return Outgoing(self.prefix + kind, fact.lead_id.encode(), self.codec.encode(fact), headers)

    async def send(self, records: Sequence[Outgoing]) -> Sequence[Place]:
        """Send, and wait until all are acked. Raises Problem 503 where that does not work out."""
        begun = self.monotonic()
        try:
            return await self.sender.send_all(records)
        except Full as full:
            self.metrics.deferred("queue")
            raise later("unavailable", f"{full}: send it again, with the same ids", FULL_SECONDS) from full
        except Undelivered as fault:
            self.metrics.deferred("broker")
            detail = f"the broker did not take all of it ({fault}): send it again, with the same ids"
            raise later("unavailable", detail, BROKER_SECONDS) from fault
        finally:
            self.metrics.ack.observe(self.monotonic() - begun)

    def within_rate(self, principal: Principal) -> None:
        """Raises Problem 429 if this source has sent too much of late."""
        if wait := self.rates.wait(principal, self.monotonic()):
            self.metrics.deferred("rate")
            raise later("rate-limited", f"{principal.name} may send {principal.per_second:g} events a second", wait)


async def post_events(intake: Intake, request: Request) -> Response:
    """Take what was posted, or say what is wrong with it."""
    principal, body = await _authenticated(intake, request)
    media_type = media_type_of(request.headers.get("content-type", ""), MEDIA_TYPES)
    if body is None:
        body = await read_body(request)
    given, is_batch = opened(media_type, parse(body), _headers(request), principal.name)
    intake.rates.take(principal, len(given))
    checked = [_checked(intake, one, principal.name) for one in given]
    sending = [one for one in checked if isinstance(one, _Ready)]
    for one in checked:
        if isinstance(one, Refused):
            intake.metrics.rejected(one.refusals[0].reason)
    if not sending and checked:
        raise _all_refused([one for one in checked if isinstance(one, Refused)])
    places = await intake.send([one.record for one in sending])
    _count(intake, sending)
    return _answer(checked, iter(places), is_batch=is_batch)


class _Ready(msgspec.Struct, frozen=True, gc=False):
    event_id: str
    kind: str
    record: Outgoing


async def _authenticated(intake: Intake, request: Request) -> tuple[Principal, bytes | None]:
    """Who asks; and the body, where its signature says so. The rate is looked at only for somebody who is known."""
    authorization = request.headers.get("authorization")
    if authorization is None and "webhook-signature" in request.headers:
        media_type_of(request.headers.get("content-type", ""), MEDIA_TYPES)
        intake.ring.expect_signatures()
        body = await intake.strangers.read(request)
        principal = intake.ring.verify(request.headers, body, "ingest", intake.now_ms() / 1000)
    else:
        body, principal = None, intake.ring.admit(authorization, "ingest")
    intake.within_rate(principal)
    return principal, body


def _headers(request: Request) -> Mapping[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.raw}


def _checked(intake: Intake, one: Posted | Refused, principal: str) -> _Ready | Refused:
    if isinstance(one, Refused):
        return one
    try:
        fact = made(one, principal, intake.now_ms())
        return _Ready(fact.event_id, one.kind, intake.outgoing(fact, one.traceparent))
    except Refused as refused:
        return refused
    except Unencodable as fault:
        return Refused([Refusal.at(one.path, "too_large", str(fault), "write less, at most 64 KiB an event")])


def _count(intake: Intake, sent: Sequence[_Ready]) -> None:
    kinds = [one.kind for one in sent]
    for kind in set(kinds):
        intake.metrics.accepted(kind, kinds.count(kind))


def _all_refused(refused: Sequence[Refused]) -> Problem:
    errors = [refusal.error for one in refused for refusal in one.refusals]
    told = f"; the first {MOST_ERRORS} faults of {len(errors)}" if len(errors) > MOST_ERRORS else ""
    events = "the event" if len(refused) == 1 else f"none of the {len(refused)} events"
    said = "cannot be taken" if len(refused) == 1 else "can be taken"
    return Problem("invalid", f"{events} {said}{told}", errors=errors[:MOST_ERRORS])


def _answer(checked: Sequence[_Ready | Refused], places: Any, *, is_batch: bool) -> Response:
    items = [
        Receipt(one.event_id, one.record.topic, *next(places)) if isinstance(one, _Ready) else _rejected(one)
        for one in checked
    ]
    if not is_batch:
        return _json(items[0], 202)
    accepted = sum(1 for one in items if isinstance(one, Receipt))
    refused = len(items) - accepted
    return _json({"accepted": accepted, "refused": refused, "items": items}, 207 if refused else 202)


def _rejected(refused: Refused) -> Rejected:
    return Rejected([refusal.error for refusal in refused.refusals])


def _json(document: object, status: int) -> Response:
    return Response(_encode(document), status, media_type="application/json")
