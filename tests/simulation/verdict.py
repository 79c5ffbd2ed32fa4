"""The verdict on a run: the state, outputs and commits that the reference model expects of the published facts."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from aiokafka.structs import TopicPartition

from schemas.events import LeadSnapshot
from schemas.topics import TOPICS
from streams.agents.loop import NOW
from streams.agents.records import snapshot
from streams.domain.fact_of_record import fact_of
from streams.domain.lead_fold import LeadFold
from streams.domain.lead_history import LeadHistory
from tests.unit.domain.reference_model import MODEL, lead_as_the_model_says, policy_to_model, to_model

from .cluster import CHANGELOG
from .histories import END

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.engine import FetchedRecord

    from .world import World

DECIDED = ("lead-stalled", "lead-recycled", "lead-decisions")
MILESTONES = (
    "stage",
    "pass_no",
    "stall_id",
    "recycle_id",
    "due_at",
    "owner_id",
    "reached",
    "last_stall_reason",
    "passes",
)
TOPICS_OF = {
    "stalled": ("lead-stalled",),
    "recycle": ("lead-recycled", "lead-decisions"),
    "revoke": ("lead-recycled", "lead-decisions"),
}


class Violation(Exception):
    """The engine lost, invented or confused something."""


class Verdict:
    """Of one world that has come to rest."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._broker = world.cluster.broker
        self._rules = world.policy if world.is_live else world.policy.for_history()
        self._policy = policy_to_model(self._rules)

    def check(self) -> None:
        """Compare everything.

        Raises:
            Violation: the first difference.
        """
        if self._world.cluster.is_fenced and self._world.cluster.fenced:
            raise Violation(f"fenced: {self._world.cluster.fenced[0]}")
        states = self._states()
        self._equal("stores of the owners", *self._stores_and_changelog())
        for lead_id in self._world.facts:
            if lead_id.encode() not in states:
                raise Violation(f"{lead_id} is lost as a whole")
        self._equal("keys", set(states), {lead_id.encode() for lead_id in self._world.facts})
        histories = {key.decode(): LeadHistory.decode(state) for key, state in states.items()}
        for lead_id, history in histories.items():
            self._facts_are_known(lead_id, history)
        if self._world.is_live:
            self._live(histories)
        else:
            self._history(histories)
        self._snapshots(histories)

    # -- what is compared ----------------------------------------------------------------------

    def _facts_are_known(self, lead_id: str, history: LeadHistory) -> None:
        known = {fact.event_id for fact in history.facts}
        lost = [fact.event_id for fact in self._world.facts[lead_id] if fact.event_id not in known]
        if lost:
            raise Violation(f"{lead_id} has lost {lost}")

    def _history(self, histories: dict[str, LeadHistory]) -> None:
        """The facts came in order: exactly what the reference decides, in exactly the same bytes."""
        end, expected, decided = self._world.scale.at(END), set(), self._decided()
        for lead_id, history in histories.items():
            theirs = MODEL.run(lead_id, self._model_facts(lead_id), self._policy, end)
            self._equal(lead_id, lead_as_the_model_says(history.lead), lead_as_the_model_says(theirs.lead))
            expected |= {
                (topic, one.event_id)
                for one in theirs.emitted
                for topic in TOPICS_OF.get(one.kind, ("lead-decisions",))
            }
        self._equal("decided", set(decided), expected)
        ambiguous = [name for name, values in decided.items() if len(values) > 1]
        if ambiguous:
            raise Violation(f"different bytes under one id: {ambiguous}")

    def _live(self, histories: dict[str, LeadHistory]) -> None:
        """Facts came in any order: the same lead as the reference folds, and marketing has what stands."""
        for lead_id, history in histories.items():
            folded = MODEL.fold([to_model(fact) for fact in history.facts])
            self._equal(lead_id, lead_as_the_model_says(history.lead), lead_as_the_model_says(folded))
            theirs = MODEL.run(lead_id, self._model_facts(lead_id), self._policy, int(self._world.wall() * 1000))
            self._equal(f"stage of {lead_id}", MODEL.stage(folded), MODEL.stage(theirs.lead))
        standing = {history.lead.recycle.recycle_id for history in histories.values() if history.lead.recycle}
        sent = [self._decode(record) for record in self._records("lead-recycled")]
        recycled = {one.recycle_id for one in sent if one.action == "RECYCLE"}
        revoked = {one.recycle_id for one in sent if one.action == "REVOKE"}
        self._equal("standing recycles", recycled - revoked, standing)

    def _snapshots(self, histories: dict[str, LeadHistory]) -> None:
        """The newest snapshots; where late ones cannot be refused, without leads that a former owner sent one of."""
        late, newest = set[str](), dict[str, Any]()
        for record in self._records("lead-snapshots"):
            one = self._decode(record)
            assert isinstance(one, LeadSnapshot)
            newest[one.lead_id] = _milestones(one)
            if (TopicPartition(record.topic, record.partition), record.offset) in self._broker.late:
                late.add(one.lead_id)
        cluster = self._world.cluster
        if cluster.is_fenced and not cluster.happened["producer id changed"]:
            late.clear()
        expected = {lead_id: self._snapshot(lead_id, each) for lead_id, each in histories.items()}
        milestones = {lead_id: _milestones(one) for lead_id, one in expected.items() if lead_id not in late}
        self._equal("snapshots", {lead_id: one for lead_id, one in newest.items() if lead_id not in late}, milestones)
        stages = {lead_id: MODEL.stage(self._as_model(each)) for lead_id, each in histories.items()}
        self._equal("stages", {lead_id: one.stage for lead_id, one in expected.items()}, stages)

    def _snapshot(self, lead_id: str, history: LeadHistory) -> LeadSnapshot:
        return snapshot(lead_id, history, LeadFold(lead_id, history).deadline(self._rules), 0)

    def _stores_and_changelog(self) -> tuple[dict[int, Any], dict[int, Any]]:
        """The local stores of the owners, and what recovery would make of the changelog."""
        stores = {n: dict(store.items()) for worker in self._world.running() for n, store in worker.stores.items()}
        return stores, {number: self._replayed(number) for number in stores}

    # -- what there is -------------------------------------------------------------------------

    def _states(self) -> dict[bytes, bytes]:
        states: dict[bytes, bytes] = {}
        for number in range(self._world.partitions):
            states |= {key: value for key, value in self._replayed(number).items() if key != NOW}
        return states

    def _replayed(self, number: int) -> dict[bytes, bytes]:
        values: dict[bytes, bytes] = {}
        for record in self._broker.logs[TopicPartition(CHANGELOG, number)].records:
            if record.value is None:
                values.pop(record.key or b"", None)
            else:
                values[record.key or b""] = record.value
        return values

    def _decided(self) -> dict[tuple[str, str], set[bytes]]:
        """What was published, by topic and id; facts of upstreams left out."""
        published = {fact.event_id for each in self._world.facts.values() for fact in each}
        found: defaultdict[tuple[str, str], set[bytes]] = defaultdict(set)
        for topic in DECIDED:
            for record in self._records(topic):
                event_id = self._decode(record).event_id
                if event_id not in published:
                    found[topic, event_id].add(record.value or b"")
        return found

    def _records(self, topic: str) -> Iterator[FetchedRecord]:
        for number in range(self._world.partitions):
            yield from self._broker.logs[TopicPartition(topic, number)].records

    def _decode(self, record: FetchedRecord) -> Any:
        kind = TOPICS[record.topic].record
        assert kind is not None
        return self._world.codec.decode(record.value, kind)

    def _model_facts(self, lead_id: str) -> list[Any]:
        return [to_model(fact_of(record)) for record in self._world.facts[lead_id]]

    def _as_model(self, history: LeadHistory) -> Any:
        return MODEL.fold([to_model(fact) for fact in history.facts])

    def _equal(self, what: str, ours: Any, theirs: Any) -> None:
        if ours != theirs:
            raise Violation(f"{what}: {_difference(ours, theirs)}")


def _milestones(one: LeadSnapshot) -> dict[str, Any]:
    """What a snapshot is published for when it changes; the rest of it may be older."""
    return {name: getattr(one, name) for name in MILESTONES}


def _difference(ours: Any, theirs: Any) -> str:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
        return "; ".join(f"{key}: {ours.get(key)!r}, expected {theirs.get(key)!r}" for key in keys[:3])
    if isinstance(ours, set) and isinstance(theirs, set):
        return f"lost {sorted(theirs - ours)[:3]}, invented {sorted(ours - theirs)[:3]}"
    return f"{ours!r}, expected {theirs!r}"
