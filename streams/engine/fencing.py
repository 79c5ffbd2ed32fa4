"""Fencing: once a worker owns a partition, Kafka refuses what a former owner still sends.

All owners of a partition write with one producer id, each with a higher epoch than the owner before it
(InitProducerId for a transactional id raises the epoch). A partition's leader refuses a batch whose epoch is
below the newest that it has seen. So the first batch of a new owner fences the former ones; no transaction is begun.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from aiokafka.errors import KafkaError, TransactionalIdAuthorizationFailed

from .kafka_clients import transactional_producer

if TYPE_CHECKING:
    from aiokafka.structs import TopicPartition

    from .kafka_clients import ClientSettings

log = logging.getLogger(__name__)

#: Seconds after which an owner fences again, well before Kafka forgets the epoch: a producer id that has not written
#: for a day (producer.id.expiration.ms), a transactional id after a week (transactional.id.expiration.ms).
RENEW_AFTER: Final = 21_600.0
#: The key of the record that fences, a tombstone. No agent uses this key: it is no UTF-8.
OWNER_KEY: Final = b"\xff\xffowner"
#: Kafka hands out epochs up to 32,766, then a new producer id, whose epochs fence nobody of the old one. Before that,
#: an owner retires the old producer id: it writes a batch of the epoch that Kafka gives to nobody.
WORN_FROM: Final = 32_700
_NOBODYS_EPOCH: Final = 32_767
_SEQUENCES: Final = 1 << 31
_RETRY: Final = 0.5  # seconds


class Identity(Protocol):
    """What an owner writes as."""

    @property
    def producer_id(self) -> int: ...
    @property
    def is_worn(self) -> bool:
        """Whether the epochs of its producer id will soon be used up, so that it has to be retired."""
        ...

    def retired(self) -> Identity:
        """What outdates all epochs of its producer id, also those that Kafka may still hand out."""
        ...

    def sign(self, batch: Any, tp: TopicPartition) -> Any:
        """Return the batch, which the producer will send with this identity instead of its own."""
        ...


NewIdentity = Callable[[str], Awaitable[Identity]]
"""Given a transactional id, outdates all its earlier identities."""


class FencedError(RuntimeError):
    """Another worker owns the partition now, and Kafka refused a batch. The process must end."""


@dataclass
class ProducerIdentity:
    """Producer id and epoch of one owner; it counts the records that it has sent to each partition."""

    producer_id: int
    epoch: int
    _sequences: dict[TopicPartition, int] = field(default_factory=dict)

    @property
    def is_worn(self) -> bool:
        return self.epoch >= WORN_FROM

    def retired(self) -> ProducerIdentity:
        return ProducerIdentity(self.producer_id, _NOBODYS_EPOCH)

    def sign(self, batch: Any, tp: TopicPartition) -> Any:
        stamp = batch._set_producer_state  # noqa: SLF001  called once, just before the first send; see relied_on

        def stamp_as_owner(*_of_the_producer: int, **_by_name: int) -> None:
            del batch._set_producer_state  # noqa: SLF001  else the batch would refer to itself and be freed late
            stamp(self.producer_id, self.epoch, self._take(tp, batch.record_count()))

        batch._set_producer_state = stamp_as_owner  # noqa: SLF001
        return batch

    def _take(self, tp: TopicPartition, count: int) -> int:
        """Return the sequence number of the first of `count` records; batches of a partition are sent one at a time."""
        sequence = self._sequences.get(tp, 0)
        self._sequences[tp] = (sequence + count) % _SEQUENCES
        return sequence


async def new_identity(settings: ClientSettings, transactional_id: str) -> ProducerIdentity:
    """Return the identity of a new owner; tries until the transaction coordinator answers or the caller gives up.

    Raises:
        PermissionError: this user may not write with the transactional id.
    """
    while True:
        try:
            return await _initialised(settings, transactional_id)
        except TransactionalIdAuthorizationFailed as error:
            message = f"Kafka does not let this user write with the transactional id {transactional_id}"
            raise PermissionError(f"{message}: grant what deploy/acls.yml lists") from error
        except KafkaError as error:
            log.warning("no producer id for the transactional id %s yet: %r", transactional_id, error)
            await asyncio.sleep(_RETRY)


async def _initialised(settings: ClientSettings, transactional_id: str) -> ProducerIdentity:
    producer = transactional_producer(settings, transactional_id)
    try:
        await producer.start()
        manager = producer._txn_manager  # noqa: SLF001  see relied_on
        return ProducerIdentity(manager.producer_id, manager.producer_epoch)
    finally:
        await producer.stop()
