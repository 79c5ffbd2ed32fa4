"""Checks that the topics exist with the right configuration, and that we may describe them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # documented, but not marked as exported
    AdminClient,
    ConfigEntry,
    ConfigResource,
    ResourceType,
    TopicDescription,
)

from schemas.topics import Topic
from streams.runtime.settings import Settings
from workers.admin import config_differs, count_differs, reason_of, topics_of

from .findings import Finding, fail, ok, some, warn

if TYPE_CHECKING:
    from concurrent.futures import Future

ANSWER_SECONDS = 5.0
ENOUGH_COPIES = 3
_MISSING = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)  # noqa: SLF001  named so by the client
_DENIED = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED)
GRANT = "grant this user the permissions of its process in deploy/acls.yml; `operate` may describe everything"


@dataclass(frozen=True, slots=True)
class Copies:
    """How a topic is kept. `present`: the fewest copies in sync that any of its partitions has."""

    wanted: int
    present: int
    headless: int
    min_insync: int


@dataclass(frozen=True)
class ObservedTopic:
    """One topic as Kafka describes it. `config` is None without the permission; `error`: nothing else is known."""

    topic: Topic
    partitions: int = 0
    copies: Copies = Copies(0, 0, 0, 0)
    config: Mapping[str, str | None] | None = None
    error: KafkaError | None = None

    @property
    def is_there(self) -> bool:
        return self.error is None


def check(admin: AdminClient, settings: Settings) -> list[Finding]:
    """Query Kafka and evaluate the response."""
    return evaluate(describe(admin, topics_of(settings.app_id, settings.topic_prefix)), settings)


def describe(admin: AdminClient, wanted: Mapping[str, Topic]) -> dict[str, ObservedTopic]:
    """Every topic, whether it exists or not. This creates no topic, whatever the broker's configuration."""
    futures = admin.describe_topics(TopicCollection(list(wanted)), request_timeout=ANSWER_SECONDS)
    found: dict[str, ObservedTopic] = {}
    described: dict[str, TopicDescription] = {}
    for name, future in futures.items():
        try:
            described[name] = future.result(ANSWER_SECONDS + 1)
        except KafkaException as error:
            found[name] = ObservedTopic(wanted[name], error=error.args[0])
    configs = _configs(admin, list(described))
    for name, description in described.items():
        found[name] = _observed(wanted[name], description, configs.get(name))
    return {name: found[name] for name in wanted}


def evaluate(found: Mapping[str, ObservedTopic], settings: Settings) -> list[Finding]:
    """What is wrong with the topics, similar findings combined; one line if nothing is."""
    errors = [
        *_absent(found),
        *_counts(found, settings.partitions),
        *_policies(found),
        *_leaders(found),
    ]
    remarks = [*_copies(found), *_undescribed(found)]
    if not errors and found:
        has_configs = all(one.config is not None for one in found.values())
        what = "partitions and policies" if has_configs else "partitions"
        remarks.insert(0, ok("topics", f"all {len(found)} are there, with their {what}"))
    return errors + remarks


def _observed(topic: Topic, described: TopicDescription, config: Mapping[str, str | None] | None) -> ObservedTopic:
    copies = Copies(
        min((len(one.replicas) for one in described.partitions), default=0),
        min((len(one.isr) for one in described.partitions), default=0),
        sum(one.leader is None or one.leader.id < 0 for one in described.partitions),
        int((config or {}).get("min.insync.replicas") or 1),
    )
    return ObservedTopic(topic, len(described.partitions), copies, config)


def _configs(admin: AdminClient, names: list[str]) -> dict[str, dict[str, str | None]]:
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    futures: Mapping[ConfigResource, Future[dict[str, ConfigEntry]]] = (
        admin.describe_configs(resources, request_timeout=ANSWER_SECONDS) if resources else {}
    )
    found = {}
    for resource, future in futures.items():
        try:
            entries = future.result(ANSWER_SECONDS + 1)
        except KafkaException:
            continue
        found[resource.name] = {key: entry.value for key, entry in entries.items()}
    return found


def _absent(found: Mapping[str, ObservedTopic]) -> Iterator[Finding]:
    errors = {name: one.error for name, one in found.items() if one.error is not None}
    missing = [name for name, error in errors.items() if error.code() in _MISSING]
    denied = [name for name, error in errors.items() if error.code() in _DENIED]
    if missing:
        unsure = "; a user without Describe gets the same answer" if len(missing) == len(found) else ""
        yield fail("topics", f"not there: {some(missing)}{unsure}", "run `leadloop topics create`")
    if denied:
        is_none_visible = len(denied) == len(found)
        yield Finding("rights", "fail" if is_none_visible else "warn", f"not allowed to see: {some(denied)}", GRANT)
    for name, error in errors.items():
        if name not in (*missing, *denied):
            yield fail(name, reason_of(KafkaException(error)), "see that Kafka is well, and run this again")


def _counts(found: Mapping[str, ObservedTopic], wanted: int) -> Iterator[Finding]:
    there = {name: one for name, one in found.items() if one.is_there}
    bound = {one.partitions for one in there.values() if one.topic.is_input or one.topic.holds_state}
    if len(bound) == 1 and bound != {wanted}:
        (count,) = bound
        todo = f"set LEADLOOP_PARTITIONS={count} for every process, or create topics again under another prefix"
        yield fail("topics", f"they have {count} partitions, not LEADLOOP_PARTITIONS={wanted}", todo)
        wanted = count
    for name, one in there.items():
        count = one.topic.partitions or wanted
        if one.partitions != count:
            text, _, todo = count_differs(name, one.topic, one.partitions, count).partition(": ")
            yield Finding(name, "fail" if one.topic.is_input or one.topic.holds_state else "warn", text, todo)


def _policies(found: Mapping[str, ObservedTopic]) -> Iterator[Finding]:
    for name, one in found.items():
        for error in config_differs(name, one.topic, one.config) if one.config is not None else ():
            text, _, todo = error.partition(": ")
            yield fail(name, text, f"run {todo}")


def _leaders(found: Mapping[str, ObservedTopic]) -> Iterator[Finding]:
    headless = [name for name, one in found.items() if one.copies.headless]
    if headless:
        yield fail("topics", f"partitions without a leader: {some(headless)}", "check Kafka: a broker is unavailable")


def _copies(found: Mapping[str, ObservedTopic]) -> Iterator[Finding]:
    there = {name: one.copies for name, one in found.items() if one.is_there}
    single = [name for name, copies in there.items() if copies.wanted == 1]
    behind = [name for name, copies in there.items() if copies.present < copies.wanted]
    brittle = [name for name, copies in there.items() if 1 < copies.wanted <= copies.min_insync]
    alone = [name for name, copies in there.items() if copies.wanted >= ENOUGH_COPIES and copies.min_insync == 1]
    if single:
        found_text = f"one copy only: {some(single)}"
        todo = "in production have three: set LEADLOOP_REPLICATION=3 before `topics create`, or reassign replicas"
        yield warn("replication", found_text, todo)
    if behind:
        yield warn("replication", f"copies out of sync: {some(behind)}", "check Kafka: a broker is unavailable or slow")
    if brittle:
        todo = "set min.insync.replicas below the number of copies: one broker that restarts stops all writing"
        yield warn("replication", f"min.insync.replicas as high as the copies: {some(brittle)}", todo)
    if alone:
        todo = "set min.insync.replicas=2: an ack then means that two brokers have it"
        yield warn("replication", f"min.insync.replicas=1: {some(alone)}", todo)


def _undescribed(found: Mapping[str, ObservedTopic]) -> Iterator[Finding]:
    hidden = [name for name, one in found.items() if one.is_there and one.config is None]
    if hidden:
        yield warn("rights", f"policies not seen (DescribeConfigs): {some(hidden)}", GRANT)
