"""Runs `leadloop project`: wires a worker, its probes, and the signals that end it."""

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry

from schemas.codec import Codec
from schemas.names import project_group
from streams.runtime.logs import set_up_logging
from streams.runtime.probes import Probes
from streams.runtime.process import outlive_broken_pipes, process_registry
from streams.runtime.settings import ProjectSettings
from streams.runtime.signals import stop_event
from streams.runtime.without_kafka import watch_brokers
from workers.read_model.redis_clients import connect

from .fold import DocumentFold
from .log import Log
from .metrics import ProjectMetrics
from .record_decoder import RecordDecoder
from .store import ModelStore
from .worker import ProjectWorker

STUCK_SECONDS = 120.0


def run_project(
    settings: ProjectSettings, codec: Codec, announce: Callable[[str], object], *, is_rebuilding: bool = False
) -> None:
    """Work until SIGTERM or SIGINT.

    Args:
        settings: Of this process.
        codec: Decodes the records.
        announce: Called once with a line that has the address of the metrics.
        is_rebuilding: Fill a new generation, beside the one that is read.

    Raises:
        UnsafeRedis: The configuration of Redis could lose data.
        KafkaException: A permanent error, such as missing rights.
    """
    set_up_logging(settings)
    outlive_broken_pipes()
    stopping, registry = stop_event(), process_registry()
    watch_brokers(stopping.is_set, settings.kafka.librdkafka())
    worker = worker_of(settings, codec, registry, is_rebuilding=is_rebuilding)
    host = settings.metrics_host
    with Probes(
        host, settings.metrics_port, registry, lambda: worker.missing, lambda: _makes_progress(worker)
    ) as probes:
        announce(f"leadloop project: metrics at http://{host}:{probes.port}/metrics")
        worker.run(stopping.is_set)


def worker_of(
    settings: ProjectSettings, codec: Codec, registry: CollectorRegistry, *, is_rebuilding: bool = False
) -> ProjectWorker:
    """A worker, connected to the Kafka and the Redis of the settings."""
    store = ModelStore(connect(settings.redis_url), settings.app_id)
    group, session = project_group(settings.app_id), settings.session_seconds
    log = Log(settings.kafka.librdkafka(), group, settings.topic_prefix, session)
    return ProjectWorker(
        log, store, RecordDecoder(codec), DocumentFold(codec), ProjectMetrics(registry), is_rebuilding=is_rebuilding
    )


def _makes_progress(worker: ProjectWorker) -> bool:
    return time.monotonic() - worker.stepped_at < STUCK_SECONDS
