"""Builds the Faust app and the engine of one streams process out of its settings."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import faust
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.topics import INPUTS, TOPICS, changelog_of
from streams.engine import FAUST_SETTINGS, Decode, Engine, MemoryStore, RocksStore, Store
from streams.runtime.settings import Settings, SettingsError

OUTPUTS = (*INPUTS, "lead-decisions", "lead-snapshots", "lead-dead-letters")  # inputs: a record may be rerouted
ANSWER_SECONDS = 20.0  # for a broker to say who it is
CHUNK_SECONDS = 50.0  # a chunk, or a recovery that stands still, may take this long


def build(settings: Settings, decode: Decode, cluster: str = "") -> tuple[faust.App, Engine]:
    """Create both; nothing is connected before the worker starts. `cluster`: the id of the one that the state is of."""
    prefix = settings.topic_prefix
    app = faust.App(
        settings.app_id,
        broker=[f"kafka://{server}" for server in settings.kafka.bootstrap_servers.split(",")],
        **{**FAUST_SETTINGS, **_tuned(settings)},
    )
    engine = Engine(
        app,
        changelog=prefix + changelog_of(settings.app_id).name,
        partitions=settings.partitions,
        store=_stores(settings, cluster),
        decode=decode,
        outputs=[prefix + name for name in OUTPUTS],
        bounded_by=prefix + "stream-heartbeats" if settings.clock == "events" else None,
        tick=settings.tick_seconds,
        max_records=settings.chunk_records,
        deadline=CHUNK_SECONDS,
        client=settings.kafka.aiokafka(),
    )
    return app, engine


def _tuned(settings: Settings) -> dict[str, Any]:
    session = settings.session_seconds
    return {
        "datadir": str(settings.data_dir / "faust"),
        "topic_partitions": settings.partitions,
        "consumer_group_instance_id": settings.instance_id or None,
        "broker_session_timeout": session,
        "broker_heartbeat_interval": min(3.0, session / 4),
        "broker_request_timeout": max(40.0, session + 10),
        "broker_commit_interval": settings.commit_seconds,
        "producer_compression_type": "snappy",  # aiokafka packs lz4 at level 9, at eight times the CPU
    }


def cluster_of(settings: Settings) -> str:
    """The id of the cluster.

    Raises:
        SettingsError: no broker answers, or not to us.
    """
    try:
        metadata = AdminClient(settings.kafka.librdkafka()).list_topics(timeout=ANSWER_SECONDS)
    except KafkaException as fault:
        servers, reason = settings.kafka.bootstrap_servers, fault.args[0].str()
        raise SettingsError(
            f"KAFKA_BOOTSTRAP_SERVERS={servers} does not answer: {reason}; `leadloop doctor` says why"
        ) from fault
    return str(metadata.cluster_id or "")


def inputs(settings: Settings) -> list[str]:
    """The physical names of the input topics, in the order that settles ties of event time."""
    return [settings.topic_prefix + name for name in INPUTS if TOPICS[name].is_input]


def _stores(settings: Settings, cluster: str) -> Callable[[int], Store]:
    if settings.store == "memory":
        return MemoryStore
    # State is a prefix of one changelog: that of another cluster, application or prefix must not be taken for it.
    changelog = settings.topic_prefix + changelog_of(settings.app_id).name
    directory = Path(settings.data_dir) / "state" / (cluster or "unnamed") / changelog
    return lambda number: RocksStore(directory, number)
