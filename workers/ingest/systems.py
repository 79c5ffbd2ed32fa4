"""The webhooks file: which systems post here, how they authenticate, and which mapping converts their items."""

from collections.abc import Mapping as Lookup
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from schemas.errors import UserError
from streams.runtime.documents import DocumentError, Violation, load, violation
from workers import signing
from workers.imports.field_sources import Zone
from workers.imports.mapping import Mapping, Table, parse_mapping
from workers.imports.name_patterns import matches_any
from workers.secret import Secret

from .dialects import DIALECTS
from .dialects.items import DialectName


def _as_list(value: object) -> object:
    return [value] if isinstance(value, (str, dict)) else value


class _WebhooksFileModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _System(_WebhooksFileModel):
    dialect: DialectName
    source: str | None = Field(default=None, min_length=1, max_length=64)
    secret: Annotated[tuple[Secret, ...], BeforeValidator(_as_list)] = ()  # several are a rotation
    public_url: str | None = Field(default=None, pattern=r"^https?://[^\s?#]+$")
    own_client: str = ""
    ignore: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()
    mapping: str | None = None
    zone: Zone = "UTC"
    tables: dict[str, Table] | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        dialect = DIALECTS[self.dialect]
        if (self.mapping is None) == (self.tables is None):
            raise violation("a mapping is missing, or given twice", "write either `mapping: FILE` or `tables:`")
        if self.secret and dialect.verify is None:
            raise violation(
                f"{self.dialect} does not sign",
                "leave `secret:` out; the system authenticates with a key of the keys file",
            )
        if self.secret and dialect.needs_url and self.public_url is None:
            raise violation(
                "its signature covers the URL", "write `public_url:`, exactly as it is configured in the system"
            )
        if self.dialect == "standard-webhooks":
            _check_secrets(self.secret)
        return self


def _check_secrets(secrets: tuple[Secret, ...]) -> None:
    for secret in secrets:
        try:
            signing.parse_key(secret.reveal())
        except signing.InvalidKey as error:
            raise violation(f"the secret cannot be used: {error}", "write one such as whsec_ and base64") from None


class _File(_WebhooksFileModel):
    systems: dict[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")], _System] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class System:
    """One system.

    Attributes:
        secrets: Any of them may sign; if empty, a key of the keys file is required.
        own_client: Changes made by this client are our own and ignored.
        ignore: Patterns of item names to ignore.
        tables: Tried in their order.
    """

    name: str
    dialect: DialectName
    source: str
    secrets: tuple[str, ...] = field(repr=False)
    public_url: str
    own_client: str
    ignore: tuple[str, ...]
    zone: str
    tables: Lookup[str, Table]

    def table_of(self, name: str) -> Table | None:
        """Return the first table with a pattern in `files` that matches the item's name."""
        matching = (table for table in self.tables.values() if matches_any(name, table.files))
        return next(matching, None)

    def ignores(self, name: str) -> bool:
        return matches_any(name, self.ignore)


def load_systems(path: Path) -> Lookup[str, System]:
    """Load the systems of a webhooks file. Paths of mapping files are relative to it.

    Raises:
        UserError: a file cannot be read.
        DocumentError: the file, or a mapping, is invalid.
    """
    document = load(_text(path), str(path), _File)
    return {name: _system(name, section, path) for name, section in document.systems.items()}


def _system(name: str, section: _System, path: Path) -> System:
    mapping = _mapping(section, path)
    if not mapping.tables:
        raise DocumentError(str(path), [Violation(1, name, "no tables", "write at least one")])
    return System(
        name,
        section.dialect,
        section.source or mapping.source or name,
        tuple(secret.reveal() for secret in section.secret),
        section.public_url or "",
        section.own_client,
        section.ignore,
        mapping.zone,
        mapping.tables,
    )


def _mapping(section: _System, path: Path) -> Mapping:
    if section.mapping is None:
        return Mapping.model_construct(source="", zone=section.zone, tables=section.tables or {})
    file = path.parent / section.mapping
    return parse_mapping(_text(file), str(file))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
