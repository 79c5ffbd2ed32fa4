"""Queries of the read model: the only way in which the API and the command line read Redis.

A request reads one generation, the one that is current when it begins; it stays readable for a minute after another
has taken its place.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

from schemas.codec import Codec
from schemas.events import LeadSnapshot
from streams.domain.funnel import PASS_LABELS
from workers.explaining.lead_explanation import Explainer
from workers.read_model.escalations import EscalationState
from workers.read_model.index import RecycleState
from workers.read_model.lead_document import LeadDocument
from workers.read_model.list_members import split_event_member

from . import api_models, cohort_models, funnel_models
from .changes import changes_of
from .costs import Costs
from .cursors import cursor_of, member_of
from .explanation_model import ExplanationModel, explanation_model
from .funnel_counts import counted_steps
from .funnel_rows import is_empty, row_of, sum_of, timed_of, with_costs
from .generation_reader import GenerationReader, ListRange, Reading, ReadModelUnavailable
from .lead_plan import plan_of
from .lead_query import LeadQuery
from .lead_scan import LeadScan
from .overview import Days, overview_of
from .passed_dates import PassedDates, passed_dates
from .policy_in_use import PolicyInUse
from .render import Renderer, lead_of

if TYPE_CHECKING:
    from redis.asyncio import Redis

E = TypeVar("E", api_models.RecycleModel, api_models.EscalationModel)
SCANNED = 1_000  # leads that one request reads at most, whatever it filters
EXAMINED = 20_000  # members of lists that one request tests at most
SLICE = 200


class ReadModel:
    """The read model of one application. Every method raises ReadModelUnavailable.

    Attributes:
        costs: What sources cost.
        redis, app_id: The client, and the name of the application: for what report itself keeps in Redis.
        codec: Decodes the records in it.
    """

    def __init__(self, redis: "Redis", app_id: str, codec: Codec, costs: Costs | None = None) -> None:
        self.costs = costs or Costs()
        self.redis, self.app_id = redis, app_id
        self._reader = GenerationReader(redis, app_id)
        self.codec = codec
        self._renderer = Renderer(codec)

    async def lead(self, lead_id: str) -> api_models.LeadDetail | None:
        """Everything about one lead; None if it is unknown."""
        reading = await self._reader.begin()
        document = await self._reader.document(reading, lead_id)
        snapshot = self._renderer.snapshot(document)
        return None if snapshot is None else self._renderer.detail(document, snapshot, reading.as_of)

    async def explanation(self, lead_id: str, policy: PolicyInUse, zone: ZoneInfo | None) -> ExplanationModel | None:
        """Why a lead is where it is; None if it is unknown. `zone` as for Explainer."""
        reading = await self._reader.begin()
        document = await self._reader.document(reading, lead_id)
        snapshot = self._renderer.snapshot(document)
        if snapshot is None:
            return None
        explainer = Explainer(self.codec, policy.policy, zone)
        return explanation_model(explainer(document, snapshot, policy.now(snapshot)), reading.as_of)

    async def leads(self, query: LeadQuery, cursor: str | None, limit: int) -> api_models.LeadPage:
        """A page of leads in the order that the query asks for, otherwise by time if it has one, else by lead_id."""
        reading, plan = await self._reader.begin(), plan_of(query)
        scan = LeadScan(self._reader, reading, plan)
        found: list[api_models.LeadModel] = []
        last = None if cursor is None else member_of(cursor, plan.name)
        examined = read = 0
        following: str | None = None
        async for count, candidates, reached in scan.slices(last):
            examined += count
            done = 0
            while done < len(candidates) and len(found) < limit and read < SCANNED:
                some = candidates[done : done + (SLICE if plan.has_rest else limit - len(found))]
                documents = await self._reader.documents(reading, [one.lead_id for one in some])
                consumed = self._take(query, documents, found, limit)
                read, done = read + consumed, done + consumed
            last = candidates[done - 1].place if done < len(candidates) else reached
            if len(found) >= limit or read >= SCANNED or examined >= EXAMINED:
                following = cursor_of(plan.name, last or b"")
                break
        total = await scan.total()
        if total is None and (counted := counted_steps(query)) is not None:
            values = [value.encode() for value in counted.values]
            total = counted.of(await self._reader.counts(reading, counted.by, values))
            if cursor is None and total == len(found):
                following = None  # the rest need not be searched
        return api_models.LeadPage(leads=found, total=total, next=following, as_of=reading.as_of)

    def _take(
        self, query: LeadQuery, documents: list[LeadDocument], found: list[api_models.LeadModel], limit: int
    ) -> int:
        """Add the leads that fit to `found`, and return how many documents that took."""
        for n, document in enumerate(documents):
            snapshot = self._renderer.snapshot(document)
            if snapshot is not None and query.matches(snapshot):
                facts, track = self._renderer.facts(document, snapshot), self._renderer.track(document, snapshot)
                if query.matches_facts(snapshot, facts, track):
                    found.append(lead_of(snapshot, facts, track))
            if len(found) == limit:
                return n + 1
        return len(documents)

    async def recycles(self, state: RecycleState | None, cursor: str | None, limit: int) -> api_models.RecyclePage:
        """A page of recycles, the newest first."""
        reading = await self._reader.begin()

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
        reading = await self._reader.begin()

        def known(document: LeadDocument, lead: LeadSnapshot) -> dict[str, api_models.EscalationModel]:
            every = self._renderer.escalations(document, lead)
            return {one.escalation_id: one for one in every if state in {None, one.state}}

        found, following = await self._newest(reading, _escalation_list(state, owner), cursor, limit, known)
        return api_models.EscalationPage(escalations=found, next=following, as_of=reading.as_of)

    async def funnel(
        self, by: api_models.FunnelDimension, pass_label: api_models.PassLabel | None, cursor: str | None, limit: int
    ) -> funnel_models.FunnelPage:
        """A page of the funnel's rows, in the order of their names."""
        reading = await self._reader.begin()
        labels = (pass_label,) if pass_label else PASS_LABELS
        found: list[funnel_models.FunnelRow] = []

        async def take(members: list[bytes]) -> int:
            rows = members[: limit - len(found)]
            for value, counts in zip(rows, await self._reader.counts(reading, by, rows), strict=True):
                row = row_of(value.decode(), counts, labels, timed_of(by))
                found.extend([] if is_empty(row) else [row])
            return len(rows)

        following = await self._page(reading, ListRange(f"rows:{by}"), cursor, take, lambda: len(found) >= limit)
        every = sum_of(await self._reader.counts(reading, "pass", [label.encode() for label in labels]))
        total = row_of("", every, labels)
        page = funnel_models.FunnelPage(by=by, rows=found, total=total, next=following, as_of=reading.as_of)
        return with_costs(page, self.costs.of(by))

    async def largest(
        self, by: api_models.FunnelDimension, pass_label: api_models.PassLabel | None, most: int
    ) -> funnel_models.FunnelPage:
        """The rows with the most leads, and the sum of all others. `by` is one of RANKED_BY."""
        reading = await self._reader.begin()
        labels = (pass_label,) if pass_label else PASS_LABELS
        values, many = await self._reader.ranked(reading, by, most)
        counts = await self._reader.counts(reading, by, values)
        total = sum_of(await self._reader.counts(reading, "pass", [label.encode() for label in labels]))
        others = total.copy()
        others.subtract(sum_of(counts))
        page = funnel_models.FunnelPage(
            by=by,
            rows=[row_of(value.decode(), row, labels, timed_of(by)) for value, row in zip(values, counts, strict=True)],
            total=row_of("", total, labels),
            others=row_of("", +others, labels, timed_of(by)) if many > len(values) else None,
            values=many,
            next=None,
            as_of=reading.as_of,
        )
        return with_costs(page, self.costs.of(by))

    async def counts(self, by: str, values: Sequence[str]) -> list[dict[str, int]]:
        """The counts of these rows of any dimension, listed or not."""
        reading = await self._reader.begin()
        return await self._reader.counts(reading, by, [value.encode() for value in values])

    async def rows(self, by: str) -> AsyncIterator[tuple[str, dict[str, int]]]:
        """All rows of a dimension of LISTED_BY, in the order of their names."""
        reading, last = await self._reader.begin(), None
        while members := await self._reader.members(reading, ListRange(f"rows:{by}"), last, most=SLICE):
            for value, counts in zip(members, await self._reader.counts(reading, by, members), strict=True):
                yield value.decode(), counts
            last = members[-1]

    async def values(self, by: api_models.FunnelDimension, most: int) -> list[str]:
        """The first values of a dimension that are not empty, in the order of their names."""
        reading = await self._reader.begin()
        found = await self._reader.members(reading, ListRange(f"rows:{by}"), None, most=most)
        return [value.decode() for value in found if value]

    async def count(self) -> int:
        """How many leads there are."""
        reading = await self._reader.begin()
        (size,) = await self._reader.sizes(reading, [ListRange("all")])
        return size

    async def documents(self) -> AsyncIterator[list[tuple[LeadDocument, LeadSnapshot]]]:
        """All leads, some at a time, with their snapshots."""
        reading, last = await self._reader.begin(), None
        while members := await self._reader.members(reading, ListRange("all"), last, most=SLICE):
            documents = await self._reader.documents(reading, members)
            snapshots = [(document, self._renderer.snapshot(document)) for document in documents]
            yield [(document, snapshot) for document, snapshot in snapshots if snapshot is not None]
            last = members[-1]
        if (await self._reader.begin()).generation != reading.generation:
            raise ReadModelUnavailable("the read model was filled again meanwhile: try again")

    async def overview(self, now: int, zone: ZoneInfo) -> api_models.Overview:
        """How many leads stand where; days end at midnight in `zone`."""
        reading = await self._reader.begin()
        return await overview_of(self._reader, reading, Days.of(now, zone))

    async def changes(self, now: int) -> cohort_models.Changes:
        """What happened in the last day, and in the one before."""
        return await changes_of(self._reader, await self._reader.begin(), now)

    async def passed_dates(self, before: int) -> PassedDates:
        """Leads that wait for a date before this instant, epoch ms."""
        return await passed_dates(self._reader, await self._reader.begin(), self._renderer.snapshot, before)

    async def revision(self) -> tuple[str, api_models.AsOf]:
        """A text that changes with every batch that is written, and how far the read model is."""
        reading = await self._reader.begin()
        return await self._reader.revision(reading), reading.as_of

    async def as_of(self) -> api_models.AsOf:
        """How far it is."""
        return (await self._reader.begin()).as_of

    async def close(self) -> None:
        await self._reader.close()

    async def _page(
        self,
        reading: Reading,
        within: ListRange,
        cursor: str | None,
        take: Callable[[list[bytes]], Awaitable[int]],
        is_full: Callable[[], bool],
        *,
        is_backwards: bool = False,
    ) -> str | None:
        """Pass slices of a list to `take`, which returns how many it consumed; returns the cursor of the next page."""
        last = None if cursor is None else member_of(cursor, within.name)
        for _ in range(SCANNED // SLICE):
            members = await self._reader.members(reading, within, last, most=SLICE, is_backwards=is_backwards)
            consumed = await take(members)
            last = members[consumed - 1] if consumed else last
            if consumed == len(members) < SLICE:
                return None
            if is_full():
                break
        return cursor_of(within.name, last or b"")

    async def _newest(
        self,
        reading: Reading,
        name: str,
        cursor: str | None,
        limit: int,
        known: Callable[[LeadDocument, LeadSnapshot], Mapping[str, E]],
    ) -> tuple[list[E], str | None]:
        """A page of a list of recycles or escalations, and its cursor. `known` returns those of a document by id."""
        found: list[E] = []

        async def take(members: list[bytes]) -> int:
            pairs = [split_event_member(member.decode()) for member in members[: limit - len(found)]]
            documents = await self._reader.documents(reading, [lead_id.encode() for _, lead_id in pairs])
            for (event_id, _), document in zip(pairs, documents, strict=True):
                snapshot = self._renderer.snapshot(document)
                of_lead = {} if snapshot is None else known(document, snapshot)
                found.extend([of_lead[event_id]] if event_id in of_lead else [])
            return len(pairs)

        following = await self._page(
            reading, ListRange(name), cursor, take, lambda: len(found) >= limit, is_backwards=True
        )
        return found, following


def _escalation_list(state: EscalationState | None, owner: str | None) -> str:
    if owner:
        return f"owner-escalations-{state}:{owner}" if state else f"owner-escalations:{owner}"
    return f"escalations:{state}" if state else "escalations"
