"""The field sources of a mapping: the column or the constant that gives a field its value, and how it is converted."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Literal, Self, TypeVar, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from schemas.texts import comparable, visible
from streams.domain.facts import MAX_TEXT
from streams.runtime.documents import did_you_mean, violation

LocalTime = Literal["first", "second", "reject"]
EdgeOfDay = Literal["start", "end"]
NAMED_FORMATS = ("iso", "epoch_s", "epoch_ms", "excel")
RECEIVED = "received"
"""In place of a time: when the item was received. Only webhooks have such a time."""
_PROBE = datetime(2020, 2, 29, 13, 14, 15)  # noqa: DTZ001  # formats are tested with a time without zone


class MappingModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, populate_by_name=True)


def _expand_column(value: object) -> object:
    """`field: NAME` is short for `field: {column: NAME}`, `column: [A, B]` for A with the fall-back B."""
    source = {"column": value} if isinstance(value, str | list) else value
    if not isinstance(source, dict) or not isinstance(columns := source.get("column"), list):
        return source
    if len(columns) < 2 or not all(isinstance(column, str | int) for column in columns):  # noqa: PLR2004  # a choice
        raise violation("a list of columns has at least two names", "write `column: NAME`, or `column: [NAME, NAME]`")
    return {**source, "column": columns[0], "fallbacks": columns[1:]}


def _fold_keys(table: object) -> object:
    if not isinstance(table, dict):
        return table
    folded = {comparable(str(key)): value for key, value in table.items()}
    if len(folded) < len(table):
        raise violation("two keys differ only in case or surrounding blanks, which are ignored", "keep one of them")
    return folded


ColumnName = Annotated[str, AfterValidator(visible)]


class FieldOrigin(MappingModel):
    """The origin of a field's value: a column, whose cells are converted, or a constant.

    Attributes:
        fallbacks: Columns that are read in this order if the one before is empty (or a time in the future).
    """

    column: ColumnName | None = None
    fallbacks: tuple[ColumnName, ...] = ()

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
        fold: Lower case: the texts do not differ by case.
        pad: Digits are filled to this length with leading zeros.
        salesforce: Ids of 15 characters become those of 18.
        grouped: Ids may look like grouped numbers (4.711): otherwise such an id is rejected.
    """

    constant: ShortText | None = None
    values: Annotated[dict[str, ShortText], BeforeValidator(_fold_keys)] = Field(default_factory=dict)
    otherwise: ShortText = "reject"
    empty: ShortText | None = None
    prefix: ShortText = ""
    fold: bool = False
    pad: int | None = Field(default=None, ge=1, le=64)
    salesforce: bool = False
    grouped: bool = False

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        if self.values and (self.fold or self.pad or self.salesforce):
            raise violation("`values:` gives each text its value", "leave `fold:`, `pad:` and `salesforce:` out")
        return self

    def written_values(self) -> Iterator[str]:
        """Yield every value that the mapping itself writes into the field."""
        yield from self.values.values()
        for text, keywords in ((self.otherwise, ("reject", "keep")), (self.empty, ("reject", "skip", None))):
            if text not in keywords:
                yield str(text)
        if self.constant is not None:
            yield self.constant


class LeadIdSource(TextSource):
    """The id of a lead; with `split`, the cell contains several, separated by that text: one fact for each."""

    split: Annotated[str, Field(min_length=1, max_length=3)] | None = None


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
    """An instant. The table has the defaults of what is left out.

    Attributes:
        constant: A time, or RECEIVED.
        day: The instant of its day that a date without a time means.
        empty: For an empty cell: as for a text, or RECEIVED.
    """

    constant: str | None = None
    formats: TimeFormats | None = None
    zone: Zone | None = None
    local_time: LocalTime | None = None
    day: EdgeOfDay | None = None
    empty: Literal["reject", "skip", "received"] | None = None


class AmountSource(FieldOrigin):
    """An amount in minor units. A column holds major units.

    Attributes:
        digits: The minor digits; None for those of the currency.
        grouped: Whether thousands may be grouped: then `1.250` is doubtful, and rejected.
        currency: The column with the currency, if the fact has no field for it.
    """

    constant: int | None = None
    decimal: Literal[".", ","] = "."
    digits: int | None = Field(default=None, ge=0, le=4)
    grouped: bool = True
    currency: ColumnName | None = None
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


Text = TypeVar("Text", bound=TextSource)


def _no_values(source: Text) -> Text:
    if source.values:
        raise violation("an id is not translated", "leave `values:` out")
    return source


MappedText = Annotated[TextSource, BeforeValidator(_expand_column)]
MappedId = Annotated[MappedText, AfterValidator(_no_values)]
MappedLeadId = Annotated[LeadIdSource, BeforeValidator(_expand_column), AfterValidator(_no_values)]
Flag = Annotated[FlagSource, BeforeValidator(_expand_column)]
ConsentFlag = Annotated[FlagSource, BeforeValidator(_consents), BeforeValidator(_expand_column)]
MappedInstant = Annotated[InstantSource, BeforeValidator(_expand_column)]
Amount = Annotated[AmountSource, BeforeValidator(_expand_column)]
