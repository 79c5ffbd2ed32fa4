"""Checks that the processes that read topics are running, and how far they are behind."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # documented there

from schemas.names import deliver_group, project_group, streams_group, version_of
from schemas.topics import INPUTS
from streams.runtime.settings import Settings
from workers.admin import reason_of
from workers.delivery.events import TOPICS as EVENT_TOPICS
from workers.kafka import KafkaConf, repeated
from workers.read_model.generation import SOURCE_TOPICS

from .findings import Finding, fail, ok, warn
from .topics import GRANT

ANSWER_SECONDS = 5.0
PASSING_SECONDS = 3.0
OFFSETS = "__consumer_offsets"
_NOBODY = (KafkaError.GROUP_ID_NOT_FOUND,)
_NO_COORDINATOR = (KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)
_DENIED = (KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED)

GroupPartition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Process:
    """A process that reads topics in a consumer group; a lag of more than `most_behind` records is worth a warning."""

    name: str
    group: str
    topics: tuple[str, ...]
    most_behind: int

    @property
    def about(self) -> str:
        return f"group of {self.name}"


@dataclass(frozen=True)
class Group:
    """A group as Kafka describes it. `committed` and `ends` by partition; `versions`: how many members have each.

    `error`: there is no description. `is_first`: nobody has used a group of this cluster before.
    """

    members: int = 0
    state: str = "EMPTY"
    assigned: frozenset[GroupPartition] = frozenset()
    committed: Mapping[GroupPartition, int] = field(default_factory=dict)
    ends: Mapping[GroupPartition, int] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    error: KafkaError | None = None
    is_first: bool = False

    @property
    def behind(self) -> int:
        """An upper bound: partitions without a commit count from offset 0, since log start offsets are not queried."""
        return sum(max(0, end - self.committed.get(place, 0)) for place, end in self.ends.items())


def processes(settings: Settings) -> tuple[Process, ...]:
    """The processes of an application. Deliver's own topics are left out: what waits there on purpose is no lag."""
    app, prefix = settings.app_id, settings.topic_prefix
    return (
        Process("streams", streams_group(app), tuple(prefix + name for name in INPUTS), 10_000),
        Process("deliver", deliver_group(app, prefix), tuple(prefix + name for name in EVENT_TOPICS), 100),
        Process("project", project_group(app), tuple(prefix + name for name in SOURCE_TOPICS), 10_000),
    )


def check(conf: KafkaConf, admin: AdminClient, process: Process, topics: Collection[str]) -> list[Finding]:
    """Query Kafka and evaluate the response. `topics`: those that there were before any group was asked for."""
    return [evaluate(process, describe(conf, admin, process, is_first=OFFSETS not in topics))]


def evaluate(process: Process, group: Group) -> Finding:
    """The finding about one process."""
    about, start = process.about, f"start `leadloop {process.name}`"
    if group.error is not None and group.is_first and group.error.code() in _NO_COORDINATOR:
        found = f"it has never run: Kafka creates {OFFSETS}, with the coordinators of groups, now"
        return warn(about, found, f"run this again in a minute; {start}, if it is to run")
    if group.error is not None:
        denied = group.error.code() in _DENIED
        todo = GRANT if denied else "see that Kafka is well, and run this again"
        return Finding(about, "warn" if denied else "fail", reason_of(KafkaException(group.error)), todo)
    has_commits = any(offset >= 0 for offset in group.committed.values())
    if not group.members and not has_commits:
        return warn(about, "it has never run: no members, no commits", f"{start}, if it is to run")
    if not group.members:
        return fail(about, f"no members; {group.behind} records wait", f"{start}; it goes on where it was")
    return _working(process, group, has_commits=has_commits)


def _working(process: Process, group: Group, *, has_commits: bool) -> Finding:
    members = "1 member" if group.members == 1 else f"{group.members} members"
    members += _of_versions(group)
    found = f"{members}, {group.behind} records behind"
    unowned = [f"{topic}/{number}" for topic, number in group.ends if (topic, number) not in group.assigned]
    if group.state != "STABLE":
        again = "run this again in a minute; if it stays so: docs/runbooks.md#leadlooprebalancestorm"
        return warn(process.about, f"{members}, and Kafka is giving out partitions ({group.state})", again)
    if unowned:
        todo = "run this again in a minute; if it stays so, restart its workers one after the other"
        return fail(process.about, f"{found}; {len(unowned)} partitions have no owner", todo)
    if not has_commits:
        return warn(process.about, f"{members}, and no commit yet", "see its log, and run this again in a minute")
    if group.behind > process.most_behind:
        todo = "run this again: if it grows, start more, up to the number of partitions; docs/runbooks.md says more"
        return warn(process.about, found, todo)
    if len(group.versions) > 1:
        return warn(process.about, f"{found}; they are of different versions", "finish the upgrade, or the roll-back")
    return ok(process.about, found)


def _of_versions(group: Group) -> str:
    if len(group.versions) == 1:
        return f" of version {next(iter(group.versions))}"
    counts = ", ".join(f"{count} of version {version}" for version, count in sorted(group.versions.items()))
    return f" ({counts})" if counts else ""


def describe(conf: KafkaConf, admin: AdminClient, process: Process, *, is_first: bool = False) -> Group:
    """Describe one group; a group that does not exist is an empty one.

    A new cluster has no coordinators until somebody asks for the first one, so passing errors are waited out shortly.
    """
    try:
        return repeated(lambda: _describe(conf, admin, process), within=PASSING_SECONDS)
    except KafkaException as failure:
        error: KafkaError = failure.args[0]
    return Group() if error.code() in _NOBODY else Group(error=error, is_first=is_first)


def _describe(conf: KafkaConf, admin: AdminClient, process: Process) -> Group:
    future = admin.describe_consumer_groups([process.group], request_timeout=ANSWER_SECONDS)[process.group]
    ends = _ends(admin, process.topics)
    committed = _committed(conf, process.group, ends)
    described = future.result(ANSWER_SECONDS + 1)
    return Group(
        len(described.members),
        described.state.name if described.state is not None else "UNKNOWN",
        frozenset(
            (one.topic, one.partition)
            for member in described.members
            for one in (member.assignment.topic_partitions if member.assignment else ())
        ),
        committed,
        ends,
        Counter(version_of(member.client_id) for member in described.members),
    )


def _committed(conf: KafkaConf, group: str, places: Iterable[GroupPartition]) -> dict[GroupPartition, int]:
    """The committed offsets, by a consumer that never joins the group.

    `AdminClient.list_consumer_group_offsets` crashes the process where the group has no coordinator yet, as in a new
    cluster (https://github.com/confluentinc/librdkafka/issues/5040).
    """
    wanted = [TopicPartition(*place) for place in places]
    consumer = Consumer({**conf, "group.id": group, "enable.auto.commit": False})
    try:
        found = consumer.committed(wanted, timeout=ANSWER_SECONDS) if wanted else []
    finally:
        consumer.close()
    return {(one.topic, one.partition): one.offset for one in found if one.offset >= 0}


def _ends(admin: AdminClient, topics: Iterable[str]) -> dict[GroupPartition, int]:
    """The end offsets of the topics that exist; the leader of each partition must be reachable."""
    known = admin.list_topics(timeout=ANSWER_SECONDS).topics
    places = [TopicPartition(name, number) for name in topics if name in known for number in known[name].partitions]
    latest: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    futures = admin.list_offsets(dict.fromkeys(places, latest), request_timeout=ANSWER_SECONDS) if places else {}
    return {
        (place.topic, place.partition): future.result(ANSWER_SECONDS + 1).offset for place, future in futures.items()
    }
