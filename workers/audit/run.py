"""Runs an audit: reads the topics partition by partition, looks at each lead, and again at those that differ."""

import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from schemas.topics import partition_of
from workers.read_model.generation import PartitionId

from .looks import FurtherLook, GroupKnowledge, KeyedRecords, Looks
from .result import AuditProgress, AuditResult, OnAuditProgress
from .retention import Retained
from .spill import Spill
from .stored import EXPIRING, FACTS, OUTCOMES, SNAPSHOTS, OffsetRanges, StoredRecord
from .topic_log import HeldRange, LogView, TopicLog

LOOKS = 4
"""At a lead that differs and changes each time, after the first look."""
PATIENCE_SECONDS = 30.0
"""How long the second look waits until streams has consumed what was there at the first."""
BATCH_LEADS = 500
"""Read from the read model at once."""
_POLL_SECONDS = 0.5
_REPORT_EVERY = 2000


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """What to audit.

    Attributes:
        since: Only leads that were created at or after this time (epoch ms, Kafka's timestamps); 0: all.
        scratch: The folder for temporary files; None: the system's.
        patience_seconds: See PATIENCE_SECONDS.
    """

    since: int = 0
    scratch: Path | None = None
    patience_seconds: float = PATIENCE_SECONDS


class AuditRun:
    """One audit; call `run` once.

    Args:
        request: What to audit.
        log: The topics.
        looks: Looks at each lead.
        result: What `looks` fills.
        on_progress: Called from time to time, always with the same object.
    """

    def __init__(
        self,
        request: AuditRequest,
        log: TopicLog,
        looks: Looks,
        result: AuditResult,
        on_progress: OnAuditProgress = lambda _: None,
    ) -> None:
        self._request = request
        self._log = log
        self._looks = looks
        self._result = result
        self._on_progress = on_progress
        self._progress = AuditProgress()
        counts = log.partitions()
        self._number = next(iter(counts.values())) if len(set(counts.values())) == 1 else 0
        self._places = [PartitionId(name, number) for name in counts for number in range(counts[name])]
        self._known: dict[int, GroupKnowledge] = defaultdict(GroupKnowledge)

    def run(self) -> AuditResult:
        """Audit everything.

        Raises:
            KafkaException: Kafka does not answer, or denies access.
            UserError: A topic is missing.
            RegistryUnavailable: A schema is not known, and the registry does not answer.
        """
        started, result = time.monotonic(), self._result
        result.begun_at = time.time_ns() // 1_000_000
        self._looks.begin()
        view = self._log.view()
        held = self._log.held(view.ends, self._request.since)
        self._progress.records_total = sum(one.records for one in held.values())
        with ExitStack() as spills:
            differing = spills.enter_context(self._spill())
            for group, places in self._groups().items():
                self._known[group].delivery.consumed = view.consumed_by_deliver
                self._first_look(group, {place: held[place] for place in places}, differing)
            self._look_again(differing, view, spills)
        self._looks.finish()
        result.held_since = max((one.retained.since for one in self._known.values()), default=0)
        result.records, result.seconds = self._progress.records, time.monotonic() - started
        return result

    def _groups(self) -> Mapping[int, Sequence[PartitionId]]:
        """The partitions that are read together, so that all records of a lead are in one group."""
        groups: dict[int, list[PartitionId]] = defaultdict(list)
        for place in self._places:
            groups[self._group_of(place.partition)].append(place)
        return groups

    def _group_of(self, partition: int) -> int:
        return partition if self._number else 0  # topics with different numbers of partitions: all in one

    # -- the first look ------------------------------------------------------------------------

    def _first_look(self, group: int, held: Mapping[PartitionId, HeldRange], differing: Spill) -> None:
        known, firsts = self._known[group], dict[PartitionId, int]()
        with Spill(sum(one.records for one in held.values()), self._request.scratch) as spill:
            for record in self._read({place: (one.start, one.end) for place, one in held.items()}):
                firsts.setdefault(record.place, record.written_at)
                spill.add(record)
            known.retained = Retained(self._held_since(held, firsts, EXPIRING))
            known.delivery.since = self._held_since(held, firsts, OUTCOMES)
            for key, stored in self._prepared(spill):
                if not self._is_elsewhere(group, key, stored) and not self._looks.first(known, key, stored):
                    differing.add_all(stored)
                self._report(lead=1)

    def _held_since(
        self, held: Mapping[PartitionId, HeldRange], firsts: Mapping[PartitionId, int], topics: Collection[str]
    ) -> int:
        """The time since which the partitions of these topics hold everything; 0 if they have lost nothing."""
        lost = [place for place, one in held.items() if one.has_lost and place.topic in topics]
        empty = {place.topic for place in lost if place not in firsts}
        times = [self._request.since, *(firsts[place] for place in lost if place in firsts)]
        return max(*times, self._log.kept_since(sorted(empty))) if empty else max(times)

    def _is_elsewhere(self, group: int, key: bytes, stored: Sequence[StoredRecord]) -> bool:
        """Whether the records are on the wrong partition, so streams publishes them again on the right one."""
        if not self._number or partition_of(key, self._number) == group:
            return False
        return not any(one.topic == SNAPSHOTS for one in stored)

    # -- further looks -------------------------------------------------------------------------

    def _look_again(self, differing: Spill, view: LogView, spills: ExitStack) -> None:
        """Look at the leads that differ again, each time with the records that came meanwhile."""
        if differing.count:
            self._now("waiting until streams has consumed what there was")
            self._wait_for_streams(view)
        for number in range(LOOKS):
            if not differing.count:
                return
            look = FurtherLook(view, self._log.view(), is_first=number == 0, is_last=number == LOOKS - 1)
            self._progress.records_total += sum(max(0, end - view.ends[place]) for place, end in look.now.ends.items())
            self._now("looking again at what differs")
            for record in self._read({place: (view.ends[place], end) for place, end in look.now.ends.items()}):
                differing.add(record)
            still_differing = spills.enter_context(self._spill())
            for key, stored in self._prepared(differing):
                known = self._known[self._group_of(stored[0].partition)]
                if look.is_about(stored) and not self._looks.again(known, key, stored, look):
                    still_differing.add_all(stored)
            differing, view = still_differing, look.now

    def _wait_for_streams(self, view: LogView) -> None:
        """Wait until streams has consumed the facts that there were; not for ever: it may be stopped."""
        until = time.monotonic() + self._request.patience_seconds
        facts = [place for place in view.ends if place.topic in FACTS]
        while time.monotonic() < until:
            consumed = self._log.view().consumed_by_streams
            if all(consumed.get(place, 0) >= view.ends[place] for place in facts):
                return
            self._on_progress(self._progress)
            time.sleep(_POLL_SECONDS)

    def _prepared(self, spill: Spill) -> Iterator[KeyedRecords]:
        """The leads of a spill, each batch after what else is needed about it was read."""
        leads = spill.leads()
        while batch := list(islice(leads, BATCH_LEADS)):
            by_partition: dict[int, list[KeyedRecords]] = defaultdict(list)
            for key, stored in batch:
                by_partition[stored[0].partition].append((key, stored))
            for partition, of_partition in by_partition.items():
                self._looks.prepare(partition, of_partition)
                yield from of_partition

    # -- reading -------------------------------------------------------------------------------

    def _read(self, ranges: OffsetRanges) -> Iterator[StoredRecord]:
        for record in self._log.read({place: one for place, one in ranges.items() if one[0] < one[1]}):
            yield record
            self._report(record=1)

    def _report(self, *, record: int = 0, lead: int = 0) -> None:
        progress = self._progress
        progress.records += record
        progress.leads += lead
        if (progress.records + progress.leads) % _REPORT_EVERY == 0:
            self._on_progress(progress)

    def _now(self, doing: str) -> None:
        self._progress.doing = doing
        self._on_progress(self._progress)

    def _spill(self) -> Spill:
        return Spill(self._progress.records_total, self._request.scratch)
