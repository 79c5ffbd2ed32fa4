"""Imports files: rows to facts, facts in event-time order to Kafka, heartbeats as the broker acknowledges them.

Nothing is published before all files are read to their ends, so an unreadable file does not leave half a history.
Repeating an import is safe at any point: the ids of facts are derived from their content.
"""

import time
from collections.abc import Callable, Mapping

from .conversion import ConversionContext, TableConverter
from .errors import ImportFailure, RowError
from .files import AssignedFile, SourceFile, assign
from .history_publisher import HistoryPublisher
from .publish import Encode, Publisher
from .report import ImportProgress, ImportSummary, OnProgress, ProgressReporter
from .request import ImportRequest
from .row_reader import RejectsFile, RowReader
from .sorting import Sorter
from .timestamps import UncertainTimes
from .values import abbreviated


def wall_ms() -> int:
    """Return the wall clock, in epoch ms."""
    return time.time_ns() // 1_000_000


def run_import(
    request: ImportRequest,
    conf: Mapping[str, object],
    encode: Encode,
    *,
    prefix: str = "",
    on_progress: OnProgress = lambda _: None,
    now_ms: Callable[[], int] = wall_ms,
) -> ImportSummary:
    """Run an import.

    Args:
        request: What to import.
        conf: Connection settings of librdkafka.
        encode: Encodes records: `schemas.codec.Codec.encode`.
        prefix: Of the physical topic names.
        on_progress: Called from time to time, always with the same object.
        now_ms: The wall clock.

    Raises:
        ImportFailure: it cannot be done as requested; nothing was published.
        BrokerFailure: the broker failed during publishing; run it again.
    """
    begun = time.monotonic()
    request.check(now_ms())
    summary, uncertain_times = ImportSummary(), UncertainTimes()
    sources = _sources(request, now_ms(), uncertain_times)
    reporter = ProgressReporter(on_progress, ImportProgress(bytes_total=sum(source.size for source, _ in sources)))
    kinds = {builder.kind for _, converter in sources for builder in converter.builders}
    with Publisher(conf, kinds, prefix, encode) as publisher, Sorter(request.scratch) as sorter:
        with RejectsFile(request.rejects) as rejects:
            _read(sources, RowReader(sorter, rejects, encode, summary), reporter)
        summary.guessed_times = uncertain_times.count
        summary.rejects = request.rejects if summary.rejected else None
        reporter.to_publish(sorter.count)
        HistoryPublisher(request, publisher, summary, now_ms).run(sorter, reporter)
    summary.seconds = time.monotonic() - begun
    return summary


def _read(sources: list[tuple[SourceFile, TableConverter]], reader: RowReader, reporter: ProgressReporter) -> None:
    for source, converter in sources:
        reader.read(source, converter, lambda: reporter.reading(source.position(), reader.summary))  # noqa: B023  # called at once
        reporter.has_read(source.size)
        reporter.reading(0, reader.summary)


def _sources(
    request: ImportRequest, now: int, uncertain_times: UncertainTimes
) -> list[tuple[SourceFile, TableConverter]]:
    sources = []
    for file in assign(request.files, request.mappings):
        converter = _converter(file, ConversionContext(file.mapping.source, file.mapping.zone, now, uncertain_times))
        source = SourceFile(file.path, file.table, converter.columns)
        source.check()
        sources.append((source, converter))
    return sources


def _converter(file: AssignedFile, context: ConversionContext) -> TableConverter:
    try:
        return TableConverter(file.table, context)
    except RowError as error:
        where = f"{file.mapping.source}/{file.name}: the constant {abbreviated(error.value)!r} for {error.column}"
        raise ImportFailure(f"{where}: {error.reason}; {error.advice}") from error
