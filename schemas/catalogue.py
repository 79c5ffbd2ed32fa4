"""The schema and id that each record is written with, and the schema of each id.

`Catalogue.bundled()` knows every version that was released, under ids that never change, and needs no network;
`schemas.connect.open_catalogue()` takes ids from a registry.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, get_args

from msgspec import Struct

from . import events
from .compiled import Schema

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

RECORDS: tuple[type[events.AnyRecord], ...] = get_args(events.AnyRecord)
"""Every type of record."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """A released version of a record's schema, which never changes. `sha256` is that of its file."""

    id: int
    record: str
    version: int
    sha256: str

    @classmethod
    def of(cls, record: type[Struct], version: int) -> "Release":
        """The release that the current schema of a record would be."""
        sha256 = hashlib.sha256(text_of(record).encode()).hexdigest()
        number = max((release.id for release in releases()), default=0) + 1
        return cls(id=number, record=record.__name__, version=version, sha256=sha256)

    @property
    def path(self) -> str:
        """The path of its file, relative to `schemas/avro`."""
        return f"released/{self.record}/v{self.version}.avsc"

    def row(self) -> dict[str, str | int]:
        """Its line in catalogue.json."""
        return asdict(self)

    def text(self) -> str:
        """The schema as it was released."""
        return _avro().joinpath(self.path).read_text(encoding="utf-8")

    def is_untouched(self) -> bool:
        """Whether the file is still the one that was released."""
        return hashlib.sha256(self.text().encode()).hexdigest() == self.sha256


@dataclass(frozen=True)
class Catalogue:
    """The ids of schemas.

    Attributes:
        ids: The id that each type of record is written with.
        schema_of_id: Returns the schema of any id; None if there is none. It raises RegistryUnavailable if the registry
            does not answer: the id may exist.
    """

    ids: Mapping[type[events.AnyRecord], int]
    schema_of_id: Callable[[int], Schema | None]

    @classmethod
    def bundled(cls) -> "Catalogue":
        """The released versions that are part of this program; records are written with their newest version."""
        by_id = {release.id: json.loads(release.text()) for release in releases()}
        newest = {release.record: release.id for release in releases()}
        return cls({record: newest[record.__name__] for record in RECORDS}, by_id.get)


@cache
def text_of(record: type[Struct]) -> str:
    """The schema of a record as it is now, as text."""
    return _avro().joinpath(f"{record.__name__}.avsc").read_text(encoding="utf-8")


def schema_of(record: type[Struct]) -> Schema:
    """The schema of a record as it is now."""
    schema: Schema = json.loads(text_of(record))
    return schema


@cache
def releases() -> tuple[Release, ...]:
    """Every released version, in the order of releases."""
    return tuple(Release(**row) for row in json.loads(_avro().joinpath("catalogue.json").read_text("utf-8")))


def releases_of(record: type[events.AnyRecord]) -> Iterator[Release]:
    """The released versions of one record, oldest first."""
    return (release for release in releases() if release.record == record.__name__)


def _avro() -> "Traversable":
    return resources.files(__package__).joinpath("avro")
