"""`leadloop dead-letters list`, `show` and `replay`."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import typer

from schemas.dead_letters import TOPIC
from schemas.errors import UserError
from streams.runtime.settings import ProcessSettings
from workers.console import codec_of, err, explained, out, settings_with_broker
from workers.kafka import AsyncProducer
from workers.reading import records
from workers.time_options import instant

from .parsing import DeadLetter, marker_of
from .render import in_full, in_short
from .resend import NotReplayable, replay_marker, replay_of


@dataclass(frozen=True, slots=True)
class DeadLetterQuery:
    """Which dead letters to select; an empty field selects all."""

    reason: str = ""
    topic: str = ""
    since: str = ""
    places: Sequence[str] = ()

    def matches(self, dead_letter: DeadLetter, prefix: str) -> bool:
        return (
            self.reason in ("", dead_letter.reason)
            and self.topic in ("", dead_letter.from_topic, dead_letter.from_topic.removeprefix(prefix))
            and (not self.places or dead_letter.place in self.places)
        )


@explained
def list_dead_letters(query: DeadLetterQuery) -> None:
    """Print one JSON line for each dead letter."""
    settings = settings_with_broker(ProcessSettings)
    found, replayed = _read(settings, query, is_short=True)
    for dead_letter in found:
        out.print(
            json.dumps(in_short(dead_letter, is_replayed=dead_letter.place in replayed), ensure_ascii=False),
            markup=False,
        )


@explained
def show(place: str) -> None:
    """Print one dead letter in full."""
    settings = settings_with_broker(ProcessSettings)
    found, replayed = _read(settings, DeadLetterQuery(places=(place,)))
    if not found:
        raise UserError(f"no dead letter at {place}; `leadloop dead-letters list` shows the places")
    full = in_full(found[0], codec_of(settings), settings.topic_prefix, is_replayed=place in replayed)
    out.print(json.dumps(full, ensure_ascii=False, indent=2), markup=False)


@explained
def replay(query: DeadLetterQuery, *, dry_run: bool, include_replayed: bool) -> None:
    """Send dead letters again, once each."""
    if query == DeadLetterQuery():
        raise UserError("select some: --reason, --topic, --since or --place")
    settings = settings_with_broker(ProcessSettings)
    found, replayed = _read(settings, query)
    old = [dead_letter for dead_letter in found if dead_letter.place in replayed and not include_replayed]
    for dead_letter in old:
        err.print(f"{dead_letter.place}: already replayed (--again sends it once more)", markup=False)
    count, failed = asyncio.run(_replay(settings, [one for one in found if one not in old], dry_run=dry_run))
    out.print(f"{'would replay' if dry_run else 'replayed'} {count} dead letters", markup=False)
    if failed:
        raise typer.Exit(1)


async def _replay(settings: ProcessSettings, found: Sequence[DeadLetter], *, dry_run: bool) -> tuple[int, int]:
    """Return how many were sent (with `dry_run`: could be), and how many cannot be sent."""
    prefix, now, cannot = settings.topic_prefix, int(time.time() * 1000), 0
    producer = AsyncProducer({**settings.kafka.librdkafka(), "message.timeout.ms": 60_000})
    producer.start()
    try:
        for dead_letter in found:
            match replay_of(dead_letter, prefix, now):
                case NotReplayable(why):
                    cannot += 1
                    err.print(f"{dead_letter.place}: {why}", markup=False)
                case outgoing if not dry_run:
                    # The record first: a crash in between sends it twice, which its event_id makes harmless.
                    await producer.send(outgoing)
                    await producer.send(replay_marker(dead_letter, prefix + TOPIC))
    finally:
        await producer.close()
    return len(found) - cannot, cannot


def _read(
    settings: ProcessSettings, query: DeadLetterQuery, *, is_short: bool = False
) -> tuple[list[DeadLetter], set[str]]:
    """The selected dead letters, and the places of the replayed ones. `is_short` omits the original content."""
    since = instant(query.since, "--since") if query.since else 0
    found, replayed = [], set()
    for message in records(settings.kafka.librdkafka(), settings.topic_prefix + TOPIC, since):
        headers = message.headers() or []
        if place := marker_of(headers):  # type: ignore[arg-type]  # confluent-kafka types them as any of three shapes
            replayed.add(place)
            continue
        at = message.partition() or 0, message.offset() or 0
        dead_letter = DeadLetter.of(*at, message.key(), message.value(), headers)  # type: ignore[arg-type]
        if query.matches(dead_letter, settings.topic_prefix):
            found.append(replace(dead_letter, value=b"", kept=()) if is_short else dead_letter)
    return sorted(found, key=lambda dead_letter: dead_letter.seen_at), replayed
