"""Converts rows to facts by a mapping. Pure: the same row always becomes the same facts with the same ids."""

import hashlib
from collections.abc import Collection, Mapping, Sequence

import msgspec

from schemas.instants import FUTURE_MS
from streams.domain.facts import MAX_TEXT
from workers.values.times import PLACEHOLDERS, remove_placeholders

from .errors import RowError
from .field_steps import ConversionContext, FieldSteps, Row, columns_of
from .mapping import CHANGES, FactPart, Table
from .records import CONSTRUCTORS, RANKS, ImportedFact
from .stable_ids import unstable_fields, without
from .values import ID_SEPARATOR, FieldValue, within

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


class FactBuilder:
    """Makes the facts of one kind of a row: one, or none by its conditions, or one for each id of a split cell."""

    def __init__(self, part: FactPart, columns: Sequence[str], table: Table, context: ConversionContext) -> None:
        steps = FieldSteps(part, columns, table, context)
        self.kind = part.kind
        self.rank = RANKS[part.kind]
        self._construct = CONSTRUCTORS[part.kind]
        self._context = context
        self._latest = context.now + FUTURE_MS
        names = {name for name, _ in part.sources()}
        self._unstable = unstable_fields(part.kind, context.ids) & names
        self._has_placeholders = PLACEHOLDERS.get(part.kind, ("",))[0] in names
        self._is_update = part.kind == "lead-updated"
        self._is_split = part.lead_id.split is not None
        self._conditions = steps.conditions()
        self._steps = steps.steps()

    def make(self, row: Row) -> Sequence[ImportedFact]:
        """Return the facts of this row; none if its conditions do not hold, or for an update without a change.

        Raises:
            RowError: a cell is invalid; with its column.
        """
        content = self._content(row) if self.meets_conditions(row) else None
        if content is None or (self._is_update and changes_nothing(self.kind, content)):
            return ()
        if self._has_placeholders:
            remove_placeholders(self.kind, content)
        return self._split(content) if self._is_split else (self._build(content),)

    def meets_conditions(self, row: Row) -> bool:
        """Whether the row has a fact of this kind.

        Raises:
            RowError: a cell of a condition is invalid; with its column.
        """
        for column, index, holds in self._conditions:
            try:
                if not holds(row[index]):
                    return False
            except RowError as error:
                raise error.at(column, row[index]) from None
        return True

    def _content(self, row: Row) -> dict[str, FieldValue] | None:
        """The fields that have a value; None if a field without one says that there is no such fact."""
        content: dict[str, FieldValue] = {}
        for name, index, convert, step in self._steps:
            if convert is None:
                value = step.value(row)
            else:  # almost all fields, and the hot path
                try:
                    value = convert(row[index])
                except RowError as error:
                    raise error.at(step.column, row[index]) from None
            if value is not None:
                content[name] = value
            elif step.skips:
                return None
        return content

    def _split(self, content: Mapping[str, FieldValue]) -> Sequence[ImportedFact]:
        """Make one fact for each id of a split cell. An `event_id` of the row gets the lead's id as its end."""
        facts = []
        for lead_id in str(content["lead_id"]).split(ID_SEPARATOR):
            one = {**content, "lead_id": lead_id}
            if "event_id" in one:
                one["event_id"] = within(MAX_TEXT, f"{one['event_id']}/{lead_id}")
            facts.append(self._build(one))
        return facts

    def _build(self, content: dict[str, FieldValue]) -> ImportedFact:
        source, now = self._context.source, self._context.now
        recorded_at = content.pop("recorded_at", now)
        event_id = content.pop("event_id", None)
        if not event_id:
            stable = without(content, self._unstable) if self._unstable else content
            event_id = derived_id(source, self.kind, stable)
        if content["occurred_at"] > self._latest:  # type: ignore[operator]  # an instant
            content["occurred_at"] = now  # the end of today; the derived id stays the same when today is over
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
        return [(builder.rank, fact) for builder in self.builders for fact in builder.make(row)]

    def kinds(self, row: Row) -> tuple[str, ...]:
        """Return the kinds of the facts that a row has or, if it is invalid, would have."""
        return tuple(dict.fromkeys(builder.kind for builder in self.builders if _may_make(builder, row)))


def _may_make(builder: FactBuilder, row: Row) -> bool:
    try:
        return builder.meets_conditions(row)
    except RowError:
        return True


def _columns(table: Table) -> tuple[str, ...]:
    sources = [column for part in table.facts for _, source in part.sources() for column in columns_of(source)]
    conditions = [column for part in table.facts for column in part.when]
    return tuple(dict.fromkeys(sources + conditions))
