"""The mapping document: how the columns of files become facts. docs/mapping.md explains it by example."""

import codecs
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from schemas.events import Activity, By, ContactOutcome, DealOutcome, Direction, LeadUpdated, Record
from streams.runtime.documents import did_you_mean, load, violation

from .field_sources import (
    Amount,
    AmountSource,
    ColumnName,
    ConsentFlag,
    EdgeOfDay,
    FieldOrigin,
    Flag,
    FlagSource,
    InstantSource,
    LocalTime,
    MappedId,
    MappedInstant,
    MappedLeadId,
    MappedText,
    MappingModel,
    TextSource,
    TimeFormats,
    Zone,
    as_list,
    not_empty,
    restricted_to,
)
from .kind_column import expand_kinds

Format = Literal["csv", "jsonl", "workbook"]
DerivedIds = Literal["stable", "content"]
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

    def excludes(self, other: "Condition") -> bool:
        """Whether it is certain that no cell meets both conditions."""
        mine, theirs = _folded(self.is_), _folded(other.is_)
        if mine and theirs and not mine & theirs:
            return True
        if (mine and mine <= _folded(other.is_not)) or (theirs and theirs <= _folded(self.is_not)):
            return True
        return {self.empty, other.empty} == {True, False}


def _folded(texts: tuple[str, ...]) -> set[str]:
    return {text.strip().casefold() for text in texts}


class _FactPart(MappingModel):
    when: dict[ColumnName, Annotated[Condition, BeforeValidator(_expand_condition)]] = Field(default_factory=dict)
    event_id: MappedId | None = None
    lead_id: MappedLeadId
    occurred_at: MappedInstant
    recorded_at: MappedInstant | None = None

    def sources(self) -> Iterator[tuple[str, TextSource | FlagSource | InstantSource | AmountSource]]:
        """Yield the mapped fields, in the order of their names."""
        for name in sorted(type(self).model_fields):
            if isinstance(source := getattr(self, name), FieldOrigin):
                yield name, source  # type: ignore[misc]  # these four are its subclasses

    def may_share_id(self, other: "_FactPart") -> bool:
        """Whether a row may make both facts, with one `event_id`."""
        if self.event_id is None or self.event_id != other.event_id:
            return False
        return not any(name in other.when and self.when[name].excludes(other.when[name]) for name in self.when)


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
    currency: MappedText | None = None


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


_FIELDS_OF = {
    part.model_fields["kind"].annotation.__args__[0]: tuple(part.model_fields)  # type: ignore[union-attr]  # a Literal
    for part in (CreatedPart, UpdatedPart, ContactedPart, StalledPart, ClosedPart)
}


def _expand_kinds(facts: object) -> object:
    return expand_kinds(facts, _FIELDS_OF)


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


READING_KEYS = ("format", "encoding", "delimiter", "quotes", "header", "sheet")
"""The keys of a table that say how its files are read; several tables of one file agree in them."""


class Table(MappingModel):
    """One kind of file: how to read it, and the facts that each row becomes.

    Attributes:
        header: The line of the column names, counted from 1; without it, the first line with all columns of the table.
        sheet: The name or the number, counted from 1, of the sheet of a workbook; without it, the one with all columns.
    """

    files: Annotated[tuple[str, ...], BeforeValidator(as_list), BeforeValidator(not_empty)]
    format: Format | None = None
    header: Annotated[int, Field(ge=1)] | None = None
    sheet: str | None = None
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1), AfterValidator(_delimiter)] | None = None
    quotes: bool = True
    zone: Zone | None = None
    formats: TimeFormats = ("iso",)
    local_time: LocalTime = "first"
    day: EdgeOfDay | None = None
    empty_values: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()
    facts: Annotated[tuple[FactPart, ...], BeforeValidator(_expand_kinds), BeforeValidator(not_empty)]

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        if any(one.may_share_id(other) for one, other in combinations(self.facts, 2)):
            fix = "give one of them a `prefix:`, or conditions in `when:` that exclude each other"
            raise violation("two facts of a row would share one event_id", fix)
        return self


class Mapping(MappingModel):
    """One mapping file. `source` becomes the source of every fact, and part of derived ids.

    Attributes:
        ids: What derived ids of contacts depend on: `stable`, on what never changes; `content`, on every field.
    """

    source: str = Field(min_length=1)
    ids: DerivedIds = "stable"
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
