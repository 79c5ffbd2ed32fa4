"""Queries of the read model: the only way in which the API and the command line read Redis.

A request reads one generation, the one that is current when it begins; it stays readable for a minute after another
has taken its place.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from redis.exceptions import RedisError

from schemas.codec import Codec
from schemas.events import LeadSnapshot
from streams.domain.funnel import PASS_LABELS
from workers.explaining.lead_explanation import Explainer
from workers.read_model.escalations import EscalationState
from workers.read_model.generation import decode_freshness, decode_meta
from workers.read_model.index import RecycleState
from workers.read_model.lead_document import LeadDocument, decode
from workers.read_model.list_members import TIME_DIGITS, split_event_member
from workers.read_model.redis_keys import FORMAT, Generation, Keys

from . import api_models
from .cursors import cursor_of, member_of
from .explanation_model import ExplanationModel, explanation_model
from .lead_query import LeadQuery
from .policy_in_use import PolicyInUse
from .render import Renderer, lead_of, row_of, sum_of

if TYPE_CHECKING:
    from redis.asyncio import Redis

E = TypeVar("E", api_models.RecycleModel, api_models.EscalationModel)
SCANNED = 2_000  # list members that one request scans at most, whatever it filters
SLICE = 200


class ReadModelUnavailable(Exception):
    """The read model cannot be read: Redis is unavailable, or nothing was projected yet. The message says which."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """One generation, and how far it is."""

    generation: Generation
    as_of: api_models.AsOf


class ReadModel:
    """The read model of one application. Every method raises ReadModelUnavailable."""

    def __init__(self, redis: "Redis", app_id: str, codec: Codec) -> None:
        self._redis: Any = redis  # redis-py's stubs give a union of awaitable and plain results
        self._keys = Keys(app_id)
        self._codec = codec
        self._renderer = Renderer(codec)

    async def lead(self, lead_id: str) -> api_models.LeadDetail | None:
        """Everything about one lead; None if it is unknown."""
        with _translated_errors():
            reading = await self._begin()
            document = decode(await self._redis.get(reading.generation.lead(lead_id)))
        snapshot = self._renderer.snapshot(document)
        return None if snapshot is None else self._renderer.detail(document, snapshot, reading.as_of)

    async def explanation(self, lead_id: str, policy: PolicyInUse, zone: ZoneInfo | None) -> ExplanationModel | None:
        """Why a lead is where it is; None if it is unknown. `zone` as for Explainer."""
        with _translated_errors():
            reading = await self._begin()
            document = decode(await self._redis.get(reading.generation.lead(lead_id)))
        snapshot = self._renderer.snapshot(document)
        if snapshot is None:
            return None
        explainer = Explainer(self._codec, policy.policy, zone)
        return explanation_model(explainer(document, snapshot, policy.now(snapshot)), reading.as_of)

    async def leads(self, query: LeadQuery, cursor: str | None, limit: int) -> api_models.LeadPage:
        """A page of leads in the order of the scanned list: by time if the query has one, else by lead_id."""
        reading = await self._begin()
        found: list[api_models.LeadModel] = []

        async def take(members: list[bytes]) -> int:
            # In lists by time, the lead's name stands behind the time.
            skip = TIME_DIGITS if query.is_by_time else 0
            for n, document in enumerate(await self._documents(reading, [member[skip:] for member in members])):
                snapshot = self._renderer.snapshot(document)
                if snapshot is not None and query.matches(snapshot):
                    found.append(lead_of(snapshot))
                if len(found) == limit:
                    return n + 1
            return len(members)

        following = await self._page(reading, query.list_name, cursor, take, lambda: len(found) >= limit, query.end)
        return api_models.LeadPage(leads=found, next=following, as_of=reading.as_of)

    async def recycles(self, state: RecycleState | None, cursor: str | None, limit: int) -> api_models.RecyclePage:
        """A page of recycles, the newest first."""
        reading = await self._begin()

        def known(document: LeadDocument, lead: LeadSnapshot) -> dict[str, api_models.RecycleModel]:
            every = self._renderer.recycles(document, lead)
            return {one.recycle_id: one for one in every if state in {None, one.state}}

        name = f"recycles:{state}" if state else "recycles"
        found, following = await self._newest(reading, name, cursor, limit, known)
        return api_models.RecyclePage(recycles=found, next=following, as_of=reading.as_of)

    async def escalations(
        self, state: EscalationState | None, owner: str | None, cursor: str | None, limit: int
    ) -> api_models.EscalationPage:
        """A page of escalations, the newest first."""
        reading = await self._begin()

        def known(document: LeadDocument, lead: LeadSnapshot) -> dict[str, api_models.EscalationModel]:
            every = self._renderer.escalations(document, lead)
            return {one.escalation_id: one for one in every if state in {None, one.state}}

        found, following = await self._newest(reading, _escalation_list(state, owner), cursor, limit, known)
        return api_models.EscalationPage(escalations=found, next=following, as_of=reading.as_of)

    async def funnel(
        self, by: api_models.FunnelDimension, pass_label: api_models.PassLabel | None, cursor: str | None, limit: int
    ) -> api_models.FunnelPage:
        """A page of the funnel's rows, in the order of their names."""
        reading = await self._begin()
        labels = (pass_label,) if pass_label else PASS_LABELS
        found: list[api_models.FunnelRow] = []

        async def take(members: list[bytes]) -> int:
            rows = members[: limit - len(found)]
            for value, counts in zip(rows, await self._counts(reading, by, rows), strict=True):
                row = row_of(value.decode(), counts, labels)
                if any(count for name, count in row if name != "value"):
                    found.append(row)
            return len(rows)

        following = await self._page(reading, f"rows:{by}", cursor, take, lambda: len(found) >= limit)
        every = [label.encode() for label in labels]
        totals = [row_of("", counts, labels) for counts in await self._counts(reading, "pass", every)]
        return api_models.FunnelPage(by=by, rows=found, total=sum_of(totals), next=following, as_of=reading.as_of)

    async def rows(self, by: str) -> AsyncIterator[tuple[str, dict[str, int]]]:
        """All rows of a dimension of COUNTED_BY, in the order of their names."""
        reading, last = await self._begin(), None
        while members := await self._members(reading.generation.list(f"rows:{by}"), last, b"+", is_backwards=False):
            for value, counts in zip(members, await self._counts(reading, by, members), strict=True):
                yield value.decode(), counts
            last = members[-1]

    async def count(self) -> int:
        """How many leads there are."""
        reading = await self._begin()
        with _translated_errors():
            return int(await self._redis.zcard(reading.generation.list("all")))

    async def documents(self) -> AsyncIterator[list[tuple[LeadDocument, LeadSnapshot]]]:
        """All leads, some at a time, with their snapshots."""
        reading, last = await self._begin(), None
        while members := await self._members(reading.generation.list("all"), last, b"+", is_backwards=False):
            documents = await self._documents(reading, members)
            snapshots = [(document, self._renderer.snapshot(document)) for document in documents]
            yield [(document, snapshot) for document, snapshot in snapshots if snapshot is not None]
            last = members[-1]
        if (await self._begin()).generation != reading.generation:
            raise ReadModelUnavailable("the read model was filled again meanwhile: try again")

    async def as_of(self) -> api_models.AsOf:
        """How far it is."""
        return (await self._begin()).as_of

    async def close(self) -> None:
        await self._redis.aclose()

    # -- reading -----------------------------------------------------------------------------------

    async def _begin(self) -> _Reading:
        with _translated_errors():
            current, building = await self._redis.mget(self._keys.current, self._keys.building)
            if current is None or not current.isdigit():
                raise ReadModelUnavailable(
                    "the read model is being filled for the first time"
                    if building
                    else "there is no read model yet: `leadloop project` makes it"
                )
            generation = self._keys.generation(int(current))
            meta, fresh = await _meta_and_freshness(self._redis, generation)
        if meta is None or decode_meta(meta).format != FORMAT:
            raise ReadModelUnavailable(
                "the read model has another version: `leadloop project` of this version rebuilds it"
            )
        return _Reading(generation, _as_of(fresh, is_filling=building is not None))

    async def _documents(self, reading: _Reading, lead_ids: list[bytes]) -> list[LeadDocument]:
        if not lead_ids:
            return []
        with _translated_errors():
            found = await self._redis.mget([reading.generation.lead(one.decode()) for one in lead_ids])
        return [decode(value) for value in found]

    async def _counts(self, reading: _Reading, by: str, values: list[bytes]) -> list[dict[str, int]]:
        with _translated_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for value in values:
                    pipe.hgetall(reading.generation.count(by, value.decode()))
                found = await pipe.execute()
        return [{field.decode(): int(count) for field, count in row.items()} for row in found]

    async def _page(
        self,
        reading: _Reading,
        name: str,
        cursor: str | None,
        take: Callable[[list[bytes]], Awaitable[int]],
        is_full: Callable[[], bool],
        end: bytes = b"+",
        *,
        is_backwards: bool = False,
    ) -> str | None:
        """Pass slices of a list to `take`, which returns how many it consumed; returns the cursor of the next page."""
        last = None if cursor is None else member_of(cursor, name)
        for _ in range(SCANNED // SLICE):
            members = await self._members(reading.generation.list(name), last, end, is_backwards=is_backwards)
            consumed = await take(members)
            last = members[consumed - 1] if consumed else last
            if consumed == len(members) < SLICE:
                return None
            if is_full():
                break
        return cursor_of(name, last or b"")

    async def _newest(
        self,
        reading: _Reading,
        name: str,
        cursor: str | None,
        limit: int,
        known: Callable[[LeadDocument, LeadSnapshot], Mapping[str, E]],
    ) -> tuple[list[E], str | None]:
        """A page of a list of recycles or escalations, and its cursor. `known` returns those of a document by id."""
        found: list[E] = []

        async def take(members: list[bytes]) -> int:
            pairs = [split_event_member(member.decode()) for member in members[: limit - len(found)]]
            documents = await self._documents(reading, [lead_id.encode() for _, lead_id in pairs])
            for (event_id, _), document in zip(pairs, documents, strict=True):
                snapshot = self._renderer.snapshot(document)
                of_lead = {} if snapshot is None else known(document, snapshot)
                found.extend([of_lead[event_id]] if event_id in of_lead else [])
            return len(pairs)

        following = await self._page(reading, name, cursor, take, lambda: len(found) >= limit, is_backwards=True)
        return found, following

    async def _members(self, key: str, last: bytes | None, end: bytes, *, is_backwards: bool) -> list[bytes]:
        with _translated_errors():
            if is_backwards:
                start = b"+" if last is None else b"(" + last
                found: list[bytes] = await self._redis.zrevrangebylex(key, start, b"-", start=0, num=SLICE)
            else:
                start = b"-" if last is None else b"(" + last
                found = await self._redis.zrangebylex(key, start, end, start=0, num=SLICE)
        return found


def _escalation_list(state: EscalationState | None, owner: str | None) -> str:
    if owner:
        return f"owner-escalations-{state}:{owner}" if state else f"owner-escalations:{owner}"
    return f"escalations:{state}" if state else "escalations"


async def _meta_and_freshness(redis: Any, generation: Generation) -> tuple[bytes | None, Mapping[bytes, bytes]]:
    async with redis.pipeline(transaction=False) as pipe:
        meta, fresh = await pipe.get(generation.meta).hgetall(generation.fresh).execute()
    return meta, fresh


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
