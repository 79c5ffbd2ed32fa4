"""Checks that streams can claim its partitions: the transaction coordinators, their topic, and what Kafka remembers.

Streams begins no transactions; with a transactional id for each partition its owner fences the former ones. Only
Describe is needed here, so whether streams may write with these ids is not checked: a worker that may not says so.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Iterable, Mapping

from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import CoordinatorNotAvailableError, KafkaError, TransactionalIdAuthorizationFailed
from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # documented, but not marked as exported
    AdminClient,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from schemas.topics import Topic, changelog_of
from streams.runtime.settings import Settings

from .findings import Finding, fail, ok, some, warn
from .topics import GRANT, ObservedTopic, describe

ABOUT = "transactions"
ANSWER_SECONDS = 4.0  # Kafka takes 2 to 3 s to create its topic when the first one asks
STATE = Topic(name="__transaction_state", record=None, written_by=("Kafka",))
RENEWED_SECONDS = 21_600.0  # as streams.engine.fencing has it
EXPIRATIONS = ("producer.id.expiration.ms", "transactional.id.expiration.ms")
COPIES, BROKERS = "transaction.state.log.replication.factor", "brokers"
_RETRY_SECONDS = 0.2
_COORDINATOR = (
    "see that all partitions of __transaction_state have a leader; a cluster with fewer brokers than "
    "transaction.state.log.replication.factor (3 by default) cannot create it: set that, and "
    "transaction.state.log.min.isr, to what it has"
)

_AGAIN = "run this again in a minute"

Lookups = Mapping[str, KafkaError | None]
"""By transactional id, why its coordinator is not known; None if it is."""


def check(admin: AdminClient, settings: Settings, topics: Collection[str]) -> list[Finding]:
    """Query Kafka and evaluate the responses. `topics`: those that there were before any coordinator was asked for."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the findings say it
    changelog = settings.topic_prefix + changelog_of(settings.app_id).name
    names = [f"{changelog}-{number}" for number in range(settings.partitions)]
    config = _broker_config(admin)
    try:
        lookups = asyncio.run(_lookups(settings, names))
    except (KafkaError, OSError) as error:
        return [fail(ABOUT, f"Kafka does not answer: {error!r}", "see that Kafka is well, and run this again")]
    state = describe(admin, {STATE.name: STATE})[STATE.name]
    is_created_now = STATE.name not in topics and has_enough_brokers(config)
    return [*evaluate(lookups, is_created_now=is_created_now), *evaluate_state(state), *evaluate_expirations(config)]


def evaluate(lookups: Lookups, *, is_created_now: bool = False) -> list[Finding]:
    """Whether every partition can be claimed, as far as its coordinator is concerned.

    `is_created_now`: nobody has asked this cluster for a coordinator before.
    """
    denied = [name for name, error in lookups.items() if isinstance(error, TransactionalIdAuthorizationFailed)]
    lacking = [name for name, error in lookups.items() if error is not None and name not in denied]
    found = []
    if lacking and is_created_now:
        found.append(warn(ABOUT, f"nobody has used them before: Kafka creates {STATE.name} now", _AGAIN))
    elif lacking:
        found.append(
            fail(ABOUT, f"no coordinator, so streams cannot claim its partitions: {some(lacking)}", _COORDINATOR)
        )
    if denied:
        found.append(warn("rights", f"not allowed to see the transactional ids {some(denied)}", GRANT))
    if not found:
        found.append(ok(ABOUT, f"each of {len(lookups)} changelog partitions has a coordinator"))
    return found


def evaluate_state(state: ObservedTopic) -> list[Finding]:
    """What is wrong with the topic of the coordinators; nothing if this user may not see it."""
    copies = state.copies
    if not state.is_there or not copies.wanted:
        return []
    if copies.present < copies.min_insync:
        what = f"{copies.present} copies in sync, but min.insync.replicas={copies.min_insync}"
        todo = "check Kafka: a broker is unavailable or slow; meanwhile no partition can be claimed"
        return [fail(ABOUT, f"{STATE.name} has partitions with {what}", todo)]
    if copies.wanted == 1:
        todo = "in production have three: set transaction.state.log.replication.factor, or reassign replicas"
        return [warn(ABOUT, f"one copy only: {STATE.name}", todo)]
    if copies.min_insync == 1:
        todo = "set min.insync.replicas=2 for it: a coordinator that fails over then hands out no epoch twice"
        return [warn(ABOUT, f"min.insync.replicas=1: {STATE.name}", todo)]
    return []


def evaluate_expirations(config: Mapping[str, str | None]) -> list[Finding]:
    """Whether Kafka remembers the epoch of an idle owner until it claims its partition again."""
    short = [name for name in EXPIRATIONS if float(config.get(name) or "inf") < RENEWED_SECONDS * 1000]
    found = ", ".join(f"{name}={config[name]}" for name in short)
    todo = f"set it above {RENEWED_SECONDS * 1000:.0f}: streams renews claims every {RENEWED_SECONDS / 3600:g} hours"
    return [warn(ABOUT, f"Kafka forgets the owner of an idle partition too early: {found}", todo)] if short else []


def has_enough_brokers(config: Mapping[str, str | None]) -> bool:
    """Whether Kafka can create the topic of the coordinators; false if that is not known."""
    copies = config.get(COPIES)
    return copies is not None and int(copies) <= int(config.get(BROKERS) or 0)


async def _lookups(settings: Settings, names: Iterable[str]) -> dict[str, KafkaError | None]:
    client = AIOKafkaClient(request_timeout_ms=int(ANSWER_SECONDS * 1000), **settings.kafka.aiokafka())
    try:
        await client.bootstrap()
        until = time.monotonic() + ANSWER_SECONDS
        return {name: await _lookup(client, name, until) for name in names}
    finally:
        await client.close()


async def _lookup(client: AIOKafkaClient, name: str, until: float) -> KafkaError | None:
    while True:
        try:
            node = await client.coordinator_lookup(CoordinationType.TRANSACTION, name)
            if await client.ready(node):
                return None
            error: KafkaError = CoordinatorNotAvailableError(f"node {node} is out of reach")
        except TransactionalIdAuthorizationFailed as denied:
            return denied
        except KafkaError as passing:
            error = passing
        if time.monotonic() >= until:
            return error
        await asyncio.sleep(_RETRY_SECONDS)


def _broker_config(admin: AdminClient) -> dict[str, str | None]:
    """Settings of one broker, and how many brokers there are; empty if this user may not see them."""
    try:
        brokers = admin.list_topics(timeout=ANSWER_SECONDS).brokers
        resource = ConfigResource(ResourceType.BROKER, str(next(iter(brokers), 0)))
        asked = admin.describe_configs([resource], request_timeout=ANSWER_SECONDS)[resource]
        entries: dict[str, ConfigEntry] = asked.result(ANSWER_SECONDS + 1)
    except (KafkaException, TimeoutError):
        return {}
    known = {name: entries[name].value for name in (*EXPIRATIONS, COPIES) if name in entries}
    return {**known, BROKERS: str(len(brokers))}
