"""What became of deliveries, and bringing back what did not arrive."""

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from confluent_kafka import Message

from schemas.codec import Codec, Undecodable
from schemas.events import DeliveryOutcome, DeliveryResult
from workers.kafka import Outgoing
from workers.reading import records

from .core.model import RetryState
from .core.wait_topics import WaitTopics
from .events import TOPICS, DeliveredEvent, decode_event, id_of, result_key

ARRIVED: tuple[DeliveryOutcome, ...] = ("accepted", "unverified")
Key = tuple[str, str, str]
"""Endpoint, recycle_id or escalation_id, action."""


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    """Which deliveries are meant; instants are epoch ms."""

    endpoint: str = ""
    since: int = 0
    until: int = 2**62
    states: Collection[str] = ()

    def fits(self, result: DeliveryResult) -> bool:
        return (
            self.endpoint in ("", result.endpoint)
            and self.since <= result.occurred_at <= self.until
            and (not self.states or result.outcome in self.states)
        )


class DeliveryHistory:
    """Reads topics to their ends; `prefix` is that of all topics."""

    def __init__(self, conf: Mapping[str, Any], codec: Codec, prefix: str) -> None:
        self._conf = conf
        self._codec = codec
        self._prefix = prefix

    def last_results(self, query: DeliveryQuery) -> list[DeliveryResult]:
        """Return the newest result of each delivery, if the query wants it; what arrived once has arrived."""
        newest: dict[Key, DeliveryResult] = {}
        for result in self._results(query.since):
            key = (result.endpoint, *result_key(result))
            if key not in newest or newest[key].outcome not in ARRIVED:
                newest[key] = result
        return sorted(filter(query.fits, newest.values()), key=lambda result: result.occurred_at)

    def returns(self, results: Sequence[DeliveryResult], replay: str) -> tuple[list[Outgoing], list[DeliveryResult]]:
        """Return the records of a replay of these, and the results whose event is no longer in Kafka."""
        wanted: dict[tuple[str, str], list[DeliveryResult]] = {}
        for result in results:
            if result.outcome not in ARRIVED:
                wanted.setdefault(result_key(result), []).append(result)
        now = int(time.time() * 1000)
        outgoing: list[Outgoing] = []
        for message in self._events() if wanted else ():
            event = self._event(message.value())
            for result in wanted.pop((id_of(event), event.action), ()) if event else ():
                value, key = message.value() or b"", message.key()
                outgoing.append(
                    waiting_again(self._prefix, result.endpoint, replay, now, key, value, message.partition() or 0)
                )
        return outgoing, [result for left in wanted.values() for result in left]

    def outcomes_of(self, replay: str, since: int) -> Counter[DeliveryOutcome]:
        """How the deliveries of a replay that began at `since` (epoch ms) have ended by now."""
        found: Counter[DeliveryOutcome] = Counter()
        for message in records(self._conf, f"{self._prefix}delivery-results", since):
            if replay_of(message) == replay:
                with suppress(Undecodable):
                    found[self._codec.decode(message.value(), DeliveryResult).outcome] += 1
        del found["retry"]
        return found

    def _results(self, since: int) -> Iterator[DeliveryResult]:
        for message in records(self._conf, f"{self._prefix}delivery-results", since):
            try:
                yield self._codec.decode(message.value(), DeliveryResult)
            except Undecodable:
                continue

    def _events(self) -> Iterator[Message]:
        for topic in TOPICS:
            yield from records(self._conf, self._prefix + topic)

    def _event(self, value: bytes | None) -> DeliveredEvent | None:
        try:
            return decode_event(self._codec, value)
        except Undecodable:
            return None


def new_replay() -> str:
    """The name of a new replay; results of its deliveries carry it."""
    return f"replay-{uuid4().hex[:12]}"


def replay_of(message: Message) -> str:
    """The replay that a result belongs to; empty: to none."""
    value = dict(message.headers() or []).get("dw_replay") or b""
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def waiting_again(
    prefix: str, endpoint: str, replay: str, now: int, key: bytes | None, value: bytes, partition: int
) -> Outgoing:
    """Return the waiting record of a replay: deliver attempts it as a new delivery, with all its attempts."""
    retry = RetryState(
        endpoint, published_at=now, first_at=now, due_at=now, why="replay", replay=replay, may_have_arrived=True
    )
    return Outgoing(prefix + WaitTopics().of(0), key, value, retry.headers(), partition)
