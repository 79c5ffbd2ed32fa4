"""Builds the job description and the driver of one streams process out of its settings."""

from collections.abc import AsyncIterable, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.topics import INPUTS, TOPICS, changelog_of
from streams.engine import Chunk, FetchedRecord, Job, MemoryStore, RocksStore, Store
from streams.engine.faust_driver import FaustDriver
from streams.engine.kafka_clients import ClientSettings
from streams.runtime.environment import SettingsError
from streams.runtime.settings import StreamsSettings
from streams.runtime.without_kafka import broker_answers
from streams.static_name import replaced_by

V = TypeVar("V")
OUTPUTS = (*INPUTS, "lead-escalated", "lead-decisions", "lead-snapshots", "lead-dead-letters")
"""What streams writes; the inputs are among them, because a record may be rerouted."""
ANSWER_SECONDS = 20.0  # for a broker to answer with its cluster id
CHUNK_SECONDS = 50.0  # a chunk, or a recovery, may take this long without progress; below the rebalance timeout


def job_of(
    settings: StreamsSettings,
    decode: Callable[[FetchedRecord], tuple[int, V]],
    agent: Callable[[AsyncIterable[Chunk[V]]], Awaitable[None]],
    *,
    cluster: str = "",
    name: str = "lead-loop",
) -> Job[V]:
    """Describe a job over the input topics; its hooks are set with `dataclasses.replace`.

    Args:
        settings: of the process.
        decode: see `Job`.
        agent: see `Job`.
        cluster: the id of the cluster that the local state belongs to.
        name: of the agent.
    """
    prefix = settings.topic_prefix
    return Job(
        name=name,
        inputs=tuple(inputs(settings)),
        outputs=tuple(prefix + topic for topic in OUTPUTS),
        changelog=prefix + changelog_of(settings.app_id).name,
        partitions=settings.partitions,
        store=_stores(settings, cluster),
        decode=decode,
        agent=agent,
        bounded_by=prefix + "stream-heartbeats" if settings.clock == "events" else None,
        tick=settings.tick_seconds,
        max_records=settings.chunk_records,
    )


def connect(settings: StreamsSettings, job: Job[V]) -> FaustDriver[V]:
    """Create the driver that runs a job; nothing is connected before it runs."""
    session = settings.session_seconds
    clients = ClientSettings(
        connection=settings.kafka.aiokafka(),
        group=settings.app_id,
        instance_id=settings.instance_id or None,
        session=session,
        heartbeat=min(3.0, session / 4),
        request=max(40.0, session + 10),
        delivery=0.8 * CHUNK_SECONDS,
        compression="snappy",  # aiokafka packs lz4 at level 9, at eight times the CPU
    )
    return FaustDriver(
        job,
        clients,
        data_dir=settings.data_dir / "faust",
        commit_seconds=settings.commit_seconds,
        deadline=CHUNK_SECONDS,
        replaced=partial(replaced_by, settings),
        answers=partial(broker_answers, settings.kafka.librdkafka()),
    )


def cluster_of(settings: StreamsSettings) -> str:
    """Query the id of the cluster.

    Raises:
        SettingsError: no broker answers, or it refuses this user.
    """
    try:
        metadata = AdminClient(settings.kafka.librdkafka()).list_topics(timeout=ANSWER_SECONDS)
    except KafkaException as error:
        servers, reason = settings.kafka.bootstrap_servers, error.args[0].str()
        raise SettingsError(
            f"KAFKA_BOOTSTRAP_SERVERS={servers} does not answer: {reason}; `leadloop doctor` says why"
        ) from error
    return str(metadata.cluster_id or "")


def inputs(settings: StreamsSettings) -> list[str]:
    """The physical names of the input topics, in the order that settles ties of event time."""
    return [settings.topic_prefix + name for name in INPUTS if TOPICS[name].is_input]


def _stores(settings: StreamsSettings, cluster: str) -> Callable[[int], Store]:
    if settings.store == "memory":
        return MemoryStore
    # State is a prefix of one changelog: that of another cluster, application or prefix must not be taken for it.
    changelog = settings.topic_prefix + changelog_of(settings.app_id).name
    return partial(RocksStore, Path(settings.data_dir) / "state" / (cluster or "unnamed") / changelog)
