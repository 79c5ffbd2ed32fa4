"""The read model in Redis: what was read is written together with how far it was read, or neither is.

Redis itself is the truth about the positions. So a crash between reading and writing repeats, one after writing does
not; an emptied Redis starts again from the beginning, a restored one from the positions of its dump.

No lock and no script: WATCH on what a run is based on (positions and documents), EXEC with what it makes of that. If
another client has written any of it, nothing is written, and the batch is retried. Redis Cluster is out of scope: the
keys of a run lie in many slots.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError, WatchError

from workers.read_model.generation import (
    Meta,
    PartitionFreshness,
    PartitionId,
    decode_meta,
    encode_freshness,
    encode_meta,
)
from workers.read_model.index import ROWS_BY
from workers.read_model.redis_keys import FORMAT, Generation, Keys

from .errors import PositionsMoved, Unavailable, UnsafeRedis, unavailable_reason
from .fold import ModelChange

if TYPE_CHECKING:
    from redis import Redis
    from redis.client import Pipeline

TRIES = 5
RETIRED_SECONDS = 60  # requests that began before the switch may still read the retired generation
SLICE = 1000


class Pointers(NamedTuple):
    """Which generation is read, and which is being filled."""

    current: int | None
    building: int | None


class Positions(NamedTuple):
    """How far a run goes: where each of its places must stand before it, and where it stands after."""

    before: Mapping[PartitionId, int | None]
    after: Mapping[PartitionId, int]


Make = Callable[[Mapping[str, bytes | None]], ModelChange]
"""Makes the change, out of the documents as they stand."""


class ModelStore:
    """Writes the read model of one application. Every method raises Away where Redis cannot do it now."""

    def __init__(self, redis: "Redis", app_id: str) -> None:
        self._redis: Any = redis
        self.keys = Keys(app_id)

    def check(self) -> None:
        """Raises UnsafeRedis if Redis may evict keys or rejects the credentials."""
        with _passing():
            try:
                policy = str(self._redis.info("memory").get("maxmemory_policy", "noeviction"))
            except AuthenticationError as error:
                raise UnsafeRedis("REDIS_URL: Redis rejects this user or password") from error
            except NoPermissionError:
                return
            except ResponseError as error:
                if "unknown command" in str(error):  # a stand-in for Redis, or a service that does not say
                    return
                raise
        if policy.startswith("allkeys"):
            raise UnsafeRedis(f"Redis may drop any key (maxmemory-policy {policy}): set it to noeviction")

    # -- generations -----------------------------------------------------------------------------

    def pointers(self) -> Pointers:
        with _passing():
            current, building = self._redis.mget(self.keys.current, self.keys.building)
        return Pointers(_number(current), _number(building))

    def meta(self, number: int) -> Meta | None:
        with _passing():
            value = self._redis.get(self.keys.generation(number).meta)
        return None if value is None else decode_meta(value)

    def begin(self, cluster: str, ends: Mapping[PartitionId, int], now: float, seen: Pointers) -> int:
        """A new generation, to be filled up to these ends before it is read.

        Raises:
            PositionsMoved: another worker was faster.
        """
        with _passing():
            number = int(self._redis.incr(self.keys.generations))
            generation = self.keys.generation(number)
            with self._redis.pipeline() as pipe:
                pipe.watch(self.keys.building)
                if _number(pipe.get(self.keys.building)) != seen.building:
                    raise PositionsMoved("another worker has begun a generation")
                pipe.multi()
                pipe.set(generation.meta, encode_meta(Meta(FORMAT, cluster)))
                if ends:
                    pipe.hset(generation.until, mapping={place.name: end for place, end in ends.items()})
                pipe.set(self.keys.building, number)
                if seen.building is not None:
                    pipe.zadd(self.keys.retired, {str(seen.building): now})
                _execute(pipe)
        return number

    def left(self, generation: Generation) -> int:
        """Records between a generation and the ends that it must reach."""
        with _passing():
            until = {_text(name): int(end) for name, end in self._redis.hgetall(generation.until).items()}
            if not until:
                return 0
            places = [PartitionId.parse(name) for name in until]
            found = self._redis.mget([generation.position(*place) for place in places])
        pairs = zip(places, found, strict=True)
        return sum(max(0, until[place.name] - (_number(value) or 0)) for place, value in pairs)

    def flip(self, number: int, now: float) -> None:
        """Let this generation be the one that is read.

        Raises:
            PositionsMoved: another was begun meanwhile.
        """
        with _passing(), self._redis.pipeline() as pipe:
            pipe.watch(self.keys.building, self.keys.current)
            old, building = pipe.mget(self.keys.current, self.keys.building)
            if _number(building) != number:
                raise PositionsMoved("another generation is being filled")
            pipe.multi()
            pipe.set(self.keys.current, number)
            pipe.delete(self.keys.building)
            if _number(old) is not None:
                pipe.zadd(self.keys.retired, {old: now})
            _execute(pipe)

    def sweep(self, now: float) -> int:
        """Delete what was retired long enough ago; returns how many generations went."""
        with _passing():
            due = self._redis.zrangebyscore(self.keys.retired, "-inf", now - RETIRED_SECONDS)
            for number in due:
                if number.isdigit():
                    self._delete(self.keys.generation(int(number)))
                self._redis.zrem(self.keys.retired, number)
        return len(due)

    def _delete(self, generation: Generation) -> None:
        self._redis.delete(generation.meta)  # first: this stops all writes to the generation
        slices: list[bytes] = []
        for key in self._redis.scan_iter(match=_literal(generation.prefix) + "*", count=SLICE):
            slices.append(key)
            if len(slices) >= SLICE:
                self._redis.unlink(*slices)
                slices.clear()
        if slices:
            self._redis.unlink(*slices)

    # -- what stands in one ----------------------------------------------------------------------

    def positions(self, generation: Generation, places: Iterable[PartitionId]) -> dict[PartitionId, int | None]:
        """Where reading goes on; None where it begins."""
        wanted = list(places)
        if not wanted:
            return {}
        with _passing():
            found = self._redis.mget([generation.position(*place) for place in wanted])
        return {place: _number(value) for place, value in zip(wanted, found, strict=True)}

    def write(self, generation: Generation, leads: list[str], positions: Positions, make: Make) -> int:
        """Write a batch atomically; returns how many retries concurrent writes to the same leads caused.

        Raises:
            PositionsMoved: the positions are not where the run begins, or the generation is no more.
        """
        for conflicts in range(TRIES):
            with _passing(), self._redis.pipeline() as pipe:
                try:
                    self._try(pipe, generation, leads, positions, make)
                except WatchError:
                    continue
                return conflicts
        raise PositionsMoved(f"concurrent writes to the same leads: gave up after {TRIES} tries")

    def _try(self, pipe: Any, generation: Generation, leads: list[str], positions: Positions, make: Make) -> None:
        places = list(positions.before)
        keys = [generation.meta, *(generation.position(*place) for place in places), *map(generation.lead, leads)]
        pipe.watch(*keys)
        meta, *found = pipe.mget(keys)
        stand = {place: _number(value) for place, value in zip(places, found, strict=False)}
        if meta is None or stand != positions.before:
            raise PositionsMoved("Redis was emptied or restored, or another worker has these partitions")
        change = make(dict(zip(leads, found[len(places) :], strict=True)))
        pipe.multi()
        _write(pipe, generation, change, positions.after)
        pipe.execute()

    def write_freshness(self, generation: Generation, freshness: Mapping[PartitionId, PartitionFreshness]) -> None:
        """Store how far each partition is behind.

        Raises:
            PositionsMoved: the generation was deleted.
        """
        if not freshness:
            return
        with _passing(), self._redis.pipeline() as pipe:
            pipe.watch(generation.meta)
            if pipe.get(generation.meta) is None:
                raise PositionsMoved("the generation was deleted")
            pipe.multi()
            pipe.hset(generation.fresh, mapping=encode_freshness(freshness))
            _execute(pipe)


def _write(pipe: Any, generation: Generation, change: ModelChange, positions: Mapping[PartitionId, int]) -> None:
    values: dict[str, bytes | int] = {generation.lead(lead): value for lead, value in change.documents.items()}
    values.update((generation.position(*place), offset) for place, offset in positions.items())
    pipe.mset(values)
    for name, members in change.added.items():
        pipe.zadd(generation.list(name), dict.fromkeys(members, 0))
    for name, members in change.removed.items():
        pipe.zrem(generation.list(name), *members)
    _count(pipe, generation, change)


def _count(pipe: Any, generation: Generation, change: ModelChange) -> None:
    rows: dict[str, dict[str, int]] = {by: {} for by in ROWS_BY}
    for (by, value, field), difference in change.counts.items():
        if difference:
            pipe.hincrby(generation.count(by, value), field, difference)
            rows[by][value] = 0
    for by, values in rows.items():
        if values:
            pipe.zadd(generation.list(f"rows:{by}"), values)


def _execute(pipe: "Pipeline") -> None:
    try:
        pipe.execute()
    except WatchError as error:
        raise PositionsMoved("another worker was faster") from error


@contextmanager
def _passing() -> Iterator[None]:
    try:
        yield
    except WatchError:
        raise
    except RedisError as error:
        passing = unavailable_reason(error)
        if passing is None:
            raise
        raise passing from error
    except OSError as error:
        raise Unavailable("redis", f"Redis does not answer ({type(error).__name__})") from error


def _number(value: bytes | None) -> int | None:
    """The number in a value; None if the value is missing or not a number."""
    return int(value) if value is not None and value.isdigit() else None


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()


def _literal(text: str) -> str:
    """The text as a pattern of SCAN that matches nothing else."""
    return "".join(f"\\{letter}" if letter in "*?[]\\" else letter for letter in text)
