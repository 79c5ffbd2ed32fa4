"""A generated history, compressed into the minutes of a run, and posted to ingest as a careful client posts it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from operator import attrgetter
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from msgspec.structs import asdict

from tests.component.scenarios.generated_leads import END, START, generated_leads
from tests.world import TOPIC_OF
from workers.ingest.fields import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schemas.events import FactRecord

INSTANTS = {"occurred_at", "next_step_at", "resume_at", "consent_expires_at"}
SAMPLE = 200
LATE, AHEAD, TWICE = 0.1, 0.03, 0.03
"""The shares of facts that are posted long after they happened, that a clock dates ahead, and that are posted twice."""
LATE_SECONDS, AHEAD_SECONDS, AGAIN_SECONDS = 20.0, 30.0, 10.0
MOST, PAUSE, ANSWER_SECONDS = 200, 0.2, 15
REPEATED = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


class PlannedPost(NamedTuple):
    """An event, and how many seconds after the start it is posted."""

    due: float
    lead_id: str
    event: dict[str, Any]


def planned_posts(count: int, seed: int, begins_at: float, seconds: float) -> list[PlannedPost]:
    """So many events (and some of them twice), in the order in which they are posted.

    Args:
        count: How many events.
        seed: Of the histories, and of what is late or dated ahead.
        begins_at: Epoch seconds.
        seconds: Into which the history is compressed.
    """
    dice, squeeze = Random(seed), _Squeeze(begins_at, seconds)
    facts_of_sample = sum(map(len, generated_leads(SAMPLE, seed).values()))
    leads = generated_leads(1 + count * SAMPLE // facts_of_sample + count // 50, seed)
    facts = [fact for history in leads.values() for fact in history][:count]
    posts = [post for fact in facts for post in squeeze.posts(fact, dice)]
    return sorted(posts, key=attrgetter("due"))


def steady_posts(begins_at: float, seconds: float) -> list[PlannedPost]:
    """Each second one lead more, which is handed back at once, and answers some seconds later."""
    return sorted((post for n in range(int(seconds)) for post in _steady_lead(n, begins_at)), key=attrgetter("due"))


def _steady_lead(number: int, begins_at: float) -> Iterator[PlannedPost]:
    lead_id = f"steady-{number}"
    facts: tuple[tuple[float, dict[str, Any]], ...] = (
        (0, {"kind": "lead-created", "origin": "web"}),
        (0.1, {"kind": "lead-stalled", "reason": "bad_timing"}),
        (1 + number % 7, {"kind": "lead-contacted", "by": "lead", "direction": "inbound", "outcome": "replied"}),
    )
    for after, fields in facts:
        common = {"lead_id": lead_id, "event_id": f"{lead_id} {fields['kind']}"}
        at = int((begins_at + number + after) * 1000)
        yield PlannedPost(number + after, lead_id, {**fields, **common, "occurred_at": at})


class _Squeeze:
    """Moves the instants of a history into a run."""

    def __init__(self, begins_at: float, seconds: float) -> None:
        self._begins_at, self._scale = begins_at, seconds * 1000 / (END - START)

    def posts(self, fact: FactRecord, dice: Random) -> Iterator[PlannedPost]:
        kind = TOPIC_OF[type(fact)]
        given = {name: value for name, value in asdict(fact).items() if name in FIELDS[kind] and value is not None}
        given.pop("recorded_at", None)
        given.pop("source", None)
        due = (fact.occurred_at - START) * self._scale / 1000
        if "consent_expires_at" in given:  # it keeps its days, and does not expire in a run
            given["consent_expires_at"] += self._moved(START) - START
        for name in (INSTANTS & given.keys()) - {"consent_expires_at"}:
            given[name] = self._moved(min(given[name], END))
        chance = dice.random()
        if chance < LATE:
            due += dice.random() * LATE_SECONDS
        elif chance < LATE + AHEAD:
            given["occurred_at"] += int(dice.random() * AHEAD_SECONDS * 1000)
        event = {"kind": kind, **given}
        yield PlannedPost(due, fact.lead_id, event)
        if dice.random() < TWICE:
            yield PlannedPost(due + dice.random() * AGAIN_SECONDS, fact.lead_id, event)

    def _moved(self, at: int) -> int:
        return int(self._begins_at * 1000 + (at - START) * self._scale)


@dataclass
class Accepted:
    """What ingest answered. `events`: the ids that it accepted; `refused`: answers that no event should have."""

    events: set[str] = field(default_factory=set)
    requests: int = 0
    repeated: int = 0
    refused: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Client(threading.Thread):
    """Posts its events in their order, and each request again, with the same ids, until it is answered with 202."""

    def __init__(
        self, posts: Sequence[PlannedPost], address: str, key: str, accepted: Accepted, stop: threading.Event
    ) -> None:
        super().__init__(daemon=True)
        self._posts, self._url, self._key, self._accepted, self._stop_event = posts, address, key, accepted, stop
        self.posted = 0

    def run(self) -> None:
        started, at = time.monotonic(), 0
        while at < len(self._posts) and not self._stop_event.is_set():
            now = time.monotonic() - started
            batch = [post for post in self._posts[at : at + MOST] if post.due <= now]
            if batch:
                self._post([post.event for post in batch])
                at += len(batch)
                self.posted = at
            else:
                time.sleep(PAUSE)

    def _post(self, events: Sequence[dict[str, Any]]) -> None:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        request = Request(f"{self._url}/v1/events", json.dumps(events).encode(), headers)  # noqa: S310  on loopback
        while not self._stop_event.is_set():
            if self._is_answered(request):
                return
            with self._accepted.lock:
                self._accepted.repeated += 1
            time.sleep(PAUSE)

    def _is_answered(self, request: Request) -> bool:
        try:
            with urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310  on loopback
                self._note(json.load(answer))
                return True
        except HTTPError as fault:
            if fault.code in REPEATED or fault.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                return False
            with self._accepted.lock:
                self._accepted.refused.append(f"{fault.code} {fault.read()[:500]!r}")
            return True
        except (OSError, http.client.HTTPException, ValueError):
            return False

    def _note(self, answer: dict[str, Any]) -> None:
        items = answer.get("items", [answer])
        with self._accepted.lock:
            self._accepted.requests += 1
            self._accepted.events.update(item["event_id"] for item in items if item["status"] == HTTPStatus.ACCEPTED)
            self._accepted.refused += [json.dumps(item) for item in items if item["status"] != HTTPStatus.ACCEPTED]


def clients(
    posts: Sequence[PlannedPost], address: str, key: str, accepted: Accepted, stop: threading.Event, count: int = 3
) -> list[Client]:
    """So many clients; all events of a lead are posted by one of them."""
    of: Callable[[PlannedPost], int] = lambda post: hash_of(post.lead_id) % count  # noqa: E731
    return [
        Client([post for post in posts if of(post) == number], address, key, accepted, stop) for number in range(count)
    ]


def hash_of(lead_id: str) -> int:
    """A number that is always the same for the same text."""
    return sum(lead_id.encode())
