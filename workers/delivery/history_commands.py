"""`leadloop deliveries list` and `replay`."""

import json
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import typer

from schemas.events import DeliveryResult
from schemas.instants import iso
from streams.runtime.settings import DeliverSettings
from workers.console import codec_of, err, explained, out, settings_with_broker

from .endpoint_operations import Replayed
from .events import result_key
from .history import DeliveryHistory
from .operations import delivery_query, replay
from .operator_actions import who

WATCH_SECONDS = 2.0


@explained
def listed(endpoint: str, since: str, until: str, state: Sequence[str]) -> None:
    """Print one JSON line for each delivery, with its state."""
    _, history = _opened()
    for result in history.last_results(delivery_query(endpoint, since, until, state)):
        out.print(json.dumps(_shown(result), ensure_ascii=False), markup=False)


@explained
def replayed(endpoint: str, since: str, until: str, state: Sequence[str], *, dry_run: bool, is_watched: bool) -> None:
    """Replay the chosen deliveries; by default those that are dead."""
    settings, history = _opened()
    begun_at = int(time.time() * 1000)
    done = replay(settings, endpoint, since, until, state, by=who(), dry_run=dry_run, on_sent=_sent)
    for result in done.lost:
        event_id, action = result_key(result)
        topic = "lead-escalated" if result.escalation_id else "lead-recycled"
        err.print(f"{result.endpoint} {event_id} {action}: its event is no longer in {topic}", markup=False)
    named = "" if dry_run or not done.sent else f" as {done.name}"
    out.print(f"{'would replay' if dry_run else 'replayed'} {done.sent} deliveries{named}", markup=False)
    if is_watched and not dry_run:
        _watch(history, done, begun_at)
    if done.lost:
        raise typer.Exit(1)


def _sent(sent: int, of: int) -> None:
    if sent < of:
        err.print(f"{sent:,} of {of:,} are written to Kafka", markup=False)


def _watch(history: DeliveryHistory, replay: Replayed, begun_at: int) -> None:
    """Print how many have ended, and how, until all have; Ctrl-C ends the watching, not the replay."""
    said = None
    while True:
        outcomes = history.outcomes_of(replay.name, begun_at)
        if outcomes != said:
            words = ", ".join(f"{count:,} {name}" for name, count in outcomes.most_common())
            ended = f"{outcomes.total():,} of {replay.sent:,} have ended"
            out.print(f"{ended}: {words}" if words else ended, markup=False)
            said = outcomes
        if outcomes.total() >= replay.sent:
            return
        time.sleep(WATCH_SECONDS)


def _opened() -> tuple[DeliverSettings, DeliveryHistory]:
    settings = settings_with_broker(DeliverSettings)
    return settings, DeliveryHistory(settings.kafka.librdkafka(), codec_of(settings), settings.topic_prefix)


def _shown(result: DeliveryResult) -> dict[str, Any]:
    return msgspec.structs.asdict(result) | {"occurred_at": iso(result.occurred_at)}
