"""`leadloop dead-letters list`, `show` and `replay`."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import typer

from schemas.errors import UserError
from streams.runtime.settings import Settings
from workers.console import codec_of, err, explained, out, settings_with_broker
from workers.instants import instant
from workers.kafka import AsyncProducer
from workers.reading import records

from .again import Cannot, again, marker
from .letter import Letter, marker_of
from .shown import in_full, in_short

TOPIC = "lead-dead-letters"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which letters are meant; empty: any."""

    reason: str = ""
    topic: str = ""
    since: str = ""
    places: Sequence[str] = ()

    def fits(self, letter: Letter, prefix: str) -> bool:
        return (
            self.reason in ("", letter.reason)
            and self.topic in ("", letter.from_topic, letter.from_topic.removeprefix(prefix))
            and (not self.places or letter.place in self.places)
        )


@explained
def listed(asked: Asked) -> None:
    """One JSON line for each."""
    settings = settings_with_broker()
    letters, replayed = _read(settings, asked, is_short=True)
    for letter in letters:
        out.print(json.dumps(in_short(letter, is_replayed=letter.place in replayed), ensure_ascii=False), markup=False)


@explained
def shown(place: str) -> None:
    """One letter with all that is known of it."""
    settings = settings_with_broker()
    letters, replayed = _read(settings, Asked(places=(place,)))
    if not letters:
        raise UserError(f"there is no dead letter at {place}; `leadloop dead-letters list` shows the places")
    full = in_full(letters[0], codec_of(settings), settings.topic_prefix, is_replayed=place in replayed)
    out.print(json.dumps(full, ensure_ascii=False, indent=2), markup=False)


@explained
def replay(asked: Asked, *, dry_run: bool, once_more: bool) -> None:
    """Send letters again, once each."""
    if asked == Asked():
        raise UserError("say which: --reason, --topic, --since or --place")
    settings = settings_with_broker()
    letters, replayed = _read(settings, asked)
    old = [letter for letter in letters if letter.place in replayed and not once_more]
    for letter in old:
        err.print(f"{letter.place}: already replayed (--again sends it once more)", markup=False)
    count, failed = asyncio.run(_replay(settings, [one for one in letters if one not in old], dry_run=dry_run))
    out.print(f"{'would replay' if dry_run else 'replayed'} {count} dead letters", markup=False)
    if failed:
        raise typer.Exit(1)


async def _replay(settings: Settings, letters: Sequence[Letter], *, dry_run: bool) -> tuple[int, int]:
    """How many were sent, or would be, and how many cannot be."""
    prefix, now, cannot = settings.topic_prefix, int(time.time() * 1000), 0
    producer = AsyncProducer({**settings.kafka.librdkafka(), "message.timeout.ms": 60_000})
    producer.start()
    try:
        for letter in letters:
            match again(letter, prefix, now):
                case Cannot(why):
                    cannot += 1
                    err.print(f"{letter.place}: {why}", markup=False)
                case outgoing if not dry_run:
                    # First the letter: should we end in between, it is sent twice, which its event_id makes no harm of.
                    await producer.send(outgoing)
                    await producer.send(marker(letter, prefix + TOPIC))
    finally:
        await producer.close()
    return len(letters) - cannot, cannot


def _read(settings: Settings, asked: Asked, *, is_short: bool = False) -> tuple[list[Letter], set[str]]:
    """Letters that are asked for, and the places of those that were replayed. In short: without what came."""
    since = instant(asked.since, "--since") if asked.since else 0
    letters, replayed = [], set()
    for message in records(settings.kafka.librdkafka(), settings.topic_prefix + TOPIC, since):
        headers = message.headers() or []
        if place := marker_of(headers):  # type: ignore[arg-type]  # pairs, as they come
            replayed.add(place)
            continue
        at = message.partition() or 0, message.offset() or 0
        letter = Letter.of(*at, message.key(), message.value(), headers)  # type: ignore[arg-type]
        if asked.fits(letter, settings.topic_prefix):
            letters.append(replace(letter, value=b"", kept=()) if is_short else letter)
    return sorted(letters, key=lambda letter: letter.seen_at), replayed
