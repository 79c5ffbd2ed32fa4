"""Creates topics and registers schemas, before any process runs.

Nothing that exists is altered: differences are reported, each with what to do about it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # documented, but not marked as exported
    AdminClient,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from confluent_kafka.cimpl import NewTopic

from schemas.catalogue import RECORDS, Release, releases, releases_of, schema_of
from schemas.connect import connect_registry
from schemas.errors import UserError
from schemas.registry import Pushed, RegistryConf
from schemas.topics import TOPICS, Topic, changelog_of
from workers.kafka import KafkaConf

if TYPE_CHECKING:
    from concurrent.futures import Future

    from schemas import events

_ANSWER_SECONDS = 15.0


class BrokerUnavailable(UserError, ConnectionError):
    """The broker does not answer, or denies access: check its address and the credentials."""


@dataclass(frozen=True)
class TopicsReport:
    """What `create_topics` found and did. `faults`: what differs or failed, each with what to do."""

    created: tuple[str, ...]
    present: tuple[str, ...]
    faults: tuple[str, ...]


def create_topics(
    admin_conf: KafkaConf, *, app_id: str, partitions: int, replication: int = 1, prefix: str = ""
) -> TopicsReport:
    """Create every topic that is missing, the changelog of `app_id` included; check those that exist.

    Args:
        admin_conf: librdkafka's connection settings.
        app_id: The application that the changelog belongs to.
        partitions: Of each topic that has no fixed number.
        replication: Copies of each partition.
        prefix: Of the topics.

    Raises:
        BrokerUnavailable: The broker does not answer in time.
    """
    admin = AdminClient(dict(admin_conf))
    topics = topics_of(app_id, prefix)
    try:
        known = _partition_counts(admin)
        missing = {name: topic for name, topic in topics.items() if name not in known}
        created, failed = _create(admin, missing, partitions, replication)
        present = {name: topic for name, topic in topics.items() if name not in {*created, *failed}}
        differing = _differences(admin, present, partitions)
    except KafkaException as fault:
        raise BrokerUnavailable(
            f"the broker does not answer: {reason_of(fault)}; `leadloop doctor` says why"
        ) from fault
    return TopicsReport(created, tuple(present), (*failed.values(), *differing))


def topics_of(app_id: str, prefix: str = "") -> dict[str, Topic]:
    """Every topic that there must be, by its physical name; the changelog of `app_id` included."""
    return {f"{prefix}{topic.name}": topic for topic in (*TOPICS.values(), changelog_of(app_id))}


def check_schemas() -> list[str]:
    """Everything that keeps the current schemas from being released, offline. Needs the package `avro`."""
    # Only developers need the checker: it is not among the dependencies of a process.
    from schemas.compatibility import faults_of  # noqa: PLC0415

    faults = [f"{release.path} was changed after its release" for release in releases() if not release.is_untouched()]
    for record in RECORDS:
        faults += _unreleased(record)
        faults += faults_of(record)
    return faults


def push_schemas(conf: RegistryConf, prefix: str = "") -> list[Pushed]:
    """Register every released version, oldest first, under the compatibility that its topic has.

    Raises:
        RegistryRejected: the registry holds a version that one of ours breaks.
        RegistryUnavailable: it does not answer; what was registered stays, pushing again is safe.
    """
    registry = connect_registry(conf, prefix)
    return [pushed for record in RECORDS for pushed in registry.push(record)]


def _unreleased(record: type["events.AnyRecord"]) -> list[str]:
    versions = list(releases_of(record))
    if [release.version for release in versions] != list(range(1, len(versions) + 1)):
        return [f"catalogue.json: the versions of {record.__name__} are not 1, 2, 3 … in this order"]
    if versions and json.loads(versions[-1].text()) == schema_of(record):
        return []
    coming = Release.of(record, version=len(versions) + 1)
    todo = f"when it is final, copy it to {coming.path} and add to catalogue.json {json.dumps(coming.row())}"
    return [f"{record.__name__}.avsc differs from what was released last: {todo}"]


def _partition_counts(admin: AdminClient) -> dict[str, int]:
    metadata = admin.list_topics(timeout=_ANSWER_SECONDS)
    return {name: len(topic.partitions) for name, topic in metadata.topics.items()}


def _create(
    admin: AdminClient, missing: Mapping[str, Topic], partitions: int, replication: int
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The created topics, and by name why others failed. A topic that was created meanwhile is in neither."""
    if not missing:
        return (), {}
    created, failed = [], {}
    wanted = [
        NewTopic(name, topic.partitions or partitions, replication, config=topic.config)
        for name, topic in missing.items()
    ]
    for name, future in admin.create_topics(wanted, request_timeout=_ANSWER_SECONDS).items():
        try:
            future.result()
            created.append(name)
        except KafkaException as fault:
            if fault.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                failed[name] = f"{name} was not created: {reason_of(fault)}"
    return tuple(created), failed


def _differences(admin: AdminClient, present: Mapping[str, Topic], partitions: int) -> list[str]:
    counts = _partition_counts(admin)
    found = []
    for name, config in _configs(admin, present).items():
        # A broker may answer about a topic that is very new without knowing its partitions yet.
        wanted = present[name].partitions or partitions
        if counts.get(name, wanted) != wanted:
            found.append(count_differs(name, present[name], counts[name], wanted))
        found += config_differs(name, present[name], config)
    return found


def _configs(admin: AdminClient, names: Iterable[str]) -> dict[str, dict[str, str | None]]:
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    if not resources:
        return {}
    futures: Mapping[ConfigResource, Future[dict[str, ConfigEntry]]] = admin.describe_configs(
        resources, request_timeout=_ANSWER_SECONDS
    )
    return {
        resource.name: {key: entry.value for key, entry in future.result().items()}
        for resource, future in futures.items()
    }


def count_differs(name: str, topic: Topic, count: int, wanted: int) -> str:
    """The message about a wrong number of partitions, with what to do."""
    fault = f"{name} has {count} partitions, not {wanted}: "
    if topic.is_input or topic.holds_state:
        # More partitions would move a lead away from its history and its state.
        return fault + f"create topics with {count} partitions, or all of them again under another prefix"
    return fault + "nothing breaks, but consumers can share the work among that many only"


def config_differs(name: str, topic: Topic, config: Mapping[str, str | None]) -> list[str]:
    """The settings of a topic that are not as required, each with the command that fixes it."""
    return [
        f"{name} has {key}={config.get(key)}, not {wanted}: kafka-configs --alter --entity-type topics "
        f"--entity-name {name} --add-config {key}={wanted}"
        for key, wanted in topic.config.items()
        if not _is_enough(config.get(key), wanted)
    ]


def _is_enough(value: str | None, wanted: str) -> bool:
    """Whether a value is sufficient: a word must be equal, a number at least as large; -1 is unlimited."""
    if value is None or not wanted.isdigit():
        return value == wanted
    return int(value) == -1 or int(value) >= int(wanted)


def reason_of(fault: KafkaException) -> str:
    """The message of an error of Kafka or its client."""
    error = fault.args[0] if fault.args else fault
    return error.str() if isinstance(error, KafkaError) else str(error)
