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

from .dead_letter import DeadLetter, marker_of
from .render import in_full, in_short
from .resend import NotReplayable, replay_marker, resent


@dataclass(frozen=True, slots=True)
class DeadLetterQuery:
    """Which dead letters to select; what is empty selects all."""

    reason: str = ""
    topic: str = ""
    since: str = ""
    places: Sequence[str] = ()

    def matches(self, letter: DeadLetter, prefix: str) -> bool:
        return (
            self.reason in ("", letter.reason)
            and self.topic in ("", letter.from_topic, letter.from_topic.removeprefix(prefix))
            and (not self.places or letter.place in self.places)
        )


@explained
def list_dead_letters(query: DeadLetterQuery) -> None:
    """Print one JSON line for each dead letter."""
    settings = settings_with_broker(ProcessSettings)
    letters, replayed = _read(settings, query, is_short=True)
    for letter in letters:
        out.print(json.dumps(in_short(letter, is_replayed=letter.place in replayed), ensure_ascii=False), markup=False)


@explained
def show(place: str) -> None:
    """Print one dead letter in full."""
    settings = settings_with_broker(ProcessSettings)
    letters, replayed = _read(settings, DeadLetterQuery(places=(place,)))
    if not letters:
        raise UserError(f"no dead letter at {place}; `leadloop dead-letters list` shows the places")
    full = in_full(letters[0], codec_of(settings), settings.topic_prefix, is_replayed=place in replayed)
    out.print(json.dumps(full, ensure_ascii=False, indent=2), markup=False)


@explained
def replay(query: DeadLetterQuery, *, dry_run: bool, include_replayed: bool) -> None:
    """Send dead letters again, once each."""
    if query == DeadLetterQuery():
        raise UserError("select some: --reason, --topic, --since or --place")
    settings = settings_with_broker(ProcessSettings)
    letters, replayed = _read(settings, query)
    old = [letter for letter in letters if letter.place in replayed and not include_replayed]
    for letter in old:
        err.print(f"{letter.place}: already replayed (--again sends it once more)", markup=False)
    count, failed = asyncio.run(_replay(settings, [one for one in letters if one not in old], dry_run=dry_run))
    out.print(f"{'would replay' if dry_run else 'replayed'} {count} dead letters", markup=False)
    if failed:
        raise typer.Exit(1)


async def _replay(settings: ProcessSettings, letters: Sequence[DeadLetter], *, dry_run: bool) -> tuple[int, int]:
    """Returns how many were sent, or would be, and how many cannot be."""
    prefix, now, cannot = settings.topic_prefix, int(time.time() * 1000), 0
    producer = AsyncProducer({**settings.kafka.librdkafka(), "message.timeout.ms": 60_000})
    producer.start()
    try:
        for letter in letters:
            match resent(letter, prefix, now):
                case NotReplayable(why):
                    cannot += 1
                    err.print(f"{letter.place}: {why}", markup=False)
                case outgoing if not dry_run:
                    # The record first: a crash in between sends it twice, which its event_id makes harmless.
                    await producer.send(outgoing)
                    await producer.send(replay_marker(letter, prefix + TOPIC))
    finally:
        await producer.close()
    return len(letters) - cannot, cannot


def _read(
    settings: ProcessSettings, query: DeadLetterQuery, *, is_short: bool = False
) -> tuple[list[DeadLetter], set[str]]:
    """The selected dead letters, and the places of those that were replayed. Short ones carry no original content."""
    since = instant(query.since, "--since") if query.since else 0
    letters, replayed = [], set()
    for message in records(settings.kafka.librdkafka(), settings.topic_prefix + TOPIC, since):
        headers = message.headers() or []
        if place := marker_of(headers):  # type: ignore[arg-type]  # confluent-kafka types them as any of three shapes
            replayed.add(place)
            continue
        at = message.partition() or 0, message.offset() or 0
        letter = DeadLetter.of(*at, message.key(), message.value(), headers)  # type: ignore[arg-type]
        if query.matches(letter, settings.topic_prefix):
            letters.append(replace(letter, value=b"", kept=()) if is_short else letter)
    return sorted(letters, key=lambda letter: letter.seen_at), replayed
