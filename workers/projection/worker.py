"""The loop of `leadloop project`: consume a batch, write it with its positions, maintain generations and freshness.

Whatever happens to Redis (away, emptied, restored, taken over by another worker), the answer is one: forget where we
were, read the positions from Redis and continue from there.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable

from schemas.registry import RegistryUnavailable
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
AGAIN_SECONDS = 0.5
LOOK_SECONDS = 1.0
SWEEP_SECONDS = 10.0
_LOG = logging.getLogger("leadloop.project")


class ProjectWorker:
    """One member of the group. `is_rebuilding` starts one new generation at the beginning."""

    def __init__(
        self,
        log: Log,
        store: ModelStore,
        intake: RecordDecoder,
        fold: DocumentFold,
        metrics: ProjectMetrics,
        *,
        is_rebuilding: bool = False,
    ) -> None:
        self._log = log
        self._store = store
        self._intake = intake
        self._fold = fold
        self._metrics = metrics
        self._is_rebuilding = is_rebuilding
        self._freshness = Freshness(log)
        self._generation: Generation | None = None
        self._is_filling = False
        self._positions: dict[PartitionId, int | None] = {}
        self._waits_for = ""
        self._looked_at = self._swept_at = 0.0
        self.turned_at = time.monotonic()

    @property
    def missing(self) -> str:
        """What is missing to be ready; empty when all is well."""
        if self._waits_for:
            return f"waiting for {self._waits_for}"
        if not self._log.is_member or (self._log.assigned and not self._log.is_placed):
            return "no partitions yet"
        return "filling a new read model" if self._is_filling else ""

    def run(self, is_ending: Callable[[], bool]) -> None:
        """Run until the stop condition holds. The next worker consumes what was not written by then."""
        try:
            while not is_ending():
                self.turn()
        finally:
            self._log.close()

    def turn(self) -> None:
        """One run, or a short wait."""
        self.turned_at = time.monotonic()
        try:
            run = self._log.take(AGAIN_SECONDS if self._waits_for else TAKE_SECONDS)
            if not self._log.is_placed and (self._log.assigned or self._is_rebuilding):
                self._place()
            elif self._generation is not None and (run.records or run.ends):
                self._write(self._generation, run)
            self._look_after()
            self._wait_for("")
        except PositionsMoved as moved:
            _LOG.warning("%s: continuing from the positions in Redis", moved)
            self._metrics.moves.inc()
            self._log.lose_place()
        except Unavailable as error:
            self._wait_for(error.what, str(error))
        except RegistryUnavailable as error:
            self._wait_for("registry", str(error))

    # -- where to go on ----------------------------------------------------------------------------

    def _place(self) -> None:
        """Choose the generation to write, and read on from its positions. Raises UnsafeRedis."""
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
        self._log.place(self._positions)
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

    def _write(self, generation: Generation, run: LogBatch) -> None:
        begun = time.perf_counter()
        news = [self._intake(one.place.topic, one.key, one.value, one.published_at) for one in run.records]
        after = {**{one.place: one.offset + 1 for one in run.records}, **run.ends}
        before = {place: self._positions.get(place) for place in after}
        if not run.records and before == after:
            return
        leads = list(by_lead(news))
        positions = Positions(before, after)
        conflicts = self._store.write(generation, leads, positions, lambda stored: self._fold(news, stored))
        self._positions.update(after)
        if len(run.records) >= RUN_RECORDS:
            self._freshness.clear_unmoved()
        self._freshness.record_written({one.place: one.published_at for one in run.records})
        self._metrics.conflicts.inc(conflicts)
        self._metrics.took(
            Counter(one.place.topic for one in run.records),
            Counter(one.reason for one in news if isinstance(one, SkippedRecord)),
            time.perf_counter() - begun,
        )

    # -- now and then ------------------------------------------------------------------------------

    def _look_after(self) -> None:
        if self._log.is_spare:
            self._metrics.is_fresh({}, 0)
        if self._generation is None or not self._log.is_placed:
            return
        self._write_freshness(self._generation)
        now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._look(self._generation)
        if now - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = now
            self._store.sweep(time.time())

    def _look(self, generation: Generation) -> None:
        """Has another generation been begun? Is ours full?"""
        pointers = self._store.pointers()
        if self._is_outdated(generation, pointers):
            raise PositionsMoved("another generation is written")
        self._is_filling = generation.number != pointers.current
        left = self._store.left(generation) if self._is_filling else 0
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
        return self._is_ours(building, ours.cluster)  # one of another format is for others to fill

    def _write_freshness(self, generation: Generation) -> None:
        known = {place: at for place, at in self._positions.items() if at is not None}
        fresh = self._freshness.poll(known)
        if fresh is None:
            return
        self._store.write_freshness(generation, fresh)
        self._metrics.is_fresh(by_topic(fresh), complete_until(fresh))
        self._log.show(known)
        if unresponsive := self._freshness.unresponsive():
            raise Unavailable("kafka", f"{unresponsive[0].name} has more records but returns none: it is fetched again")

    def _wait_for(self, what: str, why: str = "") -> None:
        if what:
            self._log.lose_place()
        if what != self._waits_for:
            self._waits_for = what
            _LOG.log(logging.WARNING if what else logging.INFO, why or "going on")
        self._metrics.waits_for(what)
        self._metrics.ready.set(not self.missing)
