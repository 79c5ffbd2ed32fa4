"""Planted errors: each takes away one thing that the engine's guarantees rest on, and has to be found."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

from streams.agents.lead_job import LeadJob
from streams.domain.lead_history import LeadHistory
from streams.engine import partition, recovery
from streams.engine.chunk import Chunk
from streams.engine.input_fetcher import InputFetcher
from streams.engine.merge import Merge
from streams.engine.offsets import Offsets
from streams.engine.partition import Partition
from streams.engine.sink import Sink

from . import replacements
from .world import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Change(NamedTuple):
    """An attribute of a class or module, and what makes its replacement out of the original."""

    target: object
    attribute: str
    make: Callable[[Any], Any]


@dataclass(frozen=True)
class Mutant:
    """One planted error.

    Attributes:
        changes: what it replaces.
        is_fenced: whether a former owner is fenced. False where the error is harmless otherwise: then only a seed
            counts that finds nothing without the changes.
        only: the kinds of faults of its runs, where those that the seeds draw would take too many.
        first: the seed at which the test begins its search, so that it is short.
    """

    name: str
    changes: tuple[Change, ...] = ()
    is_fenced: bool = True
    only: tuple[str, ...] = ()
    first: int = 0

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Replace the attributes, as long as the context is open."""
        with ExitStack() as stack:
            for target, attribute, make in self.changes:
                original = getattr(target, attribute)
                stack.enter_context(mock.patch.object(target, attribute, make(original)))
            yield

    def is_found(self, seed: int) -> bool:
        """Whether this seed finds it."""
        with self.planted():
            violation = run(seed, only=self.only, is_fenced=self.is_fenced).violation
        if violation is None or self.is_fenced or not self.changes:
            return violation is not None
        return run(seed, only=self.only, is_fenced=False).violation is None


MUTANTS = (
    Mutant("acknowledged before outputs and state", (Change(Chunk, "__aexit__", replacements.ack_first),), first=4),
    Mutant(
        "state before outputs",
        (Change(Chunk, "__aexit__", replacements.changelog_before_outputs),),
    ),
    Mutant("outputs are not awaited", (Change(Chunk, "send_outputs", replacements.without_awaiting_outputs),), first=5),
    Mutant(
        "failed outputs are given up",
        (Change(Chunk, "send_outputs", replacements.errors_of_outputs_ignored),),
        first=10,
    ),
    Mutant(
        "only the first batch of a write is sent",
        (Change(Sink, "deliver", replacements.only_the_first_batch_delivered),),
    ),
    Mutant(
        "stream time in a batch of its own, before the leads",
        (Change(Chunk, "save_changes", replacements.stream_time_first),),
        first=110,
    ),
    Mutant("recovery stops some records early", (Change(recovery, "_span", replacements.stops_early),), first=10),
    Mutant(
        "a kept store is not brought up to date",
        (Change(partition, "replay", replacements.kept_store_not_replayed),),
        first=8,
    ),
    Mutant(
        "deadlines are not restored",
        (Change(LeadJob, "recovered", replacements.deadlines_not_restored),),
    ),
    Mutant(
        "the merge ignores event time",
        (Change(Merge, "take", replacements.any_order),),
    ),
    Mutant(
        "the merge does not wait for missing heads",
        (Change(Merge, "awaited", replacements.missing_heads_not_awaited),),
        first=5,
    ),
    Mutant(
        "an old end of a topic is trusted",
        (Change(InputFetcher, "_query_ends", replacements.old_ends_trusted),),
        first=12,
    ),
    Mutant(
        "acknowledged at a revocation without being done",
        (Change(Partition, "stop", replacements.running_chunk_cut_off),),
        first=4,
    ),
    Mutant(
        "positions of fetched records are committed",
        (Change(Partition, "_process", replacements.fetched_positions_acked),),
    ),
    Mutant(
        "the offset of one topic moves before the others",
        (Change(Partition, "_process", replacements.one_topic_acked_before),),
        first=4,
    ),
    Mutant(
        "leads of a former ownership are kept",
        (
            Change(LeadJob, "recovered", replacements.loop_of_former_ownership),
            Change(LeadJob, "revoked", replacements.nothing),
        ),
        first=82,
    ),
    Mutant("former owners are not fenced", is_fenced=False, first=47),
    Mutant(
        "no lease",
        (Change(Offsets, "while_owned", replacements.no_lease), Change(Offsets, "lease", replacements.nothing)),
        is_fenced=False,
        only=("pause",),
        first=21,
    ),
    Mutant(
        "ownership is not confirmed before a claim", (Change(Partition, "_confirm", replacements.nothing),), first=6
    ),
    Mutant(
        "the end that a former leader knows is trusted",
        (Change(recovery, "_span", replacements.any_end_trusted),),
        first=23,
    ),
    Mutant("positions outlive their assignment", (Change(Offsets, "forget", replacements.nothing_now),), first=8),
    Mutant(
        "a repeated fact counts again",
        (Change(LeadHistory, "_is_repeat", lambda _: lambda *_: False),),
    ),
    Mutant("no chunk without records", (Change(LeadJob, "may_skip_tick", lambda _: lambda *_: True),), first=8),
)
