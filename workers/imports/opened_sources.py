"""The files of an import, checked and ready to be read, and the summary that counts what is read."""

from collections.abc import Iterator, Sequence

from .conversion import TableConverter
from .errors import ImportFailure, RowError
from .field_steps import ConversionContext
from .file_assignment import AssignedFile, assign
from .file_types import type_of
from .files import SourceFile
from .format_survey import survey_formats
from .joined_tables import JoinedConverter
from .mapping import Mapping, Table
from .publish import Encode
from .records import RANKS
from .report import ImportProgress, ImportSummary, OnProgress, ProgressReporter
from .request import ImportRequest
from .row_reader import OnFacts, RejectsFile, RowReader
from .sorting import Sorter
from .stable_ids import changes_later
from .timestamps import UncertainTimes
from .values import abbreviated
from .workbooks import with_typed_dates

_UNSAID = (
    "ids of contacts do not depend on owner, result and next step, so that a later export counts no touch twice. Write "
    "`ids: stable` in the mapping to confirm; `ids: content` for a history that was imported when they did"
)


class OpenedSources:
    """The files of a request. `read` is called once.

    Args:
        request: What to import.
        now: Epoch ms.

    Raises:
        ImportFailure: a file cannot be read, or does not fit its table.
    """

    def __init__(self, request: ImportRequest, now: int) -> None:
        self._request = request
        self._uncertain_times = UncertainTimes()
        self._files = assign(request.files, request.mappings)
        self._doubts: list[str] = []
        self._sources = [self._opened(file, now) for file in self._files]
        self.kinds = {builder.kind for _, converter in self._sources for builder in converter.builders}
        self.summary = ImportSummary(ranks_with_derived_ids=frozenset(self._derived_ranks()))
        self.summary.doubts += self._doubts
        self.summary.notes += [note for source, _ in self._sources for note in source.notes]
        if any(map(_leaves_ids_unsaid, {id(file.mapping): file.mapping for file in self._files}.values())):
            self.summary.notes.append(_UNSAID)

    def reporter(self, on_progress: OnProgress) -> ProgressReporter:
        """Return a reporter of the progress of reading."""
        return ProgressReporter(on_progress, ImportProgress(bytes_total=sum(each.size for each, _ in self._sources)))

    def read(self, sorter: Sorter, encode: Encode, reporter: ProgressReporter, on_facts: OnFacts | None = None) -> None:
        """Read all files into the sorter. `on_facts` is called with the facts of each row.

        Raises:
            ImportFailure: a file cannot be read to its end.
        """
        summary = self.summary
        with RejectsFile(self._request.rejects) as rejects:
            reader = RowReader(sorter, rejects, encode, summary, on_facts)
            for source, converter in self._sources:
                reader.read(source, converter, lambda: reporter.reading(source.position(), summary))  # noqa: B023  # called at once
                reporter.has_read(source.size)
                reporter.reading(0, summary)
        summary.doubts += reader.ids.sentences()
        summary.guessed_times = self._uncertain_times.count
        summary.rejects = self._request.rejects if summary.rejected or summary.passed_over else None

    def _opened(self, file: AssignedFile, now: int) -> tuple[SourceFile, TableConverter]:
        is_workbook = type_of(file.path) == "workbook"
        tables = [with_typed_dates(table) if is_workbook else table for table in file.tables.values()]
        mapping = file.mapping
        evident, doubts = survey_formats(file, tables, now)
        self._doubts += doubts
        context = ConversionContext(
            mapping.source, mapping.zone, now, self._uncertain_times, mapping.ids, evident_formats=evident
        )
        converter = _converter(file, tables, context)
        source = SourceFile(file.path, file.table, converter.columns)
        source.check()
        return source, converter

    def _derived_ranks(self) -> Iterator[int]:
        for file in self._files:
            yield from (RANKS[part.kind] for part in file.table.facts if part.event_id is None)


def _leaves_ids_unsaid(mapping: Mapping) -> bool:
    """Whether a mapping has contacts with derived ids and fields that change later, and says nothing about ids."""
    parts = (part for table in mapping.tables.values() for part in table.facts)
    return "ids" not in mapping.model_fields_set and any(changes_later(part) for part in parts)


def _converter(file: AssignedFile, tables: Sequence[Table], context: ConversionContext) -> TableConverter:
    try:
        return JoinedConverter(tables, context) if len(tables) > 1 else TableConverter(tables[0], context)
    except RowError as error:
        where = f"{file.mapping.source}/{file.name}: the constant {abbreviated(error.value)!r} for {error.column}"
        raise ImportFailure(f"{where}: {error.reason}; {error.advice}") from error
