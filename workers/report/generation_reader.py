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
