"""What operators do with deliveries, whatever they use: pause or resume an endpoint, replay deliveries."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

from schemas.errors import UserError
from schemas.events import DeliveryOutcome
from streams.runtime.documents import did_you_mean
from streams.runtime.settings import DeliverSettings
from workers.console import codec_of
from workers.time_options import instant

from .configuration import endpoints_of
from .endpoint_operations import EndpointOperations, Replayed
from .history import ARRIVED, DeliveryQuery
from .operator_actions import OperatorAction, OperatorActs
from .target import Endpoint

STATES = tuple(name for name in get_args(DeliveryOutcome) if name != "unknown")
SetByHand = Literal["paused", "active"]
_ACTS: Mapping[SetByHand, OperatorActs] = {"paused": "pause", "active": "resume"}


def set_endpoint_state(settings: DeliverSettings, name: str, state: SetByHand, *, by: str, why: str) -> None:
    """Publish how an endpoint stands from now on, to all workers, and record who did it.

    Raises:
        UserError: There is no such endpoint, or Kafka does not answer.
    """
    _, endpoints = endpoints_of(settings)
    named(endpoints, name)
    asyncio.run(_operations(settings).stand(OperatorAction.of(_ACTS[state], name, by, why)))


def named(endpoints: Sequence[Endpoint], name: str) -> Endpoint:
    """The endpoint of this name. Raises UserError if there is none."""
    for one in endpoints:
        if one.name == name:
            return one
    raise UserError(f"there is no endpoint {name}; there are: {', '.join(one.name for one in endpoints)}")


def replay(
    settings: DeliverSettings,
    endpoint: str,
    since: str,
    until: str,
    state: Sequence[str],
    *,
    by: str,
    dry_run: bool,
    on_sent: Callable[[int, int], None] = lambda *_: None,
) -> Replayed:
    """Send the chosen deliveries again; by default those that are dead. It is recorded who did it.

    Raises:
        UserError: A state or a time is not known, an accepted delivery is chosen, or Kafka does not answer.
    """
    _refuse_arrived(state)
    query = delivery_query(endpoint, since, until, state or ("dead",))
    operations = _operations(settings)
    if dry_run:
        return operations.would_replay(query)
    return asyncio.run(operations.replay(OperatorAction.of("replay", endpoint, by), query, on_sent))


def _refuse_arrived(state: Sequence[str]) -> None:
    if set(state) & set(ARRIVED):
        left = [one for one in STATES if one not in ARRIVED]
        raise UserError(f"an accepted delivery is never sent again; choose among {', '.join(left)}")


def _operations(settings: DeliverSettings) -> EndpointOperations:
    return EndpointOperations(settings.kafka.librdkafka(), codec_of(settings), settings.topic_prefix)


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
