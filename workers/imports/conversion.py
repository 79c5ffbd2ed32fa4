"""Converts rows to facts by a mapping. Pure: the same row always becomes the same facts with the same ids."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, get_args, get_origin, get_type_hints

import msgspec

from schemas.events import DealClosed, LeadContacted, LeadCreated, LeadStalled, LeadUpdated
from schemas.instants import FUTURE_MS
from schemas.topics import MAX_LEAD_ID
from streams.domain.facts import MAX_TEXT

from .errors import RowError
from .field_sources import AmountSource, FlagSource, InstantSource, TextSource
from .flags import names_of, to_flag, words_of
from .mapping import CHANGES, Condition, DerivedIds, FactPart, Table
from .stable_ids import unstable_fields, without
from .timestamps import UncertainTimes, to_instant
from .values import (
    Cell,
    Convert,
    EmptyCells,
    FieldValue,
    text_of,
    to_amount,
    to_currency,
    to_mapped_value,
    to_text,
)

Row = Sequence[Cell]
ImportedFact = LeadCreated | LeadUpdated | LeadContacted | LeadStalled | DealClosed
FieldSource = TextSource | FlagSource | InstantSource | AmountSource

RECORDS: Mapping[str, type[ImportedFact]] = {
    "lead-created": LeadCreated,
    "lead-updated": LeadUpdated,
    "lead-contacted": LeadContacted,
    "deal-closed": DealClosed,
    "lead-stalled": LeadStalled,
}
CONSTRUCTORS: Mapping[str, Callable[..., ImportedFact]] = RECORDS
"""The constructors by kind. Their arguments are read by the types of the record, which no type checker can follow."""

RANKS: Mapping[str, int] = {
    kind: rank for rank, kind in enumerate(RECORDS)
}  # the order of facts with equal times, as in streams
_REQUIRED = {"lead_id", "occurred_at", "event_id"}
_REQUIRED_OF = {"deal-closed": {"outcome"}, "lead-stalled": {"reason"}}
_encode = msgspec.msgpack.Encoder().encode


def changes_nothing(kind: str, content: Collection[str]) -> bool:
    """Whether a fact with these fields is an update without a change: it is no fact."""
    return kind == "lead-updated" and not any(name in content for name in CHANGES)


def derived_id(source: str, kind: str, content: Mapping[str, object]) -> str:
    """Derive the id of a fact that has none: a digest of its content.

    Args:
        source: The source of the fact.
        kind: The kind of the fact.
        content: The fields that have a value, in the order of their names. A field that is added to the record later,
            or to the mapping and is empty, changes no id.
    """
    return hashlib.blake2b(_encode((source, kind, content)), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class ConversionContext:
    """What all conversions of one import share.

    Attributes:
        source: The source of the facts.
        zone: The time zone of local times, unless the table or the field has one.
        now: Epoch ms; the `recorded_at` of the facts, and the bound for times in the future.
        uncertain_times: Counts ambiguous local times.
        ids: Whether derived ids depend on what never changes, or on every field.
    """

    source: str
    zone: str
    now: int
    uncertain_times: UncertainTimes = field(default_factory=UncertainTimes)
    ids: DerivedIds = "stable"


@dataclass(frozen=True, slots=True)
class _Step:
    name: str
    column: str
    index: int
    convert: Convert


class FactBuilder:
    """Makes one fact of a row, or none if its conditions do not hold."""

    def __init__(self, part: FactPart, columns: Sequence[str], table: Table, context: ConversionContext) -> None:
        compiler = _Compiler(part, table, context)
        index_of = {name: index for index, name in enumerate(columns)}
        self.kind = part.kind
        self.rank = RANKS[part.kind]
        self._construct = CONSTRUCTORS[part.kind]
        self._context = context
        self._unstable = unstable_fields(part.kind, context.ids)
        self._conditions = [(name, index_of[name], holds) for name, holds in compiler.conditions()]
        self._steps = [
            _Step(name, source.column or "", index_of.get(source.column or "", 0), compiler.convert(name, source))
            for name, source in part.sources()
        ]

    def make(self, row: Row) -> ImportedFact | None:
        """Return the fact of this row; None if its conditions do not hold, or it would be an update without a change.

        Raises:
            RowError: a cell is invalid; with its column.
        """
        if not self._meets_conditions(row):
            return None
        content = self._content(row)
        return None if changes_nothing(self.kind, content) else self._build(content)

    def _meets_conditions(self, row: Row) -> bool:
        for column, index, holds in self._conditions:
            try:
                if not holds(row[index]):
                    return False
            except RowError as error:
                raise error.at(column, row[index]) from None
        return True

    def _content(self, row: Row) -> dict[str, FieldValue]:
        content: dict[str, FieldValue] = {}
        for step in self._steps:
            try:
                value = step.convert(row[step.index])
            except RowError as error:
                raise error.at(step.column, row[step.index]) from None
            if value is not None:
                content[step.name] = value
        return content

    def _build(self, content: dict[str, FieldValue]) -> ImportedFact:
        source = self._context.source
        recorded_at = content.pop("recorded_at", self._context.now)
        event_id = content.pop("event_id", None) or derived_id(source, self.kind, without(content, self._unstable))
        return self._construct(event_id=event_id, source=source, recorded_at=recorded_at, **content)


class TableConverter:
    """Converts the rows of one table. A row has the cells of `columns`, in that order.

    Raises:
        RowError: a constant of the mapping is not valid for its field.
    """

    def __init__(self, table: Table, context: ConversionContext) -> None:
        self.columns = _columns(table)
        self.builders = [FactBuilder(part, self.columns, table, context) for part in table.facts]

    def facts(self, row: Row) -> list[tuple[int, ImportedFact]]:
        """Return the facts of a row, each with its rank.

        Raises:
            RowError: the row is invalid: none of its facts may be published.
        """
        made = [(builder.rank, builder.make(row)) for builder in self.builders]
        return [(rank, fact) for rank, fact in made if fact is not None]


def _columns(table: Table) -> tuple[str, ...]:
    sources = [source.column for part in table.facts for _, source in part.sources() if source.column is not None]
    conditions = [column for part in table.facts for column in part.when]
    return tuple(dict.fromkeys(sources + conditions))


class _Compiler:
    """Finds the converter of each field of one fact."""

    def __init__(self, part: FactPart, table: Table, context: ConversionContext) -> None:
        self._part = part
        self._table = table
        self._context = context
        self._required = _REQUIRED | _REQUIRED_OF.get(part.kind, set())

    def conditions(self) -> list[tuple[str, Callable[[Cell], bool]]]:
        written = [(column, _holds(condition, self._table)) for column, condition in self._part.when.items()]
        skipped = [
            (source.column, _holds(Condition(empty=False), self._table))
            for _, source in self._part.sources()
            if source.column is not None and source.empty == "skip"
        ]
        return written + skipped

    def convert(self, name: str, source: FieldSource) -> Convert:
        if isinstance(source, AmountSource) and source.is_constant():
            return lambda _: source.constant
        read = self._reader(name, source, self._empties(name, source))
        if not source.is_constant():
            return read
        try:
            constant = read(source.constant)
        except RowError as error:
            raise error.at(f"{name} of {self._part.kind}", source.constant) from None
        return lambda _: constant

    def _empties(self, name: str, source: FieldSource) -> EmptyCells:
        replacement = source.empty
        if replacement is None and name in self._required:
            replacement = "reject"
        if source.is_constant():
            return EmptyCells((), "" if self._hint(name) == str | None else replacement)
        return EmptyCells(self._table.empty_values, replacement)

    def _reader(self, name: str, source: FieldSource, empties: EmptyCells) -> Convert:
        match source:
            case InstantSource():
                return self._instant(name, source, empties)
            case FlagSource():
                values = {} if source.is_constant() else source.values
                return to_flag(empties, values, words_of(name), names_of(name, self._hint(name)))
            case AmountSource():
                return to_amount(empties, source.decimal, source.digits)
            case TextSource():
                return self._text(name, source, empties)

    def _text(self, name: str, source: TextSource, empties: EmptyCells) -> Convert:
        hint = self._hint(name)
        allowed = get_args(hint) if get_origin(hint) is Literal else ()
        otherwise = source.otherwise if source.values else "keep"
        if name == "currency":
            return to_currency(empties, source.values, otherwise)
        if allowed or source.values:
            return to_mapped_value(empties, source.values, otherwise, allowed, source.prefix, MAX_TEXT)
        is_note, is_id = name == "note", name in ("lead_id", "event_id")
        longest = None if is_note else MAX_LEAD_ID if is_id else MAX_TEXT
        return to_text(empties, source.prefix, breaks=is_note, longest=longest)

    def _instant(self, name: str, source: InstantSource, empties: EmptyCells) -> Convert:
        return to_instant(
            empties,
            source.formats or self._table.formats,
            source.zone or self._table.zone or self._context.zone,
            source.local_time or self._table.local_time,
            self._context.uncertain_times,
            self._context.now + FUTURE_MS if name == "occurred_at" else None,
        )

    def _hint(self, name: str) -> object:
        return _hints_of(RECORDS[self._part.kind])[name]


_hints_of = cache(get_type_hints)


def _holds(condition: Condition, table: Table) -> Callable[[Cell], bool]:
    empties = EmptyCells(table.empty_values, None)
    wanted = frozenset(text.strip().casefold() for text in condition.is_)
    unwanted = frozenset(text.strip().casefold() for text in condition.is_not)

    def holds(cell: Cell) -> bool:
        text = text_of(cell).casefold()
        if condition.empty is not None and (text in empties) is not condition.empty:
            return False
        return (not wanted or text in wanted) and text not in unwanted

    return holds
