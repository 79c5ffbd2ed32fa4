"""The loop of `leadloop project`: consume a batch, write it with its positions, maintain generations and freshness.

Whatever happens to Redis (unavailable, emptied, restored, written by another worker), the reaction is the same: forget
the own positions, read those in Redis and continue from there.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable

from schemas.instants import short_span
from schemas.registry import RegistryUnavailable
from streams.runtime.logs import event
from workers.read_model.generation import PartitionId
from workers.read_model.redis_keys import FORMAT, Generation

from .errors import PositionsMoved, Unavailable
from .fold import DocumentFold, by_lead
from .freshness import Freshness, by_topic, complete_until
from .log import RUN_RECORDS, Log, LogBatch
from .metrics import ProjectMetrics
from .record_decoder import RecordDecoder, SkippedRecord
from .store import ModelStore, Pointers, Positions

TAKE_SECONDS = 0.2
RETRY_SECONDS = 0.5
CHECK_SECONDS = 1.0
SWEEP_SECONDS = 10.0
_LOG = logging.getLogger("leadloop.project")


class ProjectWorker:
    """One member of the group. `is_rebuilding` starts one new generation at the beginning."""

    def __init__(
        self,
        log: Log,
        store: ModelStore,
        decoder: RecordDecoder,
        fold: DocumentFold,
        metrics: ProjectMetrics,
        *,
        is_rebuilding: bool = False,
    ) -> None:
        self._log = log
        self._store = store
        self._decoder = decoder
        self._fold = fold
        self._metrics = metrics
        self._is_rebuilding = is_rebuilding
        self._freshness = Freshness(log)
        self._generation: Generation | None = None
        self._is_filling = False
        self._positions: dict[PartitionId, int | None] = {}
        self._waiting_for, self._waited_since = "", 0.0
        self._checked_at = self._swept_at = 0.0
        self.stepped_at = time.monotonic()

    @property
    def missing(self) -> str:
        """What is missing to be ready; empty when all is well."""
        if self._waiting_for:
            return f"waiting for {self._waiting_for}"
        if not self._log.is_member or (self._log.assigned and not self._log.is_positioned):
            return "no partitions yet"
        return "filling a new read model" if self._is_filling else ""

    def run(self, is_ending: Callable[[], bool]) -> None:
        """Run until the stop condition holds. The next worker consumes what was not written by then."""
        try:
            while not is_ending():
                self.step()
        finally:
            self._log.close()

    def step(self) -> None:
        """Process one batch, or wait shortly."""
        self.stepped_at = time.monotonic()
        try:
            batch = self._log.take(RETRY_SECONDS if self._waiting_for else TAKE_SECONDS)
            if not self._log.is_positioned and (self._log.assigned or self._is_rebuilding):
                self._start_reading()
            elif self._generation is not None and (batch.records or batch.ends):
                self._write(self._generation, batch)
            self._maintain()
            self._set_waiting("")
        except PositionsMoved as moved:
            _LOG.warning("%s: continuing from the positions in Redis", moved)
            self._metrics.moves.inc()
            self._log.pause()
        except Unavailable as error:
            self._set_waiting(error.what, str(error))
        except RegistryUnavailable as error:
            self._set_waiting("registry", str(error))

    # -- positions -------------------------------------------------------------------------------

    def _start_reading(self) -> None:
        """Choose the generation to write, and continue from its positions. Raises UnsafeRedis."""
        self._store.check()
        number, pointers = self._choose()
        self._generation = self._store.keys.generation(number)
        self._is_filling = number != pointers.current
        self._metrics.generation.set(number)
        self._positions = self._store.positions(self._generation, self._log.assigned)
        ends = self._log.ends(self._positions)
        beyond = [place.name for place, at in self._positions.items() if at is not None and at > ends.get(place, at)]
        if beyond:
            self._is_rebuilding = True
            raise PositionsMoved(f"the log is shorter than what was read of it ({beyond[0]}): filling a new read model")
        self._log.seek(self._positions)
        self._freshness.reset()

    def _choose(self) -> tuple[int, Pointers]:
        pointers = self._store.pointers()
        cluster = self._log.cluster()
        if not self._is_rebuilding:
            for number in (pointers.building, pointers.current):
                if number is not None and self._is_ours(number, cluster):
                    return number, pointers
        number = self._store.begin(cluster, self._ends(), time.time(), pointers)
        self._is_rebuilding = False
        _LOG.info("filling generation %d from the beginning of the log", number)
        return number, pointers

    def _is_ours(self, number: int | None, cluster: str) -> bool:
        meta = None if number is None else self._store.meta(number)
        return meta is not None and meta.format == FORMAT and meta.cluster == cluster

    def _ends(self) -> dict[PartitionId, int]:
        return {place: end for place, end in self._log.ends().items() if end > 0}

    # -- writing -----------------------------------------------------------------------------------

    def _write(self, generation: Generation, batch: LogBatch) -> None:
        begun = time.perf_counter()
        events = [self._decoder(one.place.topic, one.key, one.value, one.published_at) for one in batch.records]
        after = {**{one.place: one.offset + 1 for one in batch.records}, **batch.ends}
        before = {place: self._positions.get(place) for place in after}
        if not batch.records and before == after:
            return
        leads = list(by_lead(events))
        positions = Positions(before, after)
        conflicts = self._store.write(generation, leads, positions, lambda stored: self._fold(events, stored))
        self._positions.update(after)
        if len(batch.records) >= RUN_RECORDS:
            self._freshness.clear_unmoved()
        self._freshness.record_written({one.place: one.published_at for one in batch.records})
        self._metrics.conflicts.inc(conflicts)
        self._metrics.record_batch(
            Counter(one.place.topic for one in batch.records),
            Counter(one.reason for one in events if isinstance(one, SkippedRecord)),
            time.perf_counter() - begun,
        )

    # -- maintenance -------------------------------------------------------------------------------

    def _maintain(self) -> None:
        if self._log.is_spare:
            self._metrics.record_freshness({}, 0)
        if self._generation is None or not self._log.is_positioned:
            return
        self._write_freshness(self._generation)
        now = time.monotonic()
        if now - self._checked_at >= CHECK_SECONDS:
            self._checked_at = now
            self._check_generations(self._generation)
        if now - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = now
            self._store.sweep(time.time())

    def _check_generations(self, generation: Generation) -> None:
        """Stop writing if another generation was begun; let readers switch to ours once it is complete."""
        pointers = self._store.pointers()
        if self._is_outdated(generation, pointers):
            raise PositionsMoved("another generation is written")
        self._is_filling = generation.number != pointers.current
        left = self._store.remaining(generation) if self._is_filling else 0
        self._metrics.filling.set(left)
        if self._is_filling and not left:
            self._store.flip(generation.number, time.time())
            self._is_filling = False
            _LOG.info("generation %d is complete and is read from now on", generation.number)

    def _is_outdated(self, generation: Generation, pointers: Pointers) -> bool:
        if generation.number not in pointers:
            return True
        building, ours = pointers.building, self._store.meta(generation.number)
        if building in {None, generation.number} or ours is None:
            return ours is None
        return self._is_ours(building, ours.cluster)  # workers of another version fill one of another format

    def _write_freshness(self, generation: Generation) -> None:
        known = {place: at for place, at in self._positions.items() if at is not None}
        fresh = self._freshness.poll(known)
        if fresh is None:
            return
        self._store.write_freshness(generation, fresh)
        self._metrics.record_freshness(by_topic(fresh), complete_until(fresh))
        self._log.commit(known)
        if unresponsive := self._freshness.unresponsive():
            raise Unavailable("kafka", f"{unresponsive[0].name} has more records but returns none: it is fetched again")

    def _set_waiting(self, what: str, why: str = "") -> None:
        if what:
            self._log.pause()
        if what != self._waiting_for:
            self._waiting_for = what
            if what:
                self._waited_since = time.monotonic()
                event(_LOG, logging.WARNING, "nothing is written", waits_for=what, cause=why)
            else:
                after = short_span(1000 * (time.monotonic() - self._waited_since))
                event(_LOG, logging.INFO, "writing again", after=after)
        self._metrics.set_waiting(what)
        self._metrics.ready.set(not self.missing)
