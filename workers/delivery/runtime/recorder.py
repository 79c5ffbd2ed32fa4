"""Writes what became of a delivery to Kafka, then tells the index. The caller finishes the delivery afterwards."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from workers.kafka import Full, Outgoing, Sender

from ..core.expansion import BadRecord
from ..core.model import RetryState
from ..core.outcomes import Resolution
from ..core.owned_partition import Delivery, OpenRecord, OwnedPartition
from ..core.unsettled import sendable_since
from .endpoint_log import EndpointLog
from .metrics import DeliveryMetrics
from .records import RecordFactory

_FULL_SECONDS = 0.05


@dataclass(frozen=True, eq=False)
class Recorder:
    """`endpoints`: the names in endpoints.yml. `now` returns epoch ms. `logs`: of each endpoint."""

    factory: RecordFactory
    sender: Sender
    metrics: DeliveryMetrics
    endpoints: Collection[str]
    now: Callable[[], int]
    logs: Mapping[str, EndpointLog] = field(default_factory=dict)

    async def record(self, delivery: Delivery, resolution: Resolution) -> None:
        """Write a result, with the retry state or after the dead letter that belongs to it; until the broker acked.

        Raises:
            Undelivered: the broker did not ack in time; the process has to end, and the record is repeated.
        """
        now = self.now()
        if resolution.is_dead:
            await self._send([self.factory.dead(delivery, resolution.result, now)])
        await self._send(self.factory.of(delivery, resolution, now))
        retry = delivery.retry
        delivery.partition.index.result(resolution.result, retry.replay)
        self.metrics.settled(resolution.result, sendable_since(delivery.event, retry), delivery.traceparent)
        if (log := self.logs.get(delivery.endpoint)) is not None:
            log.settled(resolution.result, delivery.traceparent)
        if resolution.retry is not None:
            self._count_wait(delivery)

    async def wait(self, delivery: Delivery, retry: RetryState) -> None:
        """Write it to a waiting topic. Raises Undelivered as `record` does."""
        await self._send([self.factory.waiting(delivery, retry, self.now())])
        delivery.partition.index.held(delivery.event, retry)
        self._count_wait(delivery)

    async def reject(self, partition: OwnedPartition, record: OpenRecord, error: BadRecord) -> None:
        """Write a record that no delivery can be made of to the dead-letter topic, and finish it."""
        letter = self.factory.poison(record.record, error.reason, error.detail, self.now())
        self.metrics.poison.labels(error.reason).inc()
        await self._send([letter])
        record.finish_one()
        partition.in_progress -= 1

    def _count_wait(self, delivery: Delivery) -> None:
        delivery.partition.waiting[delivery.endpoint] += 1
        if delivery.endpoint in self.endpoints:
            self.metrics.waits.labels(delivery.endpoint).inc()

    async def _send(self, records: Sequence[Outgoing]) -> None:
        while True:
            try:
                await self.sender.send_all(records)
            except Full:
                await asyncio.sleep(_FULL_SECONDS)
            else:
                return
