"""Co-partitioning: all inputs and the changelog have the partitions that the job says, or the process ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .failure import Fail
    from .job import Job, V
    from .sink import Sink


async def start_checked(sink: Sink, job: Job[V], patience: float, fail: Fail) -> None:
    """Start the sink and check the job's topics: if their counts differ, one lead would silently be two.

    Args:
        sink: not started yet.
        job: whose inputs, outputs and changelog are looked up.
        patience: seconds to wait for each topic.
        fail: called with what an operator has to change.
    """
    equal = [job.changelog, *job.inputs]
    try:
        await sink.start([*equal, *job.outputs], patience)
    except (LookupError, PermissionError) as error:
        fail(str(error))
    for topic in equal:
        if (count := sink.count(topic)) != job.partitions:
            fail(f"topic {topic} has {count} partitions, it must have {job.partitions}")
