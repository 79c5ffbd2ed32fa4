"""Imports files: rows to facts, facts into the order of events, facts to Kafka, heartbeats as they are acked.

Nothing is published before every file was read to its end, so that a file at error leaves no half of a history.
Running it again is safe at any point: the ids of facts come from what they say.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

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
    """The time, in epoch ms."""
    return time.time_ns() // 1_000_000


def run_import(
    request: ImportRequest,
    conf: Mapping[str, Any],
    encode: Encode,
    *,
    prefix: str = "",
    on_progress: OnProgress = lambda _: None,
    now_ms: Callable[[], int] = wall_ms,
) -> ImportSummary:
    """Import what is asked for.

    Args:
        request: What.
        conf: librdkafka's settings of the connection.
        encode: Makes a record's bytes: `schemas.codec.Codec.encode`.
        prefix: Of the names of topics.
        on_progress: Called now and then, always with the same object.
        now_ms: The wall clock.

    Raises:
        ImportFailure: it cannot be done as asked; nothing was published.
        BrokerFailure: the broker failed on the way; run it again.
    """
    begun = time.monotonic()
    request.check(now_ms())
    summary, uncertain_times = ImportSummary(), UncertainTimes()
    sources = _sources(request, now_ms(), uncertain_times)
    watch = ProgressReporter(on_progress, ImportProgress(bytes_total=sum(source.size for source, _ in sources)))
    kinds = {builder.kind for _, converter in sources for builder in converter.builders}
    with Publisher(conf, kinds, prefix, encode) as publisher, Sorter(request.scratch) as sorter:
        with RejectsFile(request.rejects) as rejects:
            _read(sources, RowReader(sorter, rejects, encode, summary), watch)
        summary.guessed_times = uncertain_times.count
        summary.rejects = request.rejects if summary.rejected else None
        watch.to_publish(sorter.count)
        HistoryPublisher(request, publisher, summary, now_ms).run(sorter, watch)
    summary.seconds = time.monotonic() - begun
    return summary


def _read(sources: list[tuple[SourceFile, TableConverter]], reader: RowReader, watch: ProgressReporter) -> None:
    for source, converter in sources:
        reader.read(source, converter, lambda: watch.reading(source.position(), reader.summary))  # noqa: B023  # called at once
        watch.has_read(source.size)
        watch.reading(0, reader.summary)


def _sources(
    request: ImportRequest, now: int, uncertain_times: UncertainTimes
) -> list[tuple[SourceFile, TableConverter]]:
    sources = []
    for given in assign(request.files, request.mappings):
        converter = _converter(given, ConversionContext(given.mapping.source, given.mapping.zone, now, uncertain_times))
        source = SourceFile(given.path, given.table, converter.columns)
        source.check()
        sources.append((source, converter))
    return sources


def _converter(given: AssignedFile, context: ConversionContext) -> TableConverter:
    try:
        return TableConverter(given.table, context)
    except RowError as error:
        place = f"{given.mapping.source}/{given.name}: the constant {abbreviated(error.value)!r} for {error.column}"
        raise ImportFailure(f"{place}: {error.reason}; {error.advice}") from error
