"""Runs ingest: the producer, a periodic check of the broker, and the HTTP server."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from confluent_kafka import KafkaException

from schemas import dead_letters
from schemas.codec import Codec
from schemas.errors import UserError
from streams.runtime.logs import Episode
from streams.runtime.process import process_registry
from streams.runtime.settings import IngestSettings
from streams.runtime.signals import exit_at_once_until_served
from workers.http.auth import KeyRing
from workers.http.serving import serve
from workers.kafka import MAX_IN_FLIGHT, MISSING_TOPIC_HINT, AsyncProducer, KafkaConf, Sender

from .app import ingest_app
from .events import IngestServices
from .metrics import IngestMetrics
from .systems import System, load_systems
from .validation import KINDS

_LOG = logging.getLogger("leadloop.ingest")
CHECK_SECONDS = 5.0
_NEARLY_FULL = 0.9  # of the records that may be in flight: then a load balancer should use other instances


class IngestProducer(Sender, Protocol):
    """The producer, as far as ingest uses it."""

    in_flight: int
    trouble: str
    fatal: str

    def start(self) -> None: ...
    def topics(self, within: float = 2.0) -> Mapping[str, int]: ...
    async def close(self, within: float = 10.0) -> None: ...


class BrokerCheck:
    """Checks whether the broker answers, the topics exist, and the producer can send.

    Args:
        producer: Whose connection is checked.
        topics: Physical names of the topics that must exist.
        on_check: Called after each check with whether the broker answered.
    """

    def __init__(
        self, producer: IngestProducer, topics: Iterable[str], on_check: Callable[[bool], object] = bool
    ) -> None:
        self._producer = producer
        self._topics = tuple(topics)
        self._on_check = on_check
        self._missing = "the broker has not answered yet"
        self._away = Episode(_LOG, "Kafka does not answer", "Kafka still does not answer", "Kafka answers again")

    def unready(self) -> str:
        """Say why ingest is not ready; empty if it is."""
        if self._producer.fatal:
            return f"the producer has ended: {self._producer.fatal}"
        if self._producer.in_flight > _NEARLY_FULL * MAX_IN_FLIGHT:
            return "too many records wait for the broker's acknowledgement"
        return self._missing

    async def check(self) -> None:
        """Query the broker's topics once."""
        try:
            existing = await asyncio.to_thread(self._producer.topics)
        except KafkaException as error:
            self._on_check(False)
            reason = self._producer.trouble or error.args[0].str()
            self._away.failed(cause=reason)
            self._missing = f"the broker does not answer: {reason}"
            return
        self._on_check(True)
        self._away.worked()
        missing = [name for name in self._topics if name not in existing]
        named = ", ".join(missing)
        self._missing = f"topic {named} does not exist, or access is denied: {MISSING_TOPIC_HINT}" if missing else ""

    async def run(self) -> None:
        """Check periodically until the producer has failed for good; then end this process, to be restarted."""
        while not self._producer.fatal:
            await self.check()
            await asyncio.sleep(CHECK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)


def run_ingest(
    settings: IngestSettings,
    codec: Codec,
    *,
    announce: Callable[[str], object] = str,
    producer_factory: Callable[[KafkaConf], IngestProducer] = AsyncProducer,
) -> None:
    """Serve until SIGTERM.

    Args:
        settings: Of this process.
        codec: Encodes records.
        announce: Called with messages for the user.
        producer_factory: Makes a producer from librdkafka's settings.

    Raises:
        UserError: there are no keys, the address is in use, or the producer failed for good.
        DocumentError: the keys file or the webhooks file is invalid.
    """
    ring = KeyRing(settings.keys_file)
    systems = load_systems(settings.webhooks_file) if settings.webhooks_file else {}
    # Batches are many small objects that live for one request: collecting after every 700 cost a sixth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    exit_at_once_until_served()
    asyncio.run(_run(settings, codec, ring, systems, announce, producer_factory))


async def _run(
    settings: IngestSettings,
    codec: Codec,
    ring: KeyRing,
    systems: Mapping[str, System],
    announce: Callable[[str], object],
    producer_factory: Callable[[KafkaConf], IngestProducer],
) -> None:
    producer = producer_factory(settings.kafka.librdkafka())
    producer.start()
    registry = process_registry()
    metrics = IngestMetrics(registry)
    metrics.in_flight.set_function(lambda: producer.in_flight)
    topics = [settings.topic_prefix + name for name in (*KINDS, dead_letters.TOPIC)]
    check = BrokerCheck(producer, topics, metrics.broker_up.set)
    await check.check()
    if missing := check.unready():
        announce(f"not ready yet: {missing}")
    services = IngestServices(ring, producer, codec, metrics, settings.topic_prefix)
    app = ingest_app(services, systems, registry, check.unready)
    if hasattr(signal, "SIGHUP"):
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, ring.reload)
    checking = asyncio.create_task(check.run())
    try:
        await serve(
            app, settings.http_host, settings.ingest_port, announce=lambda at: announce(f"ingest answers at {at}")
        )
    finally:
        checking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await checking
        await producer.close()
    if producer.fatal:
        raise UserError(f"the producer has ended, start again: {producer.fatal}")
