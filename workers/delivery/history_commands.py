"""`leadloop deliveries list` and `replay`."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import typer

from schemas.events import DeliveryResult
from schemas.instants import iso
from streams.runtime.settings import DeliverSettings
from workers.console import codec_of, err, explained, out, settings_with_broker

from .events import result_key
from .history import DeliveryHistory
from .operations import delivery_query, replay
from .operator_actions import who


@explained
def listed(endpoint: str, since: str, until: str, state: Sequence[str]) -> None:
    """Print one JSON line for each delivery, with its state."""
    _, history = _opened()
    for result in history.last_results(delivery_query(endpoint, since, until, state)):
        out.print(json.dumps(_shown(result), ensure_ascii=False), markup=False)


@explained
def replayed(endpoint: str, since: str, until: str, state: Sequence[str], *, dry_run: bool) -> None:
    """Replay the chosen deliveries; by default those that are dead."""
    done = replay(settings_with_broker(DeliverSettings), endpoint, since, until, state, by=who(), dry_run=dry_run)
    for result in done.lost:
        event_id, action = result_key(result)
        topic = "lead-escalated" if result.escalation_id else "lead-recycled"
        err.print(f"{result.endpoint} {event_id} {action}: its event is no longer in {topic}", markup=False)
    out.print(f"{'would replay' if dry_run else 'replayed'} {done.sent} deliveries", markup=False)
    if done.lost:
        raise typer.Exit(1)


def _opened() -> tuple[DeliverSettings, DeliveryHistory]:
    settings = settings_with_broker(DeliverSettings)
    return settings, DeliveryHistory(settings.kafka.librdkafka(), codec_of(settings), settings.topic_prefix)


def _shown(result: DeliveryResult) -> dict[str, Any]:
    return msgspec.structs.asdict(result) | {"occurred_at": iso(result.occurred_at)}
