"""Assigns files to the tables that read them, by the patterns in `files:`."""

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Lookup
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from .errors import ImportFailure
from .mapping import READING_KEYS, Mapping, Table
from .name_patterns import matches_file

_NOT_DATA = {
    "._": "it is a companion file of macOS, not data",
    "~$": "it is the lock file of a workbook that is open in Excel, not data",
}


@dataclass(frozen=True, slots=True)
class AssignedFile:
    """A file, and the tables that read it: one, or several of one mapping whose facts all have conditions."""

    path: Path
    mapping: Mapping
    tables: Lookup[str, Table]

    @property
    def name(self) -> str:
        """The names of its tables."""
        return " and ".join(self.tables)

    @property
    def table(self) -> Table:
        """Its table; if there are several, one with the facts of all: they agree in how the file is read."""
        first, *others = self.tables.values()
        return first.model_copy(update={"facts": (*first.facts, *(fact for each in others for fact in each.facts))})


_Tables = list[tuple[Mapping, str, Table]]


def assign(paths: Iterable[Path], mappings: Sequence[Mapping]) -> list[AssignedFile]:
    """Assign each file to the tables with a matching pattern in `files:`.

    Args:
        paths: Files, and folders: of a folder, the files that match a table. A path given twice is read once.
        mappings: The tables. If there is only one, it reads any file that is given by its own path.

    Raises:
        ImportFailure: a file does not exist, or matches no table, or several that may read the same rows.
    """
    tables = [(mapping, name, table) for mapping in mappings for name, table in mapping.tables.items()]
    assigned: dict[Path, AssignedFile] = {}
    for path in paths:
        for file, matching in _candidates(path, tables):
            assigned.setdefault(file.resolve(), _assigned(file, matching, tables))
    return list(assigned.values())


def _candidates(path: Path, tables: _Tables) -> list[tuple[Path, _Tables]]:
    if not path.exists():
        raise ImportFailure(f"{path} does not exist")
    if not path.is_dir():
        _check_file(path)
        return [(path, _matching_tables(path, tables) or tables[: len(tables) == 1])]
    files = [
        (file, matching)
        for file in sorted(path.iterdir())
        if file.is_file() and not _not_data(file) and (matching := _matching_tables(file, tables))
    ]
    if not files:
        raise ImportFailure(f"no file in {path} matches a table: {_patterns(tables)}")
    return files


def _check_file(path: Path) -> None:
    if not path.is_file():  # a pipe: the sample that is read first would be missing later
        raise ImportFailure(f"{path} is not a regular file: copy it to one first")
    if reason := _not_data(path):
        raise ImportFailure(f"leave out {path}: {reason}")


def _not_data(path: Path) -> str:
    return _NOT_DATA.get(path.name[:2], "")


def _matching_tables(path: Path, tables: _Tables) -> _Tables:
    return [entry for entry in tables if matches_file(path.name, entry[2].files)]


def _assigned(path: Path, matching: _Tables, tables: _Tables) -> AssignedFile:
    if not matching:
        raise ImportFailure(f"{path} matches no table: {_patterns(tables)}; change `files:`")
    if len(matching) > 1:
        _check_shared(path, matching)
    return AssignedFile(path, matching[0][0], {name: table for _, name, table in matching})


def _check_shared(path: Path, matching: _Tables) -> None:
    names = " and ".join(f"{mapping.source}/{name}" for mapping, name, _ in matching)
    facts = [fact for _, _, table in matching for fact in table.facts]
    if any(mapping is not matching[0][0] for mapping, _, _ in matching) or not all(fact.when for fact in facts):
        raise ImportFailure(
            f"{path} matches {names}: make their `files:` narrower, or pass only one of the mappings, or write with "
            "`when:` in every fact which rows it is made of"
        )
    for key in READING_KEYS:
        if len({getattr(table, key) for _, _, table in matching}) > 1:
            raise ImportFailure(f"{path} matches {names}: they must agree in `{key}:`, because it is read once")
    for one, other in combinations(facts, 2):
        if one.may_share_id(other):
            raise ImportFailure(f"{path} matches {names}: two facts of a row would share one event_id")


def _patterns(tables: _Tables) -> str:
    return "; ".join(f"{name} reads {', '.join(table.files)}" for _, name, table in tables)
