"""Imports files: rows to facts, facts into the order of events, facts to Kafka, heartbeats as they are acked.

Nothing is published before every file was read to its end, so that a file at fault leaves no half of a history.
Running it again is safe at any point: the ids of facts come from what they say.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from .facts import Reading, Recipe
from .faults import ImportFault, Reject
from .files import Assigned, SourceFile, assign
from .instants import Guesses
from .intake import Intake, RejectsFile
from .outflow import Outflow
from .publish import Encode, Publisher
from .report import OnProgress, Progress, Summary, Watch
from .request import Request
from .sorting import Sorter
from .values import shown


def wall_ms() -> int:
    """The time, in epoch ms."""
    return time.time_ns() // 1_000_000


def run_import(
    request: Request,
    conf: Mapping[str, Any],
    encode: Encode,
    *,
    prefix: str = "",
    on_progress: OnProgress = lambda _: None,
    now_ms: Callable[[], int] = wall_ms,
) -> Summary:
    """Import what is asked for.

    Args:
        request: What.
        conf: librdkafka's settings of the connection.
        encode: Makes a record's bytes: `schemas.codec.Codec.encode`.
        prefix: Of the names of topics.
        on_progress: Called now and then, always with the same object.
        now_ms: The wall clock.

    Raises:
        ImportFault: it cannot be done as asked; nothing was published.
        BrokerTrouble: the broker failed on the way; run it again.
    """
    begun = time.monotonic()
    request.check(now_ms())
    summary, guesses = Summary(), Guesses()
    sources = _sources(request, now_ms(), guesses)
    watch = Watch(on_progress, Progress(bytes_total=sum(source.size for source, _ in sources)))
    kinds = {maker.kind for _, recipe in sources for maker in recipe.makers}
    with Publisher(conf, kinds, prefix, encode) as publisher, Sorter(request.scratch) as sorter:
        with RejectsFile(request.rejects) as rejects:
            _read(sources, Intake(sorter, rejects, encode, summary), watch)
        summary.guessed_times = guesses.count
        summary.rejects = request.rejects if summary.rejected else None
        watch.to_publish(sorter.count)
        Outflow(request, publisher, summary, now_ms).run(sorter, watch)
    summary.seconds = time.monotonic() - begun
    return summary


def _read(sources: list[tuple[SourceFile, Recipe]], intake: Intake, watch: Watch) -> None:
    for source, recipe in sources:
        intake.read(source, recipe, lambda: watch.reading(source.position(), intake.summary))  # noqa: B023  # called at once
        watch.has_read(source.size)
        watch.reading(0, intake.summary)


def _sources(request: Request, now: int, guesses: Guesses) -> list[tuple[SourceFile, Recipe]]:
    sources = []
    for given in assign(request.files, request.mappings):
        recipe = _recipe(given, Reading(given.mapping.source, given.mapping.zone, now, guesses))
        source = SourceFile(given.path, given.table, recipe.columns)
        source.check()
        sources.append((source, recipe))
    return sources


def _recipe(given: Assigned, reading: Reading) -> Recipe:
    try:
        return Recipe(given.table, reading)
    except Reject as fault:
        place = f"{given.mapping.source}/{given.name}: the constant {shown(fault.value)!r} for {fault.column}"
        raise ImportFault(f"{place}: {fault.reason}; {fault.advice}") from fault
