"""What operators do with deliveries, whatever they use: pause or resume an endpoint, replay deliveries."""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple, get_args

from schemas.errors import UserError
from schemas.events import DeliveryOutcome, DeliveryResult, EndpointIs, EndpointState
from streams.runtime.documents import did_you_mean
from streams.runtime.settings import DeliverSettings
from workers.console import codec_of
from workers.kafka import AsyncProducer, Outgoing
from workers.time_options import instant

from .configuration import endpoints_of
from .core.wait_topics import WaitTopics
from .history import ARRIVED, DeliveryHistory, DeliveryQuery
from .runtime.records import RecordFactory
from .target import Endpoint

STATES = tuple(name for name in get_args(DeliveryOutcome) if name != "unknown")
MAX_WHY = 200


class Replayed(NamedTuple):
    """How many deliveries are sent again, and the results of those whose event is no longer kept."""

    sent: int
    lost: Sequence[DeliveryResult]


def set_endpoint_state(settings: DeliverSettings, name: str, state: EndpointIs, *, by: str, why: str) -> None:
    """Publish how an endpoint stands from now on, to all workers, and wait until it is stored.

    Raises:
        UserError: There is no such endpoint, or Kafka does not answer.
    """
    _, endpoints = endpoints_of(settings)
    named(endpoints, name)
    at = int(time.time() * 1000)
    said = EndpointState(endpoint=name, state=state, occurred_at=at, by=by[:MAX_WHY], why=why[:MAX_WHY])
    asyncio.run(_publish(settings, said))


async def _publish(settings: DeliverSettings, said: EndpointState) -> None:
    producer = AsyncProducer(settings.kafka.librdkafka())
    producer.start()
    try:
        await producer.send(RecordFactory(codec_of(settings), settings.topic_prefix, WaitTopics()).state(said))
    finally:
        await producer.close()


def named(endpoints: Sequence[Endpoint], name: str) -> Endpoint:
    """The endpoint of this name. Raises UserError if there is none."""
    for one in endpoints:
        if one.name == name:
            return one
    raise UserError(f"there is no endpoint {name}; there are: {', '.join(one.name for one in endpoints)}")


def replay(
    settings: DeliverSettings, endpoint: str, since: str, until: str, state: Sequence[str], *, dry_run: bool
) -> Replayed:
    """Send the chosen deliveries again; by default those that are dead.

    Raises:
        UserError: A state or a time is not known, an accepted delivery is chosen, or Kafka does not answer.
    """
    if set(state) & set(ARRIVED):
        left = [one for one in STATES if one not in ARRIVED]
        raise UserError(f"an accepted delivery is never sent again; choose among {', '.join(left)}")
    history = DeliveryHistory(settings.kafka.librdkafka(), codec_of(settings), settings.topic_prefix)
    chosen = history.last_results(delivery_query(endpoint, since, until, state or ("dead",)))
    outgoing, lost = history.returns(chosen)
    if not dry_run:
        asyncio.run(send(settings, outgoing))
    return Replayed(len(outgoing), lost)


async def send(settings: DeliverSettings, outgoing: Sequence[Outgoing]) -> None:
    """Write records, and wait for their acks."""
    producer = AsyncProducer({**settings.kafka.librdkafka(), "message.timeout.ms": 60_000})
    producer.start()
    try:
        for start in range(0, len(outgoing), 5_000):
            await producer.send_all(outgoing[start : start + 5_000])
    finally:
        await producer.close()


def delivery_query(endpoint: str, since: str, until: str, state: Sequence[str]) -> DeliveryQuery:
    """Which deliveries. Raises UserError if a state or a time is not known."""
    for name in state:
        if name not in STATES:
            raise UserError(f"--state {name} is not known; {did_you_mean(name, STATES)}")
    return DeliveryQuery(
        endpoint,
        instant(since, "--since") if since else 0,
        instant(until, "--until") if until else 2**62,
        tuple(state),
    )
