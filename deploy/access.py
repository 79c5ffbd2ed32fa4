"""Who may do what in Kafka: deploy/acls.yml and the writers that schemas/topics.py names, as one list of grants."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from schemas.topics import INPUTS, TOPICS, changelog_of

APP, PREFIX = "{app}", "{prefix}"  # stand for LEADLOOP_APP_ID and LEADLOOP_TOPIC_PREFIX until they are known
EVERY_TOPIC = (*TOPICS, changelog_of(APP).name)
UPSTREAM = ("ingest", "import")  # whoever publishes for others

Kind = Literal["topic", "group"]


@dataclass(frozen=True)
class Grant:
    """`operations` on everything of one kind that is called so; a name that ends in * is the beginning of names."""

    kind: Kind
    names: tuple[str, ...]
    operations: tuple[str, ...]


def grants_of(who: str, asked: Mapping[str, Any]) -> Iterator[Grant]:
    """What `who` may do: `asked` is its part of acls.yml."""
    if asked.get("admin"):
        yield Grant("topic", EVERY_TOPIC, tuple(asked["admin"]))
    reads, writes = _topics(asked.get("reads", ())), written_by(who, asked)
    for names, operations in (
        ([name for name in reads if name not in writes], ("Read",)),
        ([name for name in reads if name in writes], ("Read", "Write")),
        ([name for name in writes if name not in reads], ("Write",)),
    ):
        if names:
            yield Grant("topic", tuple(names), operations)
    for key, operation in (("groups", "Read"), ("group_names", "Describe")):
        if asked.get(key):
            yield Grant("group", tuple(asked[key]), (operation,))


def written_by(who: str, asked: Mapping[str, Any]) -> list[str]:
    """The topics that `who` writes: those that the table of topics says, and those that it asks for besides."""
    own = [topic.name for topic in (*TOPICS.values(), changelog_of(APP)) if is_writer(who, topic.written_by)]
    return _topics([*own, *asked.get("writes", ())])


def is_writer(who: str, writers: Iterable[str]) -> bool:
    """Whether the table of topics means `who`: `upstream` are all who publish for others."""
    return who in writers or (who in UPSTREAM and "upstream" in writers)


def _topics(asked: Iterable[str]) -> list[str]:
    named: list[str] = []
    for one in asked:
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
