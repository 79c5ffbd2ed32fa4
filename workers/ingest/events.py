"""POST /v1/events. 202 means that the broker has acknowledged the events; after any other status, a repeat is safe."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from schemas.codec import Codec, Unencodable
from workers import signing
from workers.http.auth import KeyRing, Principal
from workers.http.body import UnauthenticatedBodies, media_type_of, read_body
from workers.http.problems import FieldError, Problem, retry_later
from workers.http.strict_json import parse_json
from workers.kafka import Full, Outgoing, RecordPlace, Sender, Undelivered

from .envelopes import MEDIA_TYPES, unwrap
from .fact_records import record_of
from .fields import PostedFact
from .metrics import IngestMetrics
from .rates import SourceRateLimits
from .rejections import InvalidEvent, Rejection
from .source_log import SourceLog
from .validation import PostedEvent, to_fact

QUEUE_FULL_RETRY_SECONDS = 1  # records in flight are acknowledged, or fail, soon
BROKER_RETRY_SECONDS = 5
MAX_ERRORS = 50  # in one response
_encode = msgspec.json.Encoder().encode


class AcceptedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event that the broker acknowledged, and its position."""

    event_id: str
    topic: str
    partition: int
    offset: int
    status: int = 202


class RejectedEvent(msgspec.Struct, frozen=True, gc=False):
    """An invalid event of a batch."""

    errors: list[FieldError]
    status: int = 422


@dataclass(frozen=True)
class IngestServices:
    """What all routes of ingest share: authentication, encoding, the producer, rate limits and metrics.

    Attributes:
        prefix: Of the physical topic names.
        now_ms: The wall clock, epoch ms.
        monotonic: Seconds; measures durations and rates.
    """

    ring: KeyRing
    sender: Sender
    codec: Codec
    metrics: IngestMetrics
    prefix: str = ""
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    monotonic: Callable[[], float] = time.monotonic
    rates: SourceRateLimits = field(default_factory=SourceRateLimits)
    log: SourceLog = field(default_factory=SourceLog)
    unauthenticated_bodies: UnauthenticatedBodies = field(default_factory=UnauthenticatedBodies)

    def outgoing(self, fact: PostedFact, traceparent: bytes | None) -> Outgoing:
        """Encode a fact as a record.

        Raises:
            Unencodable: it is too large; reject the event.
        """
        return record_of(fact, self.codec, self.prefix, traceparent)

    async def send(self, records: Sequence[Outgoing]) -> Sequence[RecordPlace]:
        """Send records and wait until the broker has acknowledged all of them.

        Raises:
            Problem: 503, the queue is full or the broker did not acknowledge; some records may have been written.
        """
        begun = self.monotonic()
        try:
            return await self.sender.send_all(records)
        except Full as full:
            self.metrics.deferred("queue")
            raise retry_later(
                "unavailable", f"{full}: send it again, with the same ids", QUEUE_FULL_RETRY_SECONDS
            ) from full
        except Undelivered as error:
            self.metrics.deferred("broker")
            detail = f"the broker did not take all of it ({error}): send it again, with the same ids"
            raise retry_later("unavailable", detail, BROKER_RETRY_SECONDS) from error
        finally:
            self.metrics.ack.observe(self.monotonic() - begun)

    def within_rate(self, principal: Principal) -> None:
        """Check the rate limit of a source.

        Raises:
            Problem: 429 with Retry-After, the source has used up its rate.
        """
        if wait := self.rates.wait(principal, self.monotonic()):
            self.metrics.deferred("rate")
            raise retry_later(
                "rate-limited", f"{principal.name} may send {principal.per_second:g} events a second", wait
            )


async def post_events(services: IngestServices, request: Request) -> Response:
    """Handle POST /v1/events: 202 for all accepted, 207 for a batch in part.

    Raises:
        Problem: nothing was accepted.
    """
    principal, body = await _authenticated(services, request)
    media_type = media_type_of(request.headers.get("content-type", ""), MEDIA_TYPES)
    if body is None:
        body = await read_body(request)
    events, is_batch = unwrap(media_type, parse_json(body), _headers(request), principal.name)
    services.rates.take(principal, len(events))
    now = services.now_ms()
    checked = [_encode_event(services, one, principal.name, now) for one in events]
    sending = [one for one in checked if isinstance(one, _EncodedEvent)]
    invalid = [one for one in checked if isinstance(one, InvalidEvent)]
    for one in invalid:
        services.metrics.rejected(one.rejections[0].reason)
    services.log.checked(principal.name, invalid, len(checked))
    if not sending and checked:
        raise _all_invalid(invalid)
    places = await services.send([one.record for one in sending])
    _count_accepted(services, sending)
    return _response(checked, iter(places), is_batch=is_batch)


class _EncodedEvent(msgspec.Struct, frozen=True, gc=False):
    event_id: str
    kind: str
    record: Outgoing


async def _authenticated(services: IngestServices, request: Request) -> tuple[Principal, bytes | None]:
    """Authenticate the request, and read the body if its signature had to be verified; then check the rate."""
    authorization = request.headers.get("authorization")
    if authorization is None and signing.header(request.headers, signing.SIGNATURE):
        media_type_of(request.headers.get("content-type", ""), MEDIA_TYPES)
        services.ring.expect_signatures()
        body = await services.unauthenticated_bodies.read(request)
        principal = services.ring.verify(request.headers, body, "ingest", services.now_ms() / 1000)
    else:
        body, principal = None, services.ring.admit(authorization, "ingest")
    services.within_rate(principal)
    return principal, body


def _headers(request: Request) -> Mapping[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.raw}


def _encode_event(
    services: IngestServices, one: PostedEvent | InvalidEvent, principal: str, now: int
) -> _EncodedEvent | InvalidEvent:
    if isinstance(one, InvalidEvent):
        return one
    try:
        fact = to_fact(one, principal, now)
        return _EncodedEvent(fact.event_id, one.kind, services.outgoing(fact, one.traceparent))
    except InvalidEvent as invalid:
        return invalid
    except Unencodable as error:
        return InvalidEvent([Rejection.at(one.path, "too_large", str(error), "write less, at most 64 KiB an event")])


def _count_accepted(services: IngestServices, sent: Sequence[_EncodedEvent]) -> None:
    kinds = [one.kind for one in sent]
    for kind in set(kinds):
        services.metrics.accepted(kind, kinds.count(kind))


def _all_invalid(invalid: Sequence[InvalidEvent]) -> Problem:
    errors = [rejection.error for one in invalid for rejection in one.rejections]
    limited = f"; the first {MAX_ERRORS} errors of {len(errors)}" if len(errors) > MAX_ERRORS else ""
    events = "the event" if len(invalid) == 1 else f"none of the {len(invalid)} events"
    verdict = "is invalid" if len(invalid) == 1 else "is valid"
    return Problem("invalid", f"{events} {verdict}{limited}", errors=errors[:MAX_ERRORS])


def _response(
    checked: Sequence[_EncodedEvent | InvalidEvent], places: Iterator[RecordPlace], *, is_batch: bool
) -> Response:
    items = [
        AcceptedEvent(one.event_id, one.record.topic, *next(places))
        if isinstance(one, _EncodedEvent)
        else _rejected(one)
        for one in checked
    ]
    if not is_batch:
        return _json(items[0], 202)
    accepted = sum(1 for one in items if isinstance(one, AcceptedEvent))
    refused = len(items) - accepted
    return _json({"accepted": accepted, "refused": refused, "items": items}, 207 if refused else 202)


def _rejected(invalid: InvalidEvent) -> RejectedEvent:
    return RejectedEvent([rejection.error for rejection in invalid.rejections])


def _json(document: object, status: int) -> Response:
    return Response(_encode(document), status, media_type="application/json")
