"""Field sources of a mapping: where the value of one field comes from, and how its text is read."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from streams.domain.facts import MAX_TEXT
from streams.runtime.documents import did_you_mean, violation

LocalTime = Literal["first", "second", "reject"]
NAMED_FORMATS = ("iso", "epoch_s", "epoch_ms")
_PROBE = datetime(2020, 2, 29, 13, 14, 15)  # noqa: DTZ001  # formats are probed with a time of no zone


class MappingModel(BaseModel):
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


class FieldOrigin(MappingModel):
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


class TextSource(FieldOrigin):
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


class FlagSource(FieldOrigin):
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


def as_list(given: Any) -> Any:
    return [given] if isinstance(given, str | int | float) else given


def not_empty(given: Any) -> Any:
    if given in ([], {}, None):
        raise violation("nothing stands here", "write at least one, or leave the key out where it is optional")
    return given


TimeFormats = Annotated[
    tuple[Annotated[str, AfterValidator(_time_format)], ...], BeforeValidator(as_list), BeforeValidator(not_empty)
]
Zone = Annotated[str, AfterValidator(_zone)]


class InstantSource(FieldOrigin):
    """An instant. What is left out is as the table says."""

    constant: str | None = None
    formats: TimeFormats | None = None
    zone: Zone | None = None
    local_time: LocalTime | None = None
    empty: Literal["reject", "skip"] | None = None


class AmountSource(FieldOrigin):
    """Money, in minor units. A column holds major units with `digits` of minor ones: 2 for most, 0 for yen."""

    constant: int | None = None
    decimal: Literal[".", ","] = "."
    digits: int = Field(default=2, ge=0, le=4)
    empty: Literal["reject", "skip"] | None = None


def words_of(allowed: Any) -> Callable[[TextSource], TextSource]:
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
