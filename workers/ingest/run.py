"""Runs ingest: a producer, a look at the broker now and then, and the server between them."""

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from confluent_kafka import KafkaException

from schemas import dead_letters
from schemas.codec import Codec
from schemas.errors import UserError
from streams.runtime.process import process_registry
from streams.runtime.settings import IngestSettings
from workers.http.auth import KeyRing
from workers.http.serving import serve
from workers.kafka import MAX_IN_FLIGHT, MISSING_TOPIC_HINT, AsyncProducer, Sender

from .app import ingest_app
from .events import IngestServices
from .metrics import IngestMetrics
from .systems import System, load_systems
from .validation import KINDS

CHECK_SECONDS = 5.0
_NEARLY = 0.9  # of what may be under way: then others should be asked


class IngestProducer(Sender, Protocol):
    """The producer, as far as this room knows it."""

    in_flight: int
    trouble: str
    fatal: str

    def start(self) -> None: ...
    def topics(self, within: float = 2.0) -> Mapping[str, int]: ...
    async def close(self, within: float = 10.0) -> None: ...


class BrokerCheck:
    """Whether the broker is there, with the topics that are needed, and takes what is sent.

    `told` hears at each look whether the broker answered.
    """

    def __init__(self, producer: IngestProducer, topics: Iterable[str], told: Callable[[bool], object] = bool) -> None:
        self._producer = producer
        self._topics = tuple(topics)
        self._told = told
        self._missing = "the broker has not answered yet"

    def unready(self) -> str:
        """What is missing, or nothing."""
        if self._producer.fatal:
            return f"the producer has ended: {self._producer.fatal}"
        if self._producer.in_flight > _NEARLY * MAX_IN_FLIGHT:
            return "too much waits for the broker"
        return self._missing

    async def check(self) -> None:
        """Ask the broker."""
        try:
            there = await asyncio.to_thread(self._producer.topics)
        except KafkaException as fault:
            self._told(False)
            reason = self._producer.trouble or fault.args[0].str()
            self._missing = f"the broker does not answer: {reason}"
            return
        self._told(True)
        missing = [name for name in self._topics if name not in there]
        named = ", ".join(missing)
        self._missing = f"there is no topic {named}, or no right to see it: {MISSING_TOPIC_HINT}" if missing else ""

    async def run(self) -> None:
        """Until the producer can send no more: then this process is of no use, and ends, to be started again."""
        while not self._producer.fatal:
            await self.check()
            await asyncio.sleep(CHECK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)


def run_ingest(
    settings: IngestSettings,
    codec: Codec,
    *,
    told: Callable[[str], object] = str,
    producer_factory: Callable[[dict[str, Any]], IngestProducer] = AsyncProducer,
) -> None:
    """Serve until SIGTERM. `told` hears what people should know.

    Raises:
        UserError: there are no keys, or the address is taken.
        DocumentError: the keys file or the webhooks file is not what it should be.
    """
    ring = KeyRing(settings.keys_file)
    systems = load_systems(settings.webhooks_file) if settings.webhooks_file else {}
    # Batches are many small objects that live for one request: collecting after every 700 took a sixth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    asyncio.run(_run(settings, codec, ring, systems, told, producer_factory))


async def _run(
    settings: IngestSettings,
    codec: Codec,
    ring: KeyRing,
    systems: Mapping[str, System],
    told: Callable[[str], object],
    producer_factory: Callable[[dict[str, Any]], IngestProducer],
) -> None:
    producer = producer_factory(settings.kafka.librdkafka())
    producer.start()
    registry = process_registry()
    metrics = IngestMetrics(registry)
    metrics.in_flight.set_function(lambda: producer.in_flight)
    topics = [settings.topic_prefix + name for name in (*KINDS, dead_letters.TOPIC)]
    watch = BrokerCheck(producer, topics, metrics.broker_up.set)
    await watch.check()
    if missing := watch.unready():
        told(f"not ready yet: {missing}")
    services = IngestServices(ring, producer, codec, metrics, settings.topic_prefix)
    app = ingest_app(services, systems, registry, watch.unready)
    if hasattr(signal, "SIGHUP"):
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, ring.reload)
    looking = asyncio.create_task(watch.run())
    try:
        await serve(app, settings.http_host, settings.ingest_port, told=lambda at: told(f"ingest answers at {at}"))
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking
        await producer.close()
    if producer.fatal:
        raise UserError(f"the producer has ended, start again: {producer.fatal}")
