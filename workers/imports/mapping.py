"""The mapping document: how the columns of files become facts. docs/mapping.md explains it by example."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from schemas.events import Activity, By, ContactOutcome, DealOutcome, Direction, LeadUpdated, Record
from streams.runtime.documents import did_you_mean, load, violation

from .field_sources import (
    Amount,
    AmountSource,
    ConsentFlag,
    FieldOrigin,
    Flag,
    FlagSource,
    InstantSource,
    LocalTime,
    MappedId,
    MappedInstant,
    MappedText,
    MappingModel,
    TextSource,
    TimeFormats,
    Zone,
    as_list,
    not_empty,
    restricted_to,
)

Format = Literal["csv", "jsonl"]
CHANGES: tuple[str, ...] = tuple(
    name for name in LeadUpdated.__struct_fields__ if name not in (*Record.__struct_fields__, "currency")
)
"""The fields of which a lead-updated has at least one."""


def _expand_condition(value: object) -> object:
    """`column: TEXT` is short for `column: {is: TEXT}`."""
    is_short = isinstance(value, str | int | float | list) and not isinstance(value, bool)
    return {"is": value} if is_short else value


class Condition(MappingModel):
    """A condition on a column for a fact to be made. Case and surrounding blanks are ignored."""

    is_: Annotated[tuple[str, ...], BeforeValidator(as_list)] = Field(default=(), alias="is")
    is_not: Annotated[tuple[str, ...], BeforeValidator(as_list)] = Field(default=(), alias="not")
    empty: bool | None = None

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if not self.is_ and not self.is_not and self.empty is None:
            raise violation(
                "the condition is empty", "write the texts, or `not:` with texts, or `empty: true` or `false`"
            )
        return self


class _FactPart(MappingModel):
    when: dict[str, Annotated[Condition, BeforeValidator(_expand_condition)]] = Field(default_factory=dict)
    event_id: MappedId | None = None
    lead_id: MappedId
    occurred_at: MappedInstant
    recorded_at: MappedInstant | None = None

    def sources(self) -> Iterator[tuple[str, TextSource | FlagSource | InstantSource | AmountSource]]:
        """Yield the mapped fields, in the order of their names."""
        for name in sorted(type(self).model_fields):
            if isinstance(source := getattr(self, name), FieldOrigin):
                yield name, source  # type: ignore[misc]  # these four are its subclasses


class CreatedPart(_FactPart):
    """Makes LeadCreated."""

    kind: Literal["lead-created"]
    origin: MappedText | None = None
    campaign_id: MappedText | None = None
    segment: MappedText | None = None
    owner_id: MappedText | None = None
    account_id: MappedText | None = None
    consent_expires_at: MappedInstant | None = None
    do_not_contact: Flag | None = None
    expected_amount: Amount | None = None


class UpdatedPart(_FactPart):
    """Makes LeadUpdated. An empty column leaves the value as it is; `empty: ""` removes it."""

    kind: Literal["lead-updated"]
    owner_id: MappedText | None = None
    segment: MappedText | None = None
    campaign_id: MappedText | None = None
    account_id: MappedText | None = None
    consent: ConsentFlag | None = None
    consent_expires_at: MappedInstant | None = None
    do_not_contact: Flag | None = None
    expected_amount: Amount | None = None
    currency: MappedText | None = None
    retracts: MappedId | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if all(getattr(self, name) is None for name in CHANGES):
            raise violation("a lead-updated needs a change", f"map at least one of {', '.join(CHANGES)}")
        return self


class ContactedPart(_FactPart):
    """Makes LeadContacted."""

    kind: Literal["lead-contacted"]
    by: Annotated[MappedText, AfterValidator(restricted_to(By))] | None = None
    activity: Annotated[MappedText, AfterValidator(restricted_to(Activity))] | None = None
    direction: Annotated[MappedText, AfterValidator(restricted_to(Direction))] | None = None
    outcome: Annotated[MappedText, AfterValidator(restricted_to(ContactOutcome))] | None = None
    owner_id: MappedText | None = None
    next_step_at: MappedInstant | None = None


class StalledPart(_FactPart):
    """Makes LeadStalled, declared by sales; stalls declared by the detector are not imported."""

    kind: Literal["lead-stalled"]
    reason: MappedText
    note: MappedText | None = None
    resume_at: MappedInstant | None = None


class ClosedPart(_FactPart):
    """Makes DealClosed."""

    kind: Literal["deal-closed"]
    outcome: Annotated[MappedText, AfterValidator(restricted_to(DealOutcome))]
    reason: MappedText | None = None
    amount: Amount | None = None
    currency: MappedText | None = None


KINDS = ("lead-created", "lead-updated", "lead-contacted", "deal-closed", "lead-stalled")


def _has_known_kind(part: object) -> object:
    if isinstance(part, dict) and (kind := part.get("kind")) not in KINDS:
        raise violation(f"kind {kind!r} is not a kind of fact", did_you_mean(kind, KINDS))
    return part


FactPart = Annotated[
    Annotated[CreatedPart | UpdatedPart | ContactedPart | StalledPart | ClosedPart, Field(discriminator="kind")],
    BeforeValidator(_has_known_kind),
]


def _encoding(name: str) -> str:
    try:
        is_text = codecs.lookup(name)._is_text_encoding  # noqa: SLF001  # open() checks the same
    except LookupError:
        is_text = False
    if not is_text:
        raise violation(f"{name!r} is not an encoding", "write one such as utf-8, cp1252 or utf-16-le")
    return name


def _delimiter(character: str) -> str:
    if character in '"\r\n\0':
        raise violation(f"{character!r} cannot separate values", "write one such as ';', or leave it out")
    return character


class Table(MappingModel):
    """One kind of file: how to read it, and the facts that each row becomes."""

    files: Annotated[tuple[str, ...], BeforeValidator(as_list), BeforeValidator(not_empty)]
    format: Format | None = None
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1), AfterValidator(_delimiter)] | None = None
    quotes: bool = True
    zone: Zone | None = None
    formats: TimeFormats = ("iso",)
    local_time: LocalTime = "first"
    empty_values: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()
    facts: Annotated[tuple[FactPart, ...], BeforeValidator(not_empty)]

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        named = [(f.event_id.column, f.event_id.prefix) for f in self.facts if f.event_id is not None]
        if len(set(named)) < len(named):
            raise violation("two facts of a row would share one event_id", "give one of them a `prefix:`")
        return self


class Mapping(MappingModel):
    """One mapping file. `source` becomes the source of every fact, and part of derived ids."""

    source: str = Field(min_length=1)
    zone: Zone = "UTC"
    tables: Annotated[dict[str, Table], BeforeValidator(not_empty)]


def parse_mapping(text: str, name: str) -> Mapping:
    """Read a mapping.

    Args:
        text: YAML.
        name: The name of the document in messages.

    Raises:
        DocumentError: it is invalid; with every error, its line and the fix.
    """
    return load(text, name, Mapping)


def load_mapping(path: Path) -> Mapping:
    """Read a mapping from a file.

    Raises:
        OSError: the file cannot be read.
        DocumentError: as `parse_mapping`.
    """
    return parse_mapping(path.read_text(encoding="utf-8"), str(path))
