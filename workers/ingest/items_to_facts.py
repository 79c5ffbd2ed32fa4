"""Converts webhook items to facts by the mapping that an import would use. Pure, except for the clock passed in."""

import io
from collections.abc import Callable

import msgspec

from schemas.events import LeadUpdated
from streams.domain.errors import Poison
from streams.domain.fact_of_record import fact_of
from workers.imports.conversion import TableConverter, derived_id
from workers.imports.errors import RowError
from workers.imports.field_steps import ConversionContext
from workers.imports.mapping import CHANGES, Table
from workers.imports.records import ImportedFact
from workers.imports.rows import read_jsonl

from .dialects.items import DeadItem, IgnoredItem, MappableItem, WebhookItem
from .systems import System

_RENEW_MS = 1_000  # a converter rejects facts later than the time at which it was made
_REPEATED_WITHIN_MS = 3_600_000  # an item without an id and a time of its own, received again

ConversionResult = tuple[ImportedFact, ...] | DeadItem | IgnoredItem


class ItemConverter:
    """Converts the items of one system."""

    def __init__(self, system: System, now_ms: Callable[[], int]) -> None:
        self._system = system
        self._now_ms = now_ms
        self._converters: dict[int, TableConverter] = {}
        self._rules = {id(table): _numbered(table) for table in system.tables.values()}
        self._made_at = 0

    def convert(self, item: WebhookItem, received_at: int | None = None) -> ConversionResult:
        """Convert an item to facts, or say that it is ignored, or why it is a dead letter.

        Args:
            item: What a dialect made of a request.
            received_at: When the item was received, epoch ms; None: just now.
        """
        return self._facts(item, received_at) if isinstance(item, MappableItem) else item

    def _facts(self, row: MappableItem, received_at: int | None) -> ConversionResult:
        table = self._system.table_of(row.name)
        if table is None:
            return IgnoredItem() if self._system.ignores(row.name) else self._unmapped(row)
        try:
            return self._convert(row, table, received_at) or IgnoredItem()
        except RowError as reject:
            at = f"{reject.column}={str(reject.value)[:80]!r}: " if reject.column else ""
            return DeadItem("unfit", f"{at}{reject.reason}; {_advice(reject)}", row.received)
        except Poison as poison:
            return DeadItem("unfit", str(poison), row.received)

    def _convert(self, row: MappableItem, table: Table, received_at: int | None) -> tuple[ImportedFact, ...]:
        converter = self._converter(table, received_at)
        line = io.StringIO(msgspec.json.encode(row.cells).decode())
        ((_, cells, _),) = read_jsonl(line, converter.columns)
        if isinstance(cells, RowError):
            raise cells
        received_at = self._made_at if received_at is None else received_at
        facts = tuple(
            self._with_stable_id(fact, row, table, number, received_at)
            for number, builder in enumerate(converter.builders)
            for fact in builder.make(cells)
        )
        for fact in facts:
            fact_of(fact)
        return facts

    def _with_stable_id(
        self, fact: ImportedFact, row: MappableItem, table: Table, number: int, received_at: int
    ) -> ImportedFact:
        """Give the fact an id of what happened, whichever message reports it, and however often.

        What a contact says of its result or owner, or a deal of its amount, is no part of the id: it may be edited
        later. A lead-updated is a change of certain values, which are.
        """
        part = table.facts[number]
        if part.event_id is not None:
            return fact
        rule = self._rules[id(table)][number]
        what: dict[str, object] = {"key": row.key, "rule": rule, "lead_id": fact.lead_id}
        if row.identifies == "object":
            what["at"] = _time_of(fact, received_at)
        if isinstance(fact, LeadUpdated):
            what |= {name: getattr(fact, name) for name in CHANGES}
        return msgspec.structs.replace(fact, event_id=derived_id(self._system.source, part.kind, what))

    def _converter(self, table: Table, received_at: int | None) -> TableConverter:
        now = self._now_ms()
        if received_at is not None:
            return self._new_converter(table, now, received_at)
        if now - self._made_at >= _RENEW_MS:
            self._converters, self._made_at = {}, now
        if id(table) not in self._converters:
            self._converters[id(table)] = self._new_converter(table, self._made_at, self._made_at)
        return self._converters[id(table)]

    def _new_converter(self, table: Table, now: int, received_at: int) -> TableConverter:
        context = ConversionContext(self._system.source, self._system.zone, now, received_at=received_at)
        return TableConverter(table, context)

    def _unmapped(self, row: MappableItem) -> DeadItem:
        detail = f"no table of the mapping reads {row.name!r}: add one, or `ignore: [{row.name}]`"
        return DeadItem("unmapped", detail, row.received)


def _numbered(table: Table) -> list[int]:
    """The number of each fact of a table among those of its kind: a fact of another kind may be added before it."""
    kinds = [part.kind for part in table.facts]
    return [kinds[:number].count(kind) for number, kind in enumerate(kinds)]


def _time_of(fact: ImportedFact, received_at: int) -> int:
    """When it happened. The time of receipt differs with each repeat: of it, the hour."""
    at = fact.occurred_at
    return at // _REPEATED_WITHIN_MS * _REPEATED_WITHIN_MS if at == received_at else at


def _advice(reject: RowError) -> str:
    if reject.reason != "nested" or not isinstance(reject.value, dict) or not reject.value:
        return reject.advice
    inner = ", ".join(f"`{reject.column}.{name}`" for name in list(reject.value)[:3])
    return f"name what is inside, such as {inner}"
