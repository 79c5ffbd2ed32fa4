"""The read model in Redis: a batch and its positions are written in one transaction.

The positions in Redis are authoritative. So a crash before the write repeats the batch, a crash after it does not; an
emptied Redis starts again from the beginning, a restored one from the positions of its dump.

No lock and no script: WATCH on what a batch is based on (positions and documents), then EXEC with the changes. If
another client has written any of it, nothing is written, and the batch is retried. Redis Cluster is not supported: the
keys of a batch are in many slots.
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
from workers.read_model.index import LISTED_BY, RANKED_BY
from workers.read_model.redis_keys import FORMAT, Generation, Keys

from .errors import PositionsMoved, Unavailable, UnsafeRedis, unavailable_reason
from .fold import ModelChange

if TYPE_CHECKING:
    from redis import Redis
    from redis.client import Pipeline

TRIES = 5
RETIRED_SECONDS = 60  # requests that began before the switch may still read the retired generation
SLICE = 1000
FIRST_CREATED = "1/created"  # a lead has one first pass, so it counts leads


class Pointers(NamedTuple):
    """Which generation is read, and which is being filled."""

    current: int | None
    building: int | None


class Positions(NamedTuple):
    """The positions of a batch: what they must be before it, and what they are after it. None: nothing was read yet."""

    before: Mapping[PartitionId, int | None]
    after: Mapping[PartitionId, int]


ComputeChange = Callable[[Mapping[str, bytes | None]], ModelChange]
"""Computes the change from the stored documents."""


class ModelStore:
    """Writes the read model of one application. Every method raises Unavailable if Redis is unavailable."""

    def __init__(self, redis: "Redis", app_id: str) -> None:
        self._redis: Any = redis  # redis-py's stubs give a union of awaitable and plain results
        self.keys = Keys(app_id)

    def check(self) -> None:
        """Raises UnsafeRedis if Redis may evict keys or rejects the credentials."""
        with _translated_errors():
            try:
                policy = str(self._redis.info("memory").get("maxmemory_policy", "noeviction"))
            except AuthenticationError as error:
                raise UnsafeRedis("REDIS_URL: Redis rejects this user or password") from error
            except NoPermissionError:
                return
            except ResponseError as error:
                if "unknown command" in str(error):  # an emulation, or a service that does not report it
                    return
                raise
        if policy.startswith("allkeys"):
            raise UnsafeRedis(f"Redis may drop any key (maxmemory-policy {policy}): set it to noeviction")

    # -- generations -----------------------------------------------------------------------------

    def pointers(self) -> Pointers:
        with _translated_errors():
            current, building = self._redis.mget(self.keys.current, self.keys.building)
        return Pointers(_number(current), _number(building))

    def meta(self, number: int) -> Meta | None:
        with _translated_errors():
            value = self._redis.get(self.keys.generation(number).meta)
        return None if value is None else decode_meta(value)

    def begin(self, cluster: str, ends: Mapping[PartitionId, int], now: float, seen: Pointers) -> int:
        """Begin a new generation.

        Args:
            cluster: The id of the Kafka cluster.
            ends: The end offsets up to which it must be filled before it is read.
            now: Epoch seconds.
            seen: The pointers that the decision is based on.

        Returns:
            The number of the generation.

        Raises:
            PositionsMoved: another worker was faster.
        """
        with _translated_errors():
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

    def remaining(self, generation: Generation) -> int:
        """The number of records left until the generation has reached the ends of its start."""
        with _translated_errors():
            until = {_text(name): int(end) for name, end in self._redis.hgetall(generation.until).items()}
            if not until:
                return 0
            places = [PartitionId.parse(name) for name in until]
            found = self._redis.mget([generation.position(*place) for place in places])
        pairs = zip(places, found, strict=True)
        return sum(max(0, until[place.name] - (_number(value) or 0)) for place, value in pairs)

    def flip(self, number: int, now: float) -> None:
        """Let readers switch to this generation. `now` is epoch seconds.

        Raises:
            PositionsMoved: Another generation was begun meanwhile.
        """
        with _translated_errors(), self._redis.pipeline() as pipe:
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
        """Delete generations that were retired long enough ago; return their number. `now` is epoch seconds."""
        with _translated_errors():
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

    # -- contents -------------------------------------------------------------------------------

    def positions(self, generation: Generation, places: Iterable[PartitionId]) -> dict[PartitionId, int | None]:
        """The offsets at which reading continues; None where nothing was read yet."""
        wanted = list(places)
        if not wanted:
            return {}
        with _translated_errors():
            found = self._redis.mget([generation.position(*place) for place in wanted])
        return {place: _number(value) for place, value in zip(wanted, found, strict=True)}

    def write(self, generation: Generation, leads: list[str], positions: Positions, compute: ComputeChange) -> int:
        """Write a batch atomically; returns how many retries concurrent writes to the same leads caused.

        Raises:
            PositionsMoved: The positions are not those before the batch, or the generation was deleted.
        """
        for conflicts in range(TRIES):
            with _translated_errors(), self._redis.pipeline() as pipe:
                try:
                    self._try(pipe, generation, leads, positions, compute)
                except WatchError:
                    continue
                return conflicts
        raise PositionsMoved(f"concurrent writes to the same leads: gave up after {TRIES} tries")

    def _try(
        self, pipe: Any, generation: Generation, leads: list[str], positions: Positions, compute: ComputeChange
    ) -> None:
        places = list(positions.before)
        keys = [generation.meta, *(generation.position(*place) for place in places), *map(generation.lead, leads)]
        pipe.watch(*keys)
        meta, *found = pipe.mget(keys)
        current = {place: _number(value) for place, value in zip(places, found, strict=False)}
        if meta is None or current != positions.before:
            raise PositionsMoved("Redis was emptied or restored, or another worker has these partitions")
        change = compute(dict(zip(leads, found[len(places) :], strict=True)))
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
        with _translated_errors(), self._redis.pipeline() as pipe:
            pipe.watch(generation.meta)
            if pipe.get(generation.meta) is None:
                raise PositionsMoved("the generation was deleted")
            pipe.multi()
            pipe.hset(generation.fresh, mapping=encode_freshness(freshness))
            _execute(pipe)


def _write(pipe: "Pipeline", generation: Generation, change: ModelChange, positions: Mapping[PartitionId, int]) -> None:
    values: dict[str, bytes | int] = {generation.lead(lead): value for lead, value in change.documents.items()}
    values.update((generation.position(*place), offset) for place, offset in positions.items())
    pipe.mset(values)
    for name, members in change.added.items():
        pipe.zadd(generation.list(name), members)
    for name, gone in change.removed.items():
        if gone:
            pipe.zrem(generation.list(name), *gone)
    _count(pipe, generation, change)


def _count(pipe: "Pipeline", generation: Generation, change: ModelChange) -> None:
    rows: dict[str, dict[str, int]] = {by: {} for by in LISTED_BY}
    for (by, value, field), difference in change.counts.items():
        if difference:
            pipe.hincrby(generation.count(by, value), field, difference)
            if by in rows:
                rows[by][value] = 0
            if field == FIRST_CREATED and by in RANKED_BY:
                pipe.zincrby(generation.list(f"top:{by}"), difference, value)
    for by, values in rows.items():
        if values:
            pipe.zadd(generation.list(f"rows:{by}"), values)


def _execute(pipe: "Pipeline") -> None:
    try:
        pipe.execute()
    except WatchError as error:
        raise PositionsMoved("another worker was faster") from error


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except WatchError:
        raise
    except RedisError as error:
        unavailable = unavailable_reason(error)
        if unavailable is None:
            raise
        raise unavailable from error
    except OSError as error:
        raise Unavailable("redis", f"Redis does not answer ({type(error).__name__})") from error


def _number(value: bytes | None) -> int | None:
    """The number in a value; None if the value is missing or not a number."""
    return int(value) if value is not None and value.isdigit() else None


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()


def _literal(text: str) -> str:
    """The text as a pattern of SCAN that matches nothing else."""
    return "".join(f"\\{character}" if character in "*?[]\\" else character for character in text)
