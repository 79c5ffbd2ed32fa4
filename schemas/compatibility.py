"""Checks offline, with Apache Avro's own checker, that a schema is compatible with every released version.

Public topics are FULL_TRANSITIVE: every version reads the records of every other. The others are
BACKWARD_TRANSITIVE: a version reads the records of older ones.
"""

import json
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import make_avsc_object

from . import events
from .catalogue import releases_of, schema_of
from .compiled import Schema
from .topics import TOPIC_OF, Compatibility


def faults_of(record: type[events.AnyRecord]) -> list[str]:
    """The incompatibilities between any two versions of a record, including the current one."""
    versions = [(f"v{release.version}", json.loads(release.text())) for release in releases_of(record)]
    versions.append(("the current one", schema_of(record)))
    level = TOPIC_OF[record].compatibility
    return [
        f"{record.__name__}: {fault}"
        for (old_name, old), (new_name, new) in combinations(versions, 2)
        for fault in faults_between(old, new, level, old_name, new_name)
    ]


def faults_between(
    old: Schema, new: Schema, level: Compatibility, old_name: str = "old", new_name: str = "new"
) -> Iterator[str]:
    """The incompatibilities between two versions that the level does not allow."""
    if _full_name(old) != _full_name(new):
        yield f"{new_name} is named {_full_name(new)}, {old_name} {_full_name(old)}: a new name is a new topic"
    yield from _unreadable(new, old, f"{new_name} cannot read what {old_name} wrote")
    if level == "FULL_TRANSITIVE":
        yield from _unreadable(old, new, f"{old_name} cannot read what {new_name} wrote")


def _unreadable(reader: Schema, writer: Schema, what: str) -> Iterator[str]:
    checker: Any = ReaderWriterCompatibilityChecker  # avro does not annotate it
    result = checker().get_compatibility(make_avsc_object(reader), make_avsc_object(writer))
    if result.compatibility is not SchemaCompatibilityType.compatible:
        yield f"{what}: {', '.join(sorted(result.messages))} at {', '.join(sorted(result.locations))}"


def _full_name(schema: Schema) -> str:
    return f"{schema.get('namespace', '')}.{schema['name']}"
