"""Follows `delivery-results`, and notes when the acceptance of each message was in Kafka at the latest."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.events import DeliveryResult
from tests.kafka_records import CONSUMER
from tests.world import CODEC

if TYPE_CHECKING:
    from tests.world import World

TOPIC = "delivery-results"
ARRIVED = {"accepted", "unverified"}


class Acceptances(threading.Thread):
    """`seen_at`: by the id of the message, epoch seconds."""

    def __init__(self, world: World) -> None:
        super().__init__(daemon=True, name="acceptances")
        self.seen_at: dict[str, float] = {}
        self._consumer = Consumer({"bootstrap.servers": world.bootstrap, "group.id": "soak", **CONSUMER})
        topic = world.prefix + TOPIC
        self._consumer.assign([TopicPartition(topic, number, 0) for number in range(world.partitions)])
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.is_set():
            try:
                messages = self._consumer.consume(500, 0.2)
            except KafkaException:  # the broker is away
                continue
            now = time.time()
            for message in messages:
                if message.error() is None:
                    self._note(CODEC.decode(message.value() or b"", DeliveryResult), now)

    def _note(self, result: DeliveryResult, now: float) -> None:
        if result.outcome in ARRIVED:
            event, action = result.recycle_id, str(result.action)
            if not event:
                event, action = result.escalation_id, str(result.escalation)
            self.seen_at.setdefault(f"{event}_{action.lower()}", now)

    def stop(self) -> None:
        self._stopped.set()
        self.join(60)
        self._consumer.close()
