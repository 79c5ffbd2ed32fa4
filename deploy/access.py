"""The access rights in Kafka as one list of grants, from deploy/acls.yml and the writers in schemas/topics.py."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypedDict

from schemas.topics import INPUTS, TOPICS, changelog_of

APP, PREFIX = "{app}", "{prefix}"  # placeholders for LEADLOOP_APP_ID and LEADLOOP_TOPIC_PREFIX
EVERY_TOPIC = (*TOPICS, changelog_of(APP).name)
UPSTREAM = ("ingest", "import", "producer")  # what publishes for upstream systems, and such a system itself

Kind = Literal["topic", "group", "transactional_id"]


class AccessEntry(TypedDict, total=False):
    """The entry of one user in acls.yml; acls.yml explains the keys."""

    why: str
    admin: list[str]
    reads: list[str]
    writes: list[str]
    groups: list[str]
    group_names: list[str]
    transactional_ids: list[str]
    transactional_id_names: list[str]


@dataclass(frozen=True)
class Grant:
    """`operations` on the resources of one kind with this name; a name that ends in * is a prefix."""

    kind: Kind
    names: tuple[str, ...]
    operations: tuple[str, ...]


def grants_of(who: str, entry: AccessEntry) -> Iterator[Grant]:
    """Return the grants of `who`; `entry` is its part of acls.yml."""
    if admin := entry.get("admin"):
        yield Grant("topic", EVERY_TOPIC, tuple(admin))
    reads, writes = _topics(entry.get("reads", ())), written_by(who, entry)
    for names, operations in (
        ([name for name in reads if name not in writes], ("Read",)),
        ([name for name in reads if name in writes], ("Read", "Write")),
        ([name for name in writes if name not in reads], ("Write",)),
    ):
        if names:
            yield Grant("topic", tuple(names), operations)
    for kind, given, operations in _other_resources(entry):
        if given:
            yield Grant(kind, tuple(given), operations)


def _other_resources(entry: AccessEntry) -> Iterator[tuple[Kind, list[str] | None, tuple[str, ...]]]:
    yield "group", entry.get("groups"), ("Read",)
    yield "group", entry.get("group_names"), ("Describe",)
    yield "transactional_id", entry.get("transactional_ids"), ("Describe", "Write")
    yield "transactional_id", entry.get("transactional_id_names"), ("Describe",)


def written_by(who: str, entry: AccessEntry) -> list[str]:
    """Return the topics that `who` writes: those of the topic table, and those of its entry."""
    own = [topic.name for topic in (*TOPICS.values(), changelog_of(APP)) if is_writer(who, topic.written_by)]
    return _topics([*own, *entry.get("writes", ())])


def is_writer(who: str, writers: Iterable[str]) -> bool:
    """Whether the topic table lists `who` as a writer; `upstream` means those in UPSTREAM."""
    return who in writers or (who in UPSTREAM and "upstream" in writers)


def _topics(names: Iterable[str]) -> list[str]:
    named: list[str] = []
    for one in names:
        match one:
            case "inputs":
                named += INPUTS
            case "all":
                named += EVERY_TOPIC
            case _ if one.endswith("*"):
                named += [name for name in EVERY_TOPIC if name.startswith(one.rstrip("*"))]
            case _:
                named.append(one)
    if unknown := set(named) - set(EVERY_TOPIC):
        raise ValueError(f"acls.yml names topics that are not in schemas/topics.py: {', '.join(sorted(unknown))}")
    return [name for name in EVERY_TOPIC if name in named]
