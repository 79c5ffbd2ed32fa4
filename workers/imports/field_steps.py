"""Finds how each field of a fact gets its value from a row: the cells, their converters and the order of columns."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args, get_origin

from schemas.instants import FUTURE_MS
from schemas.texts import comparable
from schemas.topics import MAX_LEAD_ID
from streams.domain.facts import MAX_TEXT

from .errors import RowError
from .field_sources import RECEIVED, AmountSource, FlagSource, InstantSource, TextSource
from .flags import names_of, to_flag, words_of
from .mapping import Condition, DerivedIds, FactPart, Table
from .money import Scale, to_amount, to_currency
from .records import ENDS, hint_of, is_required
from .timestamps import TimeReading, UncertainTimes, to_instant
from .values import MAX_CACHED, Cell, Convert, EmptyCells, FieldValue, text_of, to_id, to_mapped_value, to_text

Row = Sequence[Cell]
FieldSource = TextSource | FlagSource | InstantSource | AmountSource
Holds = Callable[[Cell], bool]
EvidentFormats = Mapping[tuple[str, Sequence[str]], Collection[str]]
"""By column and its formats: the formats that alone fit some of its cells."""

_IDS = ("lead_id", "event_id", "retracts")


@dataclass(frozen=True, slots=True)
class ConversionContext:
    """What all conversions of one import share.

    Attributes:
        source: The source of the facts.
        zone: The time zone of local times, unless the table or the field has one.
        now: Epoch ms; the `recorded_at` of the facts, and the bound for times in the future.
        uncertain_times: Counts ambiguous local times.
        ids: Whether derived ids depend on what never changes, or on every field.
        received_at: When the item was received (epoch ms); None for files, which have no such time.
        evident_formats: Of the columns of this file.
    """

    source: str
    zone: str
    now: int
    uncertain_times: UncertainTimes = field(default_factory=UncertainTimes)
    ids: DerivedIds = "stable"
    received_at: int | None = None
    evident_formats: EvidentFormats = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FieldStep:
    """How one field gets its value from a row.

    Attributes:
        convert: Converts the cell; None for an amount in the currency of another column (`scaled`).
        skips: Without a value, the row makes no such fact.
        fallback: Tried if the cell holds no value, or a time in the future.
    """

    column: str
    index: int
    convert: Convert | None
    scaled: "ScaledAmount | None" = None
    skips: bool = False
    fallback: "FieldStep | None" = None

    def value(self, row: Row) -> FieldValue | None:
        """Return the value of the field; None if it is not given.

        Raises:
            RowError: the cell is invalid; with its column.
        """
        convert = self.convert or self.scaled_converter(row)
        try:
            value = convert(row[self.index])
        except RowError as error:
            if self.fallback is None or error.reason != "in_the_future":
                raise error.at(self.column, row[self.index]) from None
            value = None
        return self.fallback.value(row) if value is None and self.fallback is not None else value

    def scaled_converter(self, row: Row) -> Convert:
        if self.scaled is None:  # pragma: no cover  # a step has one of them
            raise TypeError(f"{self.column} has no converter")
        return self.scaled.converter(row)


@dataclass(frozen=True, slots=True)
class ScaledAmount:
    """An amount whose minor digits are those of the currency in another column."""

    scale: Scale
    index: int
    currency: Convert

    def converter(self, row: Row) -> Convert:
        """Return the converter for the currency of this row."""
        try:
            return self.scale(str(self.currency(row[self.index]) or ""))
        except RowError:  # the field `currency` reports it, if the fact has one
            return self.scale("")


StepOfField = tuple[str, int, Convert | None, FieldStep]
"""Name, index of the cell and converter, if that is all it takes (otherwise None), and the step."""


class FieldSteps:
    """Finds the steps of one fact."""

    def __init__(self, part: FactPart, columns: Sequence[str], table: Table, context: ConversionContext) -> None:
        self._part = part
        self._table = table
        self._context = context
        self._index_of = {name: index for index, name in enumerate(columns)}

    def conditions(self) -> list[tuple[str, int, Holds]]:
        """Return what must hold for the fact: column, index of the cell, and test."""
        written = list(self._part.when.items())
        skipped = [
            (source.column, Condition(empty=False))
            for _, source in self._part.sources()
            if source.column is not None and source.empty == "skip" and not source.fallbacks
        ]
        return [(name, self._index_of[name], _holds(condition, self._table)) for name, condition in written + skipped]

    def steps(self) -> list[StepOfField]:
        """Return the steps of the mapped fields, in the order of their names."""
        return [self._step_of(name, source) for name, source in self._part.sources()]

    def _step_of(self, name: str, source: FieldSource) -> StepOfField:
        step: FieldStep | None = None
        if isinstance(source, InstantSource) and source.empty == RECEIVED:
            step = FieldStep("", 0, _constant(self._received_at(name)))
        for column in reversed((source.column or "", *source.fallbacks)):
            step = self._step(name, source, column, step)
        assert step is not None  # noqa: S101  # there is at least one column, or a constant
        is_simple = step.fallback is None and step.scaled is None
        return name, step.index, step.convert if is_simple else None, step

    def _step(self, name: str, source: FieldSource, column: str, fallback: FieldStep | None) -> FieldStep:
        index, skips = self._index_of.get(column, 0), source.empty == "skip"
        if isinstance(source, AmountSource) and not source.is_constant():
            scale = to_amount(self._empties(name, source, fallback), source)
            scaled = self._scaled(source, scale)
            convert = scale(self._constant_currency()) if scaled is None else None
            return FieldStep(column, index, convert, scaled, skips, fallback)
        return FieldStep(column, index, self._converter(name, source, column, fallback), None, skips, fallback)

    def _scaled(self, source: AmountSource, scale: Scale) -> ScaledAmount | None:
        currency: TextSource | None = getattr(self._part, "currency", None)
        if source.currency is not None:
            currency = TextSource(column=source.currency, otherwise="keep")
        if source.digits is not None or currency is None or currency.column is None:
            return None
        return ScaledAmount(scale, self._index_of[currency.column], self._currency(currency, EmptyCells((), None)))

    def _constant_currency(self) -> str:
        currency: TextSource | None = getattr(self._part, "currency", None)
        return (currency.constant or "").upper() if currency is not None else ""

    def _converter(self, name: str, source: FieldSource, column: str, fallback: FieldStep | None) -> Convert:
        if isinstance(source, AmountSource):
            return _constant(source.constant)
        if isinstance(source, InstantSource) and source.constant == RECEIVED:
            return _constant(self._received_at(name))
        read = self._reader(name, source, column, self._empties(name, source, fallback))
        if not source.is_constant():
            return read
        try:
            return _constant(read(source.constant))
        except RowError as error:
            raise error.at(f"{name} of {self._part.kind}", source.constant) from None

    def _received_at(self, name: str) -> int:
        if self._context.received_at is None:
            advice = "only webhooks have a time of receipt: name a column"
            raise RowError("not_a_time", advice, f"{name} of {self._part.kind}", RECEIVED)
        return self._context.received_at

    def _empties(self, name: str, source: FieldSource, fallback: FieldStep | None) -> EmptyCells:
        replacement = source.empty
        if fallback is not None:
            replacement = None
        elif replacement is None and is_required(self._part.kind, name):
            replacement = "reject"
        if source.is_constant():
            return EmptyCells((), "" if self._hint(name) == str | None else replacement)
        return EmptyCells(self._table.empty_values, replacement)

    def _reader(
        self, name: str, source: TextSource | FlagSource | InstantSource, column: str, empties: EmptyCells
    ) -> Convert:
        match source:
            case InstantSource():
                return to_instant(empties, self._reading(name, source, column, empties), self._context.uncertain_times)
            case FlagSource():
                values = {} if source.is_constant() else source.values
                return to_flag(empties, values, words_of(name), names_of(name, self._hint(name)))
            case TextSource():
                return self._text(name, source, empties)

    def _text(self, name: str, source: TextSource, empties: EmptyCells) -> Convert:
        hint = self._hint(name)
        allowed = get_args(hint) if get_origin(hint) is Literal else ()
        if name == "currency":
            return self._currency(source, empties)
        if allowed or source.values:
            return to_mapped_value(empties, source.values, _otherwise(source), allowed, source.prefix, MAX_TEXT)
        if name in _IDS:
            longest = MAX_TEXT if name == "retracts" else MAX_LEAD_ID
            return to_id(empties, source, longest, recur=name == "lead_id")
        is_note = name == "note"
        return to_text(empties, source, None if is_note else MAX_TEXT, breaks=is_note)

    @staticmethod
    def _currency(source: TextSource, empties: EmptyCells) -> Convert:
        return to_currency(empties, source.values, _otherwise(source))

    def _reading(self, name: str, source: InstantSource, column: str, empties: EmptyCells) -> TimeReading:
        table, is_time_of_fact = self._table, name == "occurred_at"
        formats = source.formats or table.formats
        by_kind: Literal["start", "end"] = "end" if self._part.kind in ENDS else "start"
        return TimeReading(
            formats=formats,
            zone=source.zone or table.zone or self._context.zone,
            local_time=source.local_time or table.local_time,
            day=source.day or (table.day or by_kind if is_time_of_fact else "start"),
            latest=self._context.now + FUTURE_MS if is_time_of_fact else None,
            is_required=empties.are_rejected,
            evident=self._context.evident_formats.get((column, formats), ()),
        )

    def _hint(self, name: str) -> object:
        return hint_of(self._part.kind, name)


def columns_of(source: FieldSource) -> Iterator[str]:
    """Yield the columns that a field is read from."""
    if source.column is not None:
        yield from (source.column, *source.fallbacks)
    if isinstance(source, AmountSource) and source.currency is not None:
        yield source.currency


def _constant(value: FieldValue | None) -> Convert:
    return lambda _: value


def _otherwise(source: TextSource) -> str:
    return source.otherwise if source.values else "keep"


def _holds(condition: Condition, table: Table) -> Holds:
    empties = EmptyCells(table.empty_values, None)
    wanted = frozenset(map(comparable, condition.is_))
    unwanted = frozenset(map(comparable, condition.is_not))
    known: dict[str, bool] = {}

    def holds(cell: Cell) -> bool:
        if type(cell) is str and (held := known.get(cell)) is not None:
            return held
        text = comparable(text_of(cell))
        is_as_empty = condition.empty is None or (text in empties) is condition.empty
        held = is_as_empty and (not wanted or text in wanted) and text not in unwanted
        if type(cell) is str and len(cell) <= MAX_TEXT and len(known) < MAX_CACHED:
            known[cell] = held
        return held

    return holds
