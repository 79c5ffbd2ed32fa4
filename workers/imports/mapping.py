"""The mapping document: which columns of which files make which facts. docs/mapping.md explains it by example."""

import codecs
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from schemas.events import Activity, By, ContactOutcome, DealOutcome, Direction
from streams.domain.facts import MAX_TEXT
from streams.runtime.documents import did_you_mean, load, violation

Format = Literal["csv", "jsonl"]
LocalTime = Literal["first", "second", "reject"]
NAMED_FORMATS = ("iso", "epoch_s", "epoch_ms")
_PROBE = datetime(2020, 2, 29, 13, 14, 15)  # noqa: DTZ001  # formats are probed with a time of no zone


class _MappingModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, populate_by_name=True)


def _column_in_short(given: Any) -> Any:
    return {"column": given} if isinstance(given, str) else given


def _table_of_words(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    table = {str(key).strip().casefold(): value for key, value in given.items()}
    if len(table) < len(given):
        raise violation("two words differ only in case or blanks, which are not looked at", "keep one of them")
    return table


class _FieldSource(_MappingModel):
    """Where a field's value comes from: a column, read and translated, or a constant."""

    column: str | None = None

    def is_constant(self) -> bool:
        return self.column is None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.column is None) == (getattr(self, "constant", None) is None):
            raise violation("it must be known where the value comes from", "write either `column:` or `constant:`")
        return self


MappedWord = Annotated[str, Field(max_length=MAX_TEXT)]


class TextSource(_FieldSource):
    """A text: trimmed, then looked up in `values`, where given; `prefix` goes in front."""

    constant: MappedWord | None = None
    values: Annotated[dict[str, MappedWord], BeforeValidator(_table_of_words)] = Field(default_factory=dict)
    otherwise: MappedWord = "reject"  # of a word that is not in `values`; or "keep", or the word to take
    empty: MappedWord | None = None  # the word to take for an empty column; or "reject", or "skip" (no fact)
    prefix: MappedWord = ""

    def outcomes(self) -> Iterator[str]:
        """Every word that the mapping itself can put into the field."""
        yield from self.values.values()
        for word, spoken_for in ((self.otherwise, ("reject", "keep")), (self.empty, ("reject", "skip", None))):
            if word not in spoken_for:
                yield str(word)
        if self.constant is not None:
            yield self.constant


class FlagSource(_FieldSource):
    """Yes or no."""

    constant: bool | None = None
    values: Annotated[dict[str, bool], BeforeValidator(_table_of_words)] = Field(default_factory=dict)
    empty: bool | Literal["reject", "skip"] | None = None


def _time_format(text: str) -> str:
    if text in NAMED_FORMATS:
        return text
    if "%Z" in text:
        raise violation("%Z is not read reliably", "drop the zone's name from the column, or use %z (+02:00)")
    try:
        read = datetime.strptime(_PROBE.strftime(text), text)  # noqa: DTZ007  # a zone is applied when read
    except ValueError as error:
        known = ", ".join(NAMED_FORMATS)
        raise violation(f"{text!r} is no format: {error}", f"write {known}, or one such as %d.%m.%Y") from error
    if (read.year, read.month) != (_PROBE.year, _PROBE.month):
        raise violation(f"{text!r} names no year and month", "write %Y (or %y) and %m")
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:  # by what the name would be as a path
        raise violation(f"{name!r} is no zone", "write one such as UTC or Europe/Berlin") from error
    return name


def _as_list(given: Any) -> Any:
    return [given] if isinstance(given, str | int | float) else given


def _not_empty(given: Any) -> Any:
    if given in ([], {}, None):
        raise violation("nothing stands here", "write at least one, or leave the key out where it is optional")
    return given


TimeFormats = Annotated[
    tuple[Annotated[str, AfterValidator(_time_format)], ...], BeforeValidator(_as_list), BeforeValidator(_not_empty)
]
Zone = Annotated[str, AfterValidator(_zone)]


class InstantSource(_FieldSource):
    """An instant. What is left out is as the table says."""

    constant: str | None = None
    formats: TimeFormats | None = None
    zone: Zone | None = None
    local_time: LocalTime | None = None
    empty: Literal["reject", "skip"] | None = None


class AmountSource(_FieldSource):
    """Money, in minor units. A column holds major units with `digits` of minor ones: 2 for most, 0 for yen."""

    constant: int | None = None
    decimal: Literal[".", ","] = "."
    digits: int = Field(default=2, ge=0, le=4)
    empty: Literal["reject", "skip"] | None = None


def _words(allowed: Any) -> Callable[[TextSource], TextSource]:
    known = get_args(allowed)

    def check(source: TextSource) -> TextSource:
        for word in source.outcomes():
            if word not in known:
                raise violation(f"{word!r} is not known here", did_you_mean(word, known))
        return source

    return check


def _no_values(source: TextSource) -> TextSource:
    if source.values:
        raise violation("an id is taken as it stands", "leave `values:` out")
    return source


MappedText = Annotated[TextSource, BeforeValidator(_column_in_short)]
MappedId = Annotated[MappedText, AfterValidator(_no_values)]
Flag = Annotated[FlagSource, BeforeValidator(_column_in_short)]
MappedInstant = Annotated[InstantSource, BeforeValidator(_column_in_short)]
Amount = Annotated[AmountSource, BeforeValidator(_column_in_short)]


def _condition_in_short(given: Any) -> Any:
    return {"is": given} if isinstance(given, str | int | float | list) and not isinstance(given, bool) else given


class Condition(_MappingModel):
    """What a column must hold for a fact to arise. Case and blanks around are not looked at."""

    is_: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(default=(), alias="is")
    is_not: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(default=(), alias="not")
    empty: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.is_ and not self.is_not and self.empty is None:
            raise violation("nothing to look for", "write the words, or `not:` with words, or `empty: true` or `false`")
        return self


class _FactPart(_MappingModel):
    when: dict[str, Annotated[Condition, BeforeValidator(_condition_in_short)]] = Field(default_factory=dict)
    event_id: MappedId | None = None
    lead_id: MappedId
    occurred_at: MappedInstant
    recorded_at: MappedInstant | None = None

    def sources(self) -> Iterator[tuple[str, TextSource | FlagSource | InstantSource | AmountSource]]:
        """The fields that are mapped, in the order of their names."""
        for name in sorted(type(self).model_fields):
            if isinstance(source := getattr(self, name), _FieldSource):
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


class ContactedPart(_FactPart):
    """Makes LeadContacted."""

    kind: Literal["lead-contacted"]
    by: Annotated[MappedText, AfterValidator(_words(By))] | None = None
    activity: Annotated[MappedText, AfterValidator(_words(Activity))] | None = None
    direction: Annotated[MappedText, AfterValidator(_words(Direction))] | None = None
    outcome: Annotated[MappedText, AfterValidator(_words(ContactOutcome))] | None = None
    owner_id: MappedText | None = None
    next_step_at: MappedInstant | None = None


class StalledPart(_FactPart):
    """Makes LeadStalled, declared by sales: a detector's stalls are not imported."""

    kind: Literal["lead-stalled"]
    reason: MappedText
    note: MappedText | None = None
    resume_at: MappedInstant | None = None


class ClosedPart(_FactPart):
    """Makes DealClosed."""

    kind: Literal["deal-closed"]
    outcome: Annotated[MappedText, AfterValidator(_words(DealOutcome))]
    reason: MappedText | None = None
    amount: Amount | None = None
    currency: MappedText | None = None


KINDS = ("lead-created", "lead-contacted", "deal-closed", "lead-stalled")


def _known_kind(given: Any) -> Any:
    if isinstance(given, dict) and given.get("kind") not in KINDS:
        raise violation(f"kind {given.get('kind')!r} is no kind of fact", did_you_mean(given.get("kind"), KINDS))
    return given


FactPart = Annotated[
    Annotated[CreatedPart | ContactedPart | StalledPart | ClosedPart, Field(discriminator="kind")],
    BeforeValidator(_known_kind),
]


def _encoding(name: str) -> str:
    try:
        is_text = codecs.lookup(name)._is_text_encoding  # noqa: SLF001  # open() looks at the same
    except LookupError:
        is_text = False
    if not is_text:
        raise violation(f"{name!r} is no encoding", "write one such as utf-8, cp1252 or utf-16-le")
    return name


def _delimiter(character: str) -> str:
    if character in '"\r\n\0':
        raise violation(f"{character!r} separates no values", "write one such as ';', or leave it out")
    return character


class Table(_MappingModel):
    """One kind of file: how to read it, and the facts of each of its rows."""

    files: Annotated[tuple[str, ...], BeforeValidator(_as_list), BeforeValidator(_not_empty)]
    format: Format | None = None
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1), AfterValidator(_delimiter)] | None = None
    quotes: bool = True
    zone: Zone | None = None
    formats: TimeFormats = ("iso",)
    local_time: LocalTime = "first"
    empty_values: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()
    facts: Annotated[tuple[FactPart, ...], BeforeValidator(_not_empty)]

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        named = [(f.event_id.column, f.event_id.prefix) for f in self.facts if f.event_id is not None]
        if len(set(named)) < len(named):
            raise violation("two facts of a row would share one event_id", "give one of them a `prefix:`")
        return self


class Mapping(_MappingModel):
    """One mapping file. `source` becomes the source of every fact and part of the ids that are derived."""

    source: str = Field(min_length=1)
    zone: Zone = "UTC"
    tables: Annotated[dict[str, Table], BeforeValidator(_not_empty)]


def parse_mapping(text: str, name: str) -> Mapping:
    """The mapping that this YAML says. Raises streams.runtime.documents.DocumentError with every fault and its line."""
    return load(text, name, Mapping)


def load_mapping(path: Path) -> Mapping:
    """As parse_mapping, out of a file. Raises OSError where it cannot be read."""
    return parse_mapping(path.read_text(encoding="utf-8"), str(path))
