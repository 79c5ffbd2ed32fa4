"""Reads from Redis what the audit compares: totals with the positions that they belong to, and documents of leads."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_args

from redis.exceptions import RedisError, WatchError

from schemas.codec import Codec
from schemas.errors import UserError
from schemas.events import LeadDecided, LeadEscalated, LeadRecycled, LeadSnapshot, Stage
from workers.read_model.escalations import decision_of, escalation_of, escalation_state
from workers.read_model.generation import SOURCE_TOPICS, PartitionId, decode_meta
from workers.read_model.lead_document import LeadDocument, decode
from workers.read_model.list_members import event_member
from workers.read_model.redis_keys import FORMAT, Generation, Keys

if TYPE_CHECKING:
    from redis import Redis

SNAPSHOTS: Final = "lead-snapshots"
_STAGES: tuple[Stage, ...] = get_args(Stage)
_TRIES = 5

_NOT_RECOUNTED = re.compile(r"<|^(expected|after):")
"""Durations, and money that depends on more than its own pass."""


class ModelUnreadable(UserError):
    """Redis does not answer, or the read model in it cannot be compared. The message says which."""


class ModelTotals(NamedTuple):
    """Counts of the read model at one moment.

    Attributes:
        positions: Of the partitions of `lead-snapshots`: what the counts contain.
        stages: How many leads are listed in each stage.
        funnel: How many passes reached each step, by origin and step.
    """

    positions: Mapping[int, int]
    stages: Mapping[str, int]
    funnel: Mapping[tuple[str, str], int]


class ModelLead(NamedTuple):
    """What the read model has about a lead.

    Attributes:
        document: Its document.
        snapshot: The one in the document, None if there is none.
        positions: How far the read model was, before its document was read.
        missing_in: Lists that must contain the lead by its document, and do not.
    """

    document: LeadDocument
    snapshot: LeadSnapshot | None
    positions: Mapping[PartitionId, int]
    missing_in: Sequence[str]


class ModelReader:
    """The read model of one application. Every method raises ModelUnreadable.

    Args:
        redis: Where it is.
        app_id: Whose it is.
        codec: Decodes the records in documents.
        partitions: The number of partitions of each topic.
    """

    def __init__(self, redis: "Redis", app_id: str, codec: Codec, partitions: Mapping[str, int]) -> None:
        self._redis: Any = redis  # redis-py's stubs give a union of awaitable and plain results
        self._keys = Keys(app_id)
        self._codec = codec
        self._partitions = partitions

    def totals(self) -> ModelTotals:
        """The counts, and how far the read model was at that moment."""
        with _translated_errors():
            generation = self._generation()
            for _ in range(_TRIES):
                found = self._totals(generation)
                if found is not None:
                    return found
        raise ModelUnreadable("the rows of the funnel change all the time: run the audit again")

    def leads(self, lead_ids: Sequence[str], partition: int) -> Mapping[str, ModelLead]:
        """What the read model has about these leads, all of one partition."""
        places = [PartitionId(topic, partition) for topic in SOURCE_TOPICS if partition < self._partitions[topic]]
        with _translated_errors():
            generation = self._generation()
            names = [generation.position(*place) for place in places]
            found = self._redis.mget([*names, *map(generation.lead, lead_ids)])  # one command: one moment
            values = found[len(places) :]
            positions = {place: _number(value) for place, value in zip(places, found, strict=False)}
            documents = [decode(value) for value in values]
            snapshots = [self._snapshot(document) for document in documents]
            missing = self._missing(generation, lead_ids, documents, snapshots)
        rows = zip(lead_ids, documents, snapshots, missing, strict=True)
        return {lead_id: ModelLead(one, snapshot, positions, lists) for lead_id, one, snapshot, lists in rows}

    def _generation(self) -> Generation:
        number = self._redis.get(self._keys.current)
        if number is None:
            raise ModelUnreadable("there is no read model yet: is `leadloop project` running?")
        generation = self._keys.generation(int(number))
        meta = self._redis.get(generation.meta)
        if meta is None or decode_meta(meta).format != FORMAT:
            raise ModelUnreadable("the read model is of another version: run the audit of that version")
        return generation

    def _totals(self, generation: Generation) -> ModelTotals | None:
        """None if the rows have changed meanwhile."""
        numbers = range(self._partitions[SNAPSHOTS])
        with self._redis.pipeline() as pipe:
            pipe.watch(rows := generation.list("rows:origin"))
            origins = [one.decode() for one in pipe.zrange(rows, 0, -1)]
            pipe.multi()
            pipe.mget([generation.position(SNAPSHOTS, number) for number in numbers])
            for stage in _STAGES:
                pipe.zcard(generation.list(f"stage:{stage}"))
            for origin in origins:
                pipe.hgetall(generation.count("origin", origin))
            try:
                positions, *found = pipe.execute()
            except WatchError:
                return None
        funnel: dict[tuple[str, str], int] = {}
        for origin, row in zip(origins, found[len(_STAGES) :], strict=True):
            for name, count in row.items():
                key = origin, name.decode().partition("/")[2]
                if not _NOT_RECOUNTED.search(key[1]):
                    funnel[key] = funnel.get(key, 0) + int(count)
        stages = dict(zip(_STAGES, found, strict=False))
        return ModelTotals({n: _number(value) for n, value in enumerate(positions)}, stages, funnel)

    def _snapshot(self, document: LeadDocument) -> LeadSnapshot | None:
        return None if document.snapshot is None else self._codec.decode(document.snapshot, LeadSnapshot)

    def _missing(
        self,
        generation: Generation,
        lead_ids: Sequence[str],
        documents: Sequence[LeadDocument],
        snapshots: Sequence[LeadSnapshot | None],
    ) -> list[list[str]]:
        rows = zip(lead_ids, documents, snapshots, strict=True)
        expected = [[] if one is None else list(self._members(lead_id, doc, one)) for lead_id, doc, one in rows]
        with self._redis.pipeline(transaction=False) as pipe:
            for name, member in (each for of_lead in expected for each in of_lead):
                pipe.zscore(generation.list(name), member)
            scores = iter(pipe.execute())
        return [[name for name, _ in of_lead if next(scores) is None] for of_lead in expected]

    def _members(self, lead_id: str, document: LeadDocument, lead: LeadSnapshot) -> Iterator[tuple[str, str]]:
        """Lists that the lead must be in, and its member there."""
        yield "all", lead_id
        yield f"stage:{lead.stage}", lead_id
        for name, value in _values(lead):
            if value:
                yield f"{name}:{value}", lead_id
        for name, at in (("created", lead.created_at), ("touched", lead.last_touch_at), ("due", lead.due_at)):
            if at is not None:
                yield f"by:{name}", lead_id
        for entry in document.recycles if lead.recycle_id else ():
            recycle = self._codec.decode(entry.value, LeadRecycled)
            if recycle.action == "RECYCLE" and recycle.recycle_id == lead.recycle_id:
                yield "recycles:standing", event_member(recycle.occurred_at, recycle.recycle_id, lead_id)
                if recycle.track:
                    yield f"track:{recycle.track}", lead_id
        if document.escalations:
            yield from self._escalations(lead_id, document, lead)

    def _escalations(self, lead_id: str, document: LeadDocument, lead: LeadSnapshot) -> Iterator[tuple[str, str]]:
        decided = [decision_of(self._codec.decode(entry.value, LeadDecided)) for entry in document.decisions]
        for entry in document.escalations:
            escalation = self._codec.decode(entry.value, LeadEscalated)
            if escalation.action == "ESCALATE":
                state = escalation_state(lead, escalation_of(escalation), decided)
                yield f"escalations:{state}", event_member(escalation.occurred_at, escalation.escalation_id, lead_id)


def _values(lead: LeadSnapshot) -> Iterator[tuple[str, str]]:
    """What leads are listed by."""
    yield "origin", lead.origin
    yield "campaign", lead.campaign_id
    yield "segment", lead.segment
    yield "account", lead.account_id
    yield "owner", lead.owner_id
    yield "reason", lead.stall_reason


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise ModelUnreadable(f"REDIS_URL: Redis does not answer ({type(error).__name__})") from error


def _number(value: bytes | None) -> int:
    return int(value) if value is not None and value.isdigit() else 0
