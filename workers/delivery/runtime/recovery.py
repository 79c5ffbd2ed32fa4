"""Rebuilds the delivery index of partitions that were taken over from Kafka. Runs in a thread of its own."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, cast
from zoneinfo import ZoneInfo

from confluent_kafka import Consumer, Message, TopicPartition

from schemas.codec import Codec, Undecodable
from schemas.events import DeliveryResult
from schemas.names import DELIVER_RECOVERY_GROUP
from workers.kafka import repeated
from workers.reading import RESPONSE_SECONDS, Ranges, permanent_error, read_ranges

from ..core.daily_counts import DailyCounts
from ..core.model import RetryState, Takeover
from ..core.recovered_index import RecoveredIndex
from ..events import decode_event, is_known


class IndexRecovery:
    """`waits`: the waiting topics, `results`: the topic of results, both with prefix. `zones`: see `DailyCounts`."""

    def __init__(
        self,
        conf: Mapping[str, Any],
        codec: Codec,
        results: str,
        waits: Sequence[str],
        zones: Mapping[str, ZoneInfo] = MappingProxyType({}),
    ) -> None:
        self._zones = zones
        self._conf = conf
        self._codec = codec
        self._results = results
        self._waits = waits

    def run(self, takeovers: Sequence[Takeover], now: int, is_wanted: Callable[[], bool]) -> dict[int, RecoveredIndex]:
        """Read everything that is there by now, or as far as it `is_wanted`. `now` is epoch ms. Several may run.

        Raises:
            KafkaException: the broker is out of reach.
        """
        consumer = Consumer(
            {
                **self._conf,
                "group.id": DELIVER_RECOVERY_GROUP,
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 50,
            }
        )
        reading = _Reading(consumer, self._codec, self._results, takeovers, now, is_wanted)
        for one in reading.found.values():
            one.unsure_below = dict.fromkeys(self._waits, 0)
            one.begun = DailyCounts(self._zones)
        try:
            # Results first: what waits is only what is not finished.
            reading.read(reading.results())
            reading.read(reading.waiting(self._waits))
        finally:
            consumer.close()
        return reading.found


class _Reading:
    """One run: a rebalance may begin another before this one has heard that nobody waits for it."""

    def __init__(
        self,
        consumer: Consumer,
        codec: Codec,
        results: str,
        takeovers: Sequence[Takeover],
        now: int,
        is_wanted: Callable[[], bool],
    ) -> None:
        self.found = {one.partition: RecoveredIndex() for one in takeovers}
        self._consumer = consumer
        self._codec = codec
        self._results = results
        self._takeovers = {one.partition: one for one in takeovers}
        self._now = now
        self._is_wanted = is_wanted

    def results(self) -> Ranges:
        return {
            (self._results, number): repeated(
                partial(self._end, number),
                is_wanted=self._is_wanted,
            )
            for number in self._takeovers
            if self._is_wanted()
        }

    def _end(self, number: int) -> tuple[int, int]:
        return self._consumer.get_watermark_offsets(TopicPartition(self._results, number), timeout=RESPONSE_SECONDS)

    def waiting(self, waits: Sequence[str]) -> Ranges:
        return {
            (topic, one.partition): (one.positions[topic], one.ends[topic])
            for one in self._takeovers.values()
            for topic in waits
        }

    def read(self, ranges: Ranges) -> None:
        for message in read_ranges(self._consumer, ranges, permanent_error, is_wanted=self._is_wanted):
            self._add(self.found[message.partition() or 0], message)

    def _add(self, one: RecoveredIndex, message: Message) -> None:
        headers = cast("list[tuple[str, bytes | None]]", message.headers() or [])
        value = message.value()
        try:
            if message.topic() == self._results:
                replay = (dict(headers).get("dw_replay") or b"").decode()
                result = self._codec.decode(value, DeliveryResult)
                one.reads_result(result, replay, self._now)
                return
            event, retry = decode_event(self._codec, value), RetryState.of(headers)
        except (Undecodable, ValueError):
            return  # it becomes a dead letter when it is consumed
        if not is_known(event):
            return  # the same
        place = str(message.topic()), message.offset() or 0
        is_sure = self._takeovers[message.partition() or 0].is_sure
        one.reads_wait(event, retry, place, self._now, is_sure=is_sure)
