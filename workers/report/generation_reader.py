"""Reads one generation of the read model: documents, lists, counts. All errors of Redis become ReadModelUnavailable."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from redis.exceptions import RedisError

from workers.read_model.generation import PartitionId, decode_freshness, decode_meta
from workers.read_model.lead_document import LeadDocument, decode
from workers.read_model.redis_keys import FORMAT, Generation, Keys

from . import api_models

if TYPE_CHECKING:
    from redis.asyncio import Redis


class ReadModelUnavailable(Exception):
    """The read model cannot be read: Redis is unavailable, or nothing was projected yet. The message says which."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One generation, and how far it is."""

    generation: Generation
    as_of: api_models.AsOf
    places: tuple[PartitionId, ...] = ()


class ListRange(NamedTuple):
    """A list, and the part of it between two members in the syntax of ZRANGEBYLEX."""

    name: str
    start: bytes = b"-"
    end: bytes = b"+"


class ScoreRange(NamedTuple):
    """A list in the order of a value, and the part of it with values from `least` to before `below`; None: no limit."""

    name: str
    least: int | None = None
    below: int | None = None

    def has(self, value: int | None) -> bool:
        """Whether a value is within the limits."""
        if value is None:
            return False
        return (self.least is None or value >= self.least) and (self.below is None or value < self.below)

    @property
    def limits(self) -> tuple[str, str]:
        """The limits in the syntax of ZRANGEBYSCORE."""
        return "-inf" if self.least is None else f"{self.least}", "+inf" if self.below is None else f"({self.below}"


ScoredPlace = tuple[int, bytes]
"""A place in a list in the order of a value: the value and the member."""


class GenerationReader:
    """Reads the generations of one application. Every method raises ReadModelUnavailable."""

    def __init__(self, redis: "Redis", app_id: str) -> None:
        self._redis: Any = redis  # redis-py's stubs give a union of awaitable and plain results
        self._keys = Keys(app_id)

    async def begin(self) -> Reading:
        """The generation that is current now; it stays readable for a minute after another has taken its place."""
        with _translated_errors():
            current, building = await self._redis.mget(self._keys.current, self._keys.building)
            if current is None or not current.isdigit():
                raise ReadModelUnavailable(
                    "the read model is being filled for the first time"
                    if building
                    else "there is no read model yet: `leadloop project` makes it"
                )
            generation = self._keys.generation(int(current))
            async with self._redis.pipeline(transaction=False) as pipe:
                meta, fresh = await pipe.get(generation.meta).hgetall(generation.fresh).execute()
        if meta is None or decode_meta(meta).format != FORMAT:
            raise ReadModelUnavailable(
                "the read model has another version: `leadloop project` of this version rebuilds it"
            )
        places = tuple(PartitionId.parse(name.decode()) for name in fresh)
        return Reading(generation, _as_of(fresh, is_filling=building is not None), places)

    async def document(self, reading: Reading, lead_id: str) -> LeadDocument:
        """The document of one lead; empty if it is unknown."""
        with _translated_errors():
            return decode(await self._redis.get(reading.generation.lead(lead_id)))

    async def documents(self, reading: Reading, lead_ids: Sequence[bytes]) -> list[LeadDocument]:
        """The documents of these leads, in their order."""
        if not lead_ids:
            return []
        with _translated_errors():
            found = await self._redis.mget([reading.generation.lead(one.decode()) for one in lead_ids])
        return [decode(value) for value in found]

    async def counts(self, reading: Reading, by: str, values: Iterable[bytes]) -> list[dict[str, int]]:
        """The counts of these rows of the funnel, by `pass/step`."""
        with _translated_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for value in values:
                    pipe.hgetall(reading.generation.count(by, value.decode()))
                found = await pipe.execute()
        return [{field.decode(): int(count) for field, count in row.items()} for row in found]

    async def ranked(self, reading: Reading, by: str, most: int) -> tuple[list[bytes], int]:
        """The values of a dimension of RANKED_BY with the most leads, and how many have leads at all."""
        key = reading.generation.list(f"top:{by}")
        with _translated_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.zrevrangebyscore(key, "+inf", 1, start=0, num=most)
                found, many = await pipe.zcount(key, 1, "+inf").execute()
        return found, many

    async def sizes(self, reading: Reading, ranges: Sequence[ListRange]) -> list[int]:
        """How many members each range has."""
        with _translated_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for one in ranges:
                    pipe.zlexcount(reading.generation.list(one.name), one.start, one.end)
                return [int(size) for size in await pipe.execute()]

    async def members(
        self, reading: Reading, within: ListRange, last: bytes | None, *, most: int, is_backwards: bool = False
    ) -> list[bytes]:
        """The members of a range after `last`, at most so many; backwards, the last ones first."""
        key = reading.generation.list(within.name)
        beyond = None if last is None else b"(" + last
        with _translated_errors():
            if is_backwards:
                found: list[bytes] = await self._redis.zrevrangebylex(
                    key, beyond or within.end, within.start, start=0, num=most
                )
            else:
                found = await self._redis.zrangebylex(key, beyond or within.start, within.end, start=0, num=most)
        return found

    async def all_members(self, reading: Reading, name: str, within: ScoreRange | None = None) -> list[bytes]:
        """All members of a list, or those within limits."""
        low, high = (within or ScoreRange(name)).limits
        with _translated_errors():
            found: list[bytes] = await self._redis.zrangebyscore(reading.generation.list(name), low, high)
        return found

    async def scores(self, reading: Reading, names: Sequence[str], members: Sequence[bytes]) -> list[list[int | None]]:
        """For each list the values of these members; None: it is not in the list."""
        if not members:
            return [[] for _ in names]
        with _translated_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.zmscore(reading.generation.list(name), members)
                found = await pipe.execute()
        return [[None if value is None else int(value) for value in column] for column in found]

    async def scored_size(self, reading: Reading, within: ScoreRange) -> int:
        """How many members have a value within limits."""
        with _translated_errors():
            return int(await self._redis.zcount(reading.generation.list(within.name), *within.limits))

    async def common(self, reading: Reading, names: Sequence[str]) -> int:
        """How many members all these lists have in common."""
        with _translated_errors():
            return int(await self._redis.zintercard(len(names), [reading.generation.list(name) for name in names]))

    async def in_all(self, reading: Reading, names: Sequence[str], order: str) -> list[ScoredPlace]:
        """The members that `order` and all other lists have in common, with their values in `order`."""
        key_of = reading.generation.list
        weights = {**{key_of(name): 0 for name in names}, key_of(order): 1}
        with _translated_errors():
            found = await self._redis.zinter(weights, aggregate="SUM", withscores=True)
        return [(int(value), member) for member, value in found]

    async def scored(
        self,
        reading: Reading,
        within: ScoreRange,
        after: ScoredPlace | None,
        *,
        most: int,
        is_backwards: bool,
    ) -> list[tuple[bytes, int]]:
        """The members after a place with their values, at most so many; backwards, the largest value first.

        Each answer of Redis is one state of the list. It is used only if it begins at or before the place, so that
        nothing is left out between two answers.
        """
        if after is None:
            return await self._scored(reading, within, None, 0, most, is_backwards)
        offset = await self._equal_before(reading, within, after, is_backwards)
        while True:
            found = await self._scored(reading, within, after[0], offset, most, is_backwards)
            fresh = [(m, v) for m, v in found if ((v, m) < after if is_backwards else (v, m) > after)]
            if offset and len(fresh) == len(found):
                offset = 0  # it moved meanwhile: look again from the first member of this value
            elif fresh or len(found) < most:
                return fresh
            else:
                offset += most - 1

    async def _equal_before(self, reading: Reading, within: ScoreRange, after: ScoredPlace, is_backwards: bool) -> int:
        """About how many members of the same value stand before the place; 0 if its member has gone or moved."""
        key, (value, member) = reading.generation.list(within.name), after
        with _translated_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.zscore(key, member)
                if is_backwards:
                    pipe.zrevrank(key, member).zcount(key, f"({value}", "+inf")
                else:
                    pipe.zrank(key, member).zcount(key, "-inf", f"({value}")
                score, rank, before = await pipe.execute()
        return max(0, int(rank) - int(before) - 10) if score == value and rank is not None else 0

    async def _scored(
        self,
        reading: Reading,
        within: ScoreRange,
        begin: int | None,
        offset: int,
        most: int,
        is_backwards: bool,
    ) -> list[tuple[bytes, int]]:
        key, (low, high) = reading.generation.list(within.name), within.limits
        with _translated_errors():
            if is_backwards:
                high = high if begin is None else f"{begin}"
                found = await self._redis.zrevrangebyscore(key, high, low, start=offset, num=most, withscores=True)
            else:
                low = low if begin is None else f"{begin}"
                found = await self._redis.zrangebyscore(key, low, high, start=offset, num=most, withscores=True)
        return [(member, int(value)) for member, value in found]

    async def revision(self, reading: Reading) -> str:
        """A text that changes with every batch that is written."""
        if not reading.places:
            return f"{reading.generation.number}"
        with _translated_errors():
            found = await self._redis.mget([reading.generation.position(*place) for place in reading.places])
        return f"{reading.generation.number}-{sum(int(value or 0) for value in found)}"

    async def close(self) -> None:
        await self._redis.aclose()


def _as_of(fresh: Mapping[bytes, bytes], *, is_filling: bool) -> api_models.AsOf:
    partitions = decode_freshness(fresh)
    at = api_models.instant(min(one.complete_until for one in partitions)) if partitions else None
    behind = sum(one.behind for one in partitions)
    return api_models.AsOf(at=at, behind_records=behind, is_filling=is_filling)


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise ReadModelUnavailable(
            f"Redis does not answer ({type(error).__name__}): is REDIS_URL right, and is it up?"
        ) from error
