"""Builds the Faust app and the engine of one streams process out of its settings."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import faust

from schemas.topics import INPUTS, TOPICS, changelog_of
from streams.config.settings import Settings
from streams.engine import FAUST_SETTINGS, Decode, Engine, MemoryStore, RocksStore, Store

OUTPUTS = (*INPUTS, "lead-decisions", "lead-snapshots", "lead-dead-letters")  # inputs: a record may be rerouted
CHUNK_SECONDS = 50.0  # a chunk, or a recovery that stands still, may take this long


def build(settings: Settings, decode: Decode) -> tuple[faust.App, Engine]:
    """Create both; nothing is connected before the worker starts."""
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
        store=_stores(settings),
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


def inputs(settings: Settings) -> list[str]:
    """The physical names of the input topics, in the order that settles ties of event time."""
    return [settings.topic_prefix + name for name in INPUTS if TOPICS[name].is_input]


def _stores(settings: Settings) -> Callable[[int], Store]:
    if settings.store == "memory":
        return MemoryStore
    directory = Path(settings.data_dir) / "state"
    return lambda number: RocksStore(directory, number)
