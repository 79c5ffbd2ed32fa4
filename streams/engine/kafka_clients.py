"""Kafka clients: aiokafka's consumers and producer as the engine sets them up."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from schemas.names import client_id

from . import fetched_records

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

_A_DAY = 86_400_000


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """What a driver decides about its clients; seconds and bytes.

    Attributes:
        connection: aiokafka's bootstrap_servers, security_protocol, ssl_context, sasl_*.
        group: the consumer group.
        instance_id: of a static member, or None.
        delivery: how long the sink tries to deliver; below the deadline of a chunk.
    """

    connection: Mapping[str, object]
    group: str
    instance_id: str | None = None
    session: float = 30.0
    heartbeat: float = 3.0
    rebalance: float = 60.0
    request: float = 40.0
    delivery: float = 40.0
    fetch_bytes: int = 1 << 20
    batch_bytes: int = 900_000
    request_bytes: int = 1_000_000
    compression: str | None = field(default=None)


def group_member(settings: ClientSettings, assignor: object) -> AIOKafkaConsumer:
    """Make the consumer that is a member of the group; `assignor` distributes the partitions if it leads."""
    fetched_records.install()
    return AIOKafkaConsumer(
        client_id=client_id("streams"),
        group_id=settings.group,
        group_instance_id=settings.instance_id,
        partition_assignment_strategy=[assignor],
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_interval_ms=_A_DAY,  # a long recovery does not poll
        max_partition_fetch_bytes=settings.fetch_bytes,
        fetch_max_wait_ms=50,  # one fetch per broker: an idle partition delays a busy one
        request_timeout_ms=int(settings.request * 1000),
        session_timeout_ms=int(settings.session * 1000),
        rebalance_timeout_ms=int(settings.rebalance * 1000),
        heartbeat_interval_ms=int(settings.heartbeat * 1000),
        **settings.connection,
    )


def member_id(member: AIOKafkaConsumer) -> str:
    """Return the id that the group knows this member by since it joined."""
    return str(member._coordinator.member_id)  # noqa: SLF001  see relied_on


@asynccontextmanager
async def changelog_reader(settings: ClientSettings) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer outside the group; it is closed also if it is cancelled while it connects."""
    reader = AIOKafkaConsumer(
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=4 << 20,
        fetch_max_wait_ms=100,
        **settings.connection,
    )
    try:
        await reader.start()
        yield reader
    finally:
        await reader.stop()


def producer(settings: ClientSettings) -> AIOKafkaProducer:
    """Make the idempotent producer of outputs and changelog."""
    return AIOKafkaProducer(
        acks="all",
        enable_idempotence=True,
        max_batch_size=settings.batch_bytes,
        max_request_size=settings.request_bytes,
        compression_type=settings.compression,
        request_timeout_ms=int(settings.delivery * 1000),
        **settings.connection,
    )


def transactional_producer(settings: ClientSettings, transactional_id: str) -> AIOKafkaProducer:
    """Make a producer that only initialises a transactional id: see `fencing`."""
    return AIOKafkaProducer(
        transactional_id=transactional_id,
        request_timeout_ms=int(settings.request * 1000),
        **settings.connection,
    )
