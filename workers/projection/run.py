"""Runs `leadloop project`: wires a worker, its probes, and the signals that end it."""

import logging
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from prometheus_client import CollectorRegistry

from schemas.codec import Codec
from schemas.names import project_group
from streams.runtime.probes import Probes
from streams.runtime.process import outlive_broken_pipes, process_registry
from streams.runtime.settings import ProjectSettings
from workers.read_model.redis_clients import connect

from .fold import DocumentFold
from .log import Log
from .metrics import ProjectMetrics
from .record_decoder import RecordDecoder
from .store import ModelStore
from .worker import ProjectWorker

STUCK_SECONDS = 120.0


def run_project(
    settings: ProjectSettings, codec: Codec, told: Callable[[str], object], *, is_rebuilding: bool = False
) -> None:
    """Work until SIGTERM or SIGINT.

    Raises:
        UnsafeRedis: this Redis would lose what it is given.
        KafkaException: Kafka refuses for good.
    """
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    outlive_broken_pipes()
    ending, registry = _ending(), process_registry()
    worker = worker_of(settings, codec, registry, is_rebuilding=is_rebuilding)
    host = settings.metrics_host
    with Probes(host, settings.metrics_port, registry, lambda: worker.missing, lambda: _turns(worker)) as probes:
        told(f"leadloop project: metrics at http://{host}:{probes.port}/metrics")
        worker.run(ending.is_set)


def worker_of(
    settings: ProjectSettings, codec: Codec, registry: CollectorRegistry, *, is_rebuilding: bool = False
) -> ProjectWorker:
    """A worker on the Kafka and the Redis of these settings."""
    store = ModelStore(connect(settings.redis_url), settings.app_id)
    group, session = project_group(settings.app_id), settings.session_seconds
    log = Log(settings.kafka.librdkafka(), group, settings.topic_prefix, session)
    return ProjectWorker(
        log, store, RecordDecoder(codec), DocumentFold(codec), ProjectMetrics(registry), is_rebuilding=is_rebuilding
    )


def _turns(worker: ProjectWorker) -> bool:
    return time.monotonic() - worker.turned_at < STUCK_SECONDS


def _ending() -> threading.Event:
    ending = threading.Event()

    def end(_: int, __: FrameType | None) -> None:
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    return ending
