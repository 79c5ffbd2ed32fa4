"""The field sources of a mapping: the column or the constant that gives a field its value, and how it is converted."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from streams.domain.facts import MAX_TEXT
from streams.runtime.documents import did_you_mean, violation

LocalTime = Literal["first", "second", "reject"]
NAMED_FORMATS = ("iso", "epoch_s", "epoch_ms")
_PROBE = datetime(2020, 2, 29, 13, 14, 15)  # noqa: DTZ001  # formats are tested with a time without zone


class MappingModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, populate_by_name=True)


def _expand_column(value: object) -> object:
    """`field: NAME` is short for `field: {column: NAME}`."""
    return {"column": value} if isinstance(value, str) else value


def _fold_keys(table: object) -> object:
    if not isinstance(table, dict):
        return table
    folded = {str(key).strip().casefold(): value for key, value in table.items()}
    if len(folded) < len(table):
        raise violation("two keys differ only in case or surrounding blanks, which are ignored", "keep one of them")
    return folded


class FieldOrigin(MappingModel):
    """The origin of a field's value: a column, whose cells are converted, or a constant."""

    column: str | None = None

    def is_constant(self) -> bool:
        return self.column is None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.column is None) == (getattr(self, "constant", None) is None):
            raise violation("either a column or a constant is needed", "write either `column:` or `constant:`")
        return self


ShortText = Annotated[str, Field(max_length=MAX_TEXT)]


class TextSource(FieldOrigin):
    """A text: trimmed, then looked up in `values`, if there are any; `prefix` is put before it.

    Attributes:
        otherwise: For a text that is not in `values`: "reject", "keep", or the value.
        empty: For an empty cell: "reject", "skip" (the row makes no such fact), or the value; None is no value.
    """

    constant: ShortText | None = None
    values: Annotated[dict[str, ShortText], BeforeValidator(_fold_keys)] = Field(default_factory=dict)
    otherwise: ShortText = "reject"
    empty: ShortText | None = None
    prefix: ShortText = ""

    def written_values(self) -> Iterator[str]:
        """Yield every value that the mapping itself writes into the field."""
        yield from self.values.values()
        for text, keywords in ((self.otherwise, ("reject", "keep")), (self.empty, ("reject", "skip", None))):
            if text not in keywords:
                yield str(text)
        if self.constant is not None:
            yield self.constant


class FlagSource(FieldOrigin):
    """A boolean."""

    constant: bool | None = None
    values: Annotated[dict[str, bool], BeforeValidator(_fold_keys)] = Field(default_factory=dict)
    empty: bool | Literal["reject", "skip"] | None = None


_CONSENTS = {"granted": True, "withdrawn": False}


def _consents(source: object) -> object:
    """Read the words of a consent as booleans, wherever the mapping writes one."""
    if not isinstance(source, dict):
        return source
    read = {key: _CONSENTS.get(value, value) if isinstance(value, str) else value for key, value in source.items()}
    if isinstance(values := read.get("values"), dict):
        read["values"] = {key: _CONSENTS.get(value, value) for key, value in values.items()}
    return read


def _time_format(text: str) -> str:
    if text in NAMED_FORMATS:
        return text
    if "%Z" in text:
        raise violation("%Z cannot be read reliably", "drop the zone's name from the column, or use %z (+02:00)")
    try:
        read = datetime.strptime(_PROBE.strftime(text), text)  # noqa: DTZ007  # a zone is applied when read
    except ValueError as error:
        known = ", ".join(NAMED_FORMATS)
        raise violation(f"{text!r} is not a format: {error}", f"write {known}, or one such as %d.%m.%Y") from error
    if (read.year, read.month) != (_PROBE.year, _PROBE.month):
        raise violation(f"{text!r} has no year and month", "write %Y (or %y) and %m")
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:  # depends on what the name would be as a path
        raise violation(f"{name!r} is not a time zone", "write one such as UTC or Europe/Berlin") from error
    return name


def as_list(value: object) -> object:
    return [value] if isinstance(value, str | int | float) else value


def not_empty(value: object) -> object:
    if value in ([], {}, None):
        raise violation("the value is empty", "write at least one, or leave the key out if it is optional")
    return value


TimeFormats = Annotated[
    tuple[Annotated[str, AfterValidator(_time_format)], ...], BeforeValidator(as_list), BeforeValidator(not_empty)
]
Zone = Annotated[str, AfterValidator(_zone)]


class InstantSource(FieldOrigin):
    """An instant. The table has the defaults of what is left out."""

    constant: str | None = None
    formats: TimeFormats | None = None
    zone: Zone | None = None
    local_time: LocalTime | None = None
    empty: Literal["reject", "skip"] | None = None


class AmountSource(FieldOrigin):
    """An amount in minor units. A column holds major units; `digits`: the minor digits, 2 for most, 0 for yen."""

    constant: int | None = None
    decimal: Literal[".", ","] = "."
    digits: int = Field(default=2, ge=0, le=4)
    empty: Literal["reject", "skip"] | None = None


def restricted_to(allowed: object) -> Callable[[TextSource], TextSource]:
    """Make a validator: the mapping may write only the values of a Literal."""
    known = get_args(allowed)

    def check(source: TextSource) -> TextSource:
        for value in source.written_values():
            if value not in known:
                raise violation(f"{value!r} is not known here", did_you_mean(value, known))
        return source

    return check


def _no_values(source: TextSource) -> TextSource:
    if source.values:
        raise violation("an id is not translated", "leave `values:` out")
    return source


MappedText = Annotated[TextSource, BeforeValidator(_expand_column)]
MappedId = Annotated[MappedText, AfterValidator(_no_values)]
Flag = Annotated[FlagSource, BeforeValidator(_expand_column)]
ConsentFlag = Annotated[FlagSource, BeforeValidator(_consents), BeforeValidator(_expand_column)]
MappedInstant = Annotated[InstantSource, BeforeValidator(_expand_column)]
Amount = Annotated[AmountSource, BeforeValidator(_expand_column)]
