"""`leadloop deliveries list` and `replay`."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, get_args

import msgspec
import typer

from schemas.errors import UserError
from schemas.events import DeliveryOutcome, DeliveryResult
from schemas.instants import iso
from streams.runtime.documents import did_you_mean
from streams.runtime.settings import DeliverSettings
from workers.console import codec_of, err, explained, out, settings_with_broker
from workers.kafka import AsyncProducer, Outgoing
from workers.time_options import instant

from .events import result_key
from .history import ARRIVED, DeliveryHistory, DeliveryQuery

STATES = tuple(name for name in get_args(DeliveryOutcome) if name != "unknown")


@explained
def listed(endpoint: str, since: str, until: str, state: Sequence[str]) -> None:
    """Print one JSON line for each delivery, with its state."""
    _, history = _opened()
    for result in history.last_results(_query(endpoint, since, until, state)):
        out.print(json.dumps(_shown(result), ensure_ascii=False), markup=False)


@explained
def replayed(endpoint: str, since: str, until: str, state: Sequence[str], *, dry_run: bool) -> None:
    """Replay the chosen deliveries; by default those that are dead."""
    if set(state) & set(ARRIVED):
        left = [one for one in STATES if one not in ARRIVED]
        raise UserError(f"an accepted delivery is never sent again; choose among {', '.join(left)}")
    settings, history = _opened()
    chosen = history.last_results(_query(endpoint, since, until, state or ("dead",)))
    outgoing, lost = history.returns(chosen)
    if not dry_run:
        asyncio.run(send(settings, outgoing))
    for result in lost:
        event_id, action = result_key(result)
        topic = "lead-escalated" if result.escalation_id else "lead-recycled"
        err.print(f"{result.endpoint} {event_id} {action}: its event is no longer in {topic}", markup=False)
    out.print(f"{'would replay' if dry_run else 'replayed'} {len(outgoing)} deliveries", markup=False)
    if lost:
        raise typer.Exit(1)


async def send(settings: DeliverSettings, outgoing: Sequence[Outgoing]) -> None:
    """Write records, and wait for their acks."""
    producer = AsyncProducer({**settings.kafka.librdkafka(), "message.timeout.ms": 60_000})
    producer.start()
    try:
        for start in range(0, len(outgoing), 5_000):
            await producer.send_all(outgoing[start : start + 5_000])
    finally:
        await producer.close()


def _opened() -> tuple[DeliverSettings, DeliveryHistory]:
    settings = settings_with_broker(DeliverSettings)
    return settings, DeliveryHistory(settings.kafka.librdkafka(), codec_of(settings), settings.topic_prefix)


def _query(endpoint: str, since: str, until: str, state: Sequence[str]) -> DeliveryQuery:
    for name in state:
        if name not in STATES:
            raise UserError(f"--state {name} is not known; {did_you_mean(name, STATES)}")
    return DeliveryQuery(
        endpoint,
        instant(since, "--since") if since else 0,
        instant(until, "--until") if until else 2**62,
        tuple(state),
    )


def _shown(result: DeliveryResult) -> dict[str, Any]:
    return msgspec.structs.asdict(result) | {"occurred_at": iso(result.occurred_at)}
