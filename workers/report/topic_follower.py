"""Small topics that report reads whole, and follows from then on, in a thread.

While Kafka is away, what was known last stays.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message

from schemas.names import lookup_group
from workers.reading import fetch, permanent_error, ranges_of, read_ranges

AGAIN_SECONDS = 5.0
STOP_SECONDS = 3.0


class TopicFollower:
    """Calls `apply` with each record between `start` and `stop`; after an error with all of them again.

    Attributes:
        topics: Their names, with the prefix.
        trouble: Why they cannot be read; empty if they can, or if that is not known yet.
        is_read: Whether they were read to their ends once.
    """

    def __init__(self, conf: Mapping[str, Any], topics: Sequence[str], name: str) -> None:
        self.topics = topics
        self.trouble = ""
        self.is_read = False
        self._conf = conf
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; without it, if a broker keeps it waiting. Blocks for some seconds at most."""
        self._stopping.set()
        self._thread.join(STOP_SECONDS)

    def apply(self, message: Message) -> None:
        """Take one record, in the thread of this."""
        raise NotImplementedError

    def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                self._read()
            except KafkaException as error:
                self.trouble = str(error)
                self._stopping.wait(AGAIN_SECONDS)

    def _read(self) -> None:
        group = {"group.id": lookup_group(), "enable.auto.commit": False}
        consumer = Consumer({**self._conf, **group, "auto.offset.reset": "earliest"})
        try:
            ranges: dict[tuple[str, int], tuple[int, int]] = {}
            for topic in self.topics:
                ranges |= ranges_of(consumer, topic)
            for message in read_ranges(
                consumer, ranges, permanent_error, is_wanted=lambda: not self._stopping.is_set(), with_later=True
            ):
                self.apply(message)
            self.trouble, self.is_read = "", True
            while not self._stopping.is_set():
                for message in fetch(consumer, permanent_error):
                    self.apply(message)
        finally:
            consumer.close()
