"""`leadloop dead-letters list`, `show` and `replay`."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import typer

from schemas.dead_letters import TOPIC
from schemas.errors import UserError
from streams.runtime.settings import IngestSettings, ProcessSettings
from workers.console import codec_of, err, explained, out, settings_with_broker
from workers.kafka import AsyncProducer, Outgoing
from workers.reading import records
from workers.time_options import instant

from .parsing import DeadLetter, marker_of
from .render import in_full, in_short
from .resend import NotReplayable, replay_marker, replay_of
from .through_mapping import MappingReplay, is_of_webhook

AT_ONCE = 1_000  # records: the producer bounds how many are in flight
RecordsOf = Callable[[DeadLetter], list[Outgoing] | NotReplayable]


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
    """Send dead letters again, once each, to the topics that they came from."""
    if query == DeadLetterQuery():
        raise UserError("select some: --reason, --topic, --since or --place")
    settings = settings_with_broker(ProcessSettings)
    prefix, now = settings.topic_prefix, int(time.time() * 1000)

    def records_of(dead_letter: DeadLetter) -> list[Outgoing] | NotReplayable:
        record = replay_of(dead_letter, prefix, now)
        return record if isinstance(record, NotReplayable) else [record]

    found, replayed = _read(settings, query)
    _replay_all(settings, _without(replayed, found, include_replayed=include_replayed), records_of, dry_run=dry_run)


@explained
def replay_through_mapping(query: DeadLetterQuery, *, dry_run: bool, include_replayed: bool) -> None:
    """Convert dead letters of webhooks by the current mapping, and publish their facts."""
    settings = settings_with_broker(IngestSettings)
    mapping = MappingReplay(
        settings.webhooks_file, codec_of(settings), settings.topic_prefix, lambda: int(time.time() * 1000)
    )
    found, replayed = _read(settings, query)
    found = _without(replayed, filter(is_of_webhook, found), include_replayed=include_replayed)
    _replay_all(settings, found, mapping.records_of, dry_run=dry_run)


def _without(replayed: set[str], found: Iterable[DeadLetter], *, include_replayed: bool) -> list[DeadLetter]:
    """Those that are to be sent; says which ones were sent before."""
    kept = []
    for dead_letter in found:
        if dead_letter.place in replayed and not include_replayed:
            err.print(f"{dead_letter.place}: already replayed (--again sends it once more)", markup=False)
        else:
            kept.append(dead_letter)
    return kept


def _replay_all(
    settings: ProcessSettings, found: Sequence[DeadLetter], records_of: RecordsOf, *, dry_run: bool
) -> None:
    letters, records = asyncio.run(_replay(settings, found, records_of, dry_run=dry_run))
    verb = "would replay" if dry_run else "replayed"
    out.print(f"{verb} {letters} dead letters, as {records} records", markup=False)
    if letters < len(found):
        raise typer.Exit(1)


async def _replay(
    settings: ProcessSettings, found: Sequence[DeadLetter], records_of: RecordsOf, *, dry_run: bool
) -> tuple[int, int]:
    """Return how many dead letters were sent (with `dry_run`: could be), and as how many records."""
    topic, letters, sent = settings.topic_prefix + TOPIC, 0, 0
    producer = AsyncProducer({**settings.kafka.librdkafka(), "message.timeout.ms": 60_000})
    producer.start()
    try:
        for dead_letter in found:
            records = records_of(dead_letter)
            if isinstance(records, NotReplayable):
                err.print(f"{dead_letter.place}: {records.why}", markup=False)
                continue
            letters, sent = letters + 1, sent + len(records)
            if dry_run:
                _show(dead_letter, records)
                continue
            # The records first: a crash in between sends them twice, which their event_ids make harmless.
            for first in range(0, len(records), AT_ONCE):
                await producer.send_all(records[first : first + AT_ONCE])
            await producer.send(replay_marker(dead_letter, topic))
    finally:
        await producer.close()
    return letters, sent


def _show(dead_letter: DeadLetter, records: Sequence[Outgoing]) -> None:
    named = [f"{record.topic} of {(record.key or b'').decode(errors='replace')}" for record in records]
    err.print(f"{dead_letter.place}: {', '.join(named) or 'ignored by the mapping'}", markup=False)


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
