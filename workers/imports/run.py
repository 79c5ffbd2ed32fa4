"""Imports files: rows to facts, facts in event-time order to Kafka, heartbeats as the broker acknowledges them.

Nothing is published before all files are read to their ends, so an unreadable file does not leave half a history.
Repeating an import is safe at any point: the ids of facts are derived from their content.
"""

import time
from collections.abc import Callable, Mapping

from .history_publisher import HistoryPublisher
from .opened_sources import OpenedSources
from .publish import Encode, Publisher
from .report import ImportSummary, OnProgress
from .request import ImportRequest
from .sorting import Sorter


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
    opened = OpenedSources(request, now_ms())
    summary, reporter = opened.summary, opened.reporter(on_progress)
    with Publisher(conf, opened.kinds, prefix, encode) as publisher, Sorter(request.scratch) as sorter:
        opened.read(sorter, encode, reporter)
        reporter.to_publish(sorter.count)
        HistoryPublisher(request, publisher, summary, now_ms).run(sorter, reporter)
    summary.seconds = time.monotonic() - begun
    return summary
