"""Mappings and files for tests of the import: a test names only what matters to it."""

from collections.abc import Mapping as Lookup
from pathlib import Path
from typing import Any

from schemas.json_value import JsonValue
from tests.builders import T0
from workers.imports.conversion import TableConverter
from workers.imports.field_steps import ConversionContext
from workers.imports.files import SourceFile
from workers.imports.mapping import Mapping
from workers.imports.records import ImportedFact
from workers.imports.rows import NumberedRow

NOW = T0
CREATED = {"kind": "lead-created", "lead_id": "id", "occurred_at": "at"}
CONTACTED = {"kind": "lead-contacted", "lead_id": "id", "occurred_at": "at"}
UPDATED = {"kind": "lead-updated", "lead_id": "id", "occurred_at": "at"}
CLOSED = {"kind": "deal-closed", "lead_id": "id", "occurred_at": "at", "outcome": {"constant": "won"}}
STALLED = {"kind": "lead-stalled", "lead_id": "id", "occurred_at": "at", "reason": "why"}


def a_mapping(*facts: Lookup[str, Any], source: str = "test", zone: str = "UTC", **table: Any) -> Mapping:
    """A mapping of one table."""
    tables = {"table": {"files": "*", "facts": list(facts or (CREATED,)), **table}}
    return Mapping.model_validate({"source": source, "zone": zone, "tables": tables})


def a_recipe(mapping: Mapping) -> TableConverter:
    (table,) = mapping.tables.values()
    return TableConverter(table, ConversionContext(mapping.source, mapping.zone, NOW))


def facts_of(row: Lookup[str, JsonValue], *facts: Lookup[str, Any], **mapping: Any) -> list[ImportedFact]:
    """The facts that a row tells, by its mapping; columns that the row leaves out are empty."""
    converter = a_recipe(a_mapping(*facts, **mapping))
    filled = {"id": "L1", "at": "2024-05-01", **row}
    return [fact for _, fact in converter.facts([filled.get(column) for column in converter.columns])]


def fact_of(row: Lookup[str, JsonValue], fact: Lookup[str, Any] = CREATED, **mapping: Any) -> Any:
    (made,) = facts_of(row, fact, **mapping)
    return made


def rows_of(path: Path, columns: tuple[str, ...] = ("id", "at"), **table: Any) -> list[NumberedRow]:
    """What is read of a file, looked at first, as the import does."""
    (found,) = a_mapping(**table).tables.values()
    source = SourceFile(path, found, columns)
    source.check()
    return list(source.rows())


def cells_of(path: Path, columns: tuple[str, ...] = ("id", "at"), **table: Any) -> list[tuple[Any, ...]]:
    """The cells of a file's rows; a rejected row as its reason."""
    read = [cells for _, cells, _ in rows_of(path, columns, **table)]
    return [("reject", cells.reason) if isinstance(cells, Exception) else tuple(cells) for cells in read]
