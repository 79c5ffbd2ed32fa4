"""The loop of one partition, done by the reference model beside the agent: the same chunks, the same crashes."""

from collections.abc import Iterable
from copy import copy
from typing import Any

from schemas.events import Heartbeat, LeadDecided, LeadStalled
from streams.agents.inbound import RejectedRecord, Tombstone, Value
from streams.agents.loop import NOW
from streams.domain.facts import Decided
from streams.domain.policy import Policy
from streams.domain.received import Misplaced
from streams.engine import Item
from tests.fakes import FakeChunk
from tests.unit.domain.reference_model import MODEL, emitted_by_the_model, policy_to_model, to_model

from .agent_harness import CODEC, AgentHarness, Crash

Emissions = dict[str, list[tuple[str, str, int, str | None]]]


class ModelLoop:
    """Plain and slow: looks at every lead at every step, and remembers everything."""

    def __init__(self, policy: Policy) -> None:
        self.ledgers: dict[str, Any] = {}
        self._policy = policy_to_model(policy.for_history())
        self._now = 0
        self._saved: dict[str, Any] = {}
        self._saved_now = 0

    def chunk(self, items: Iterable[Item[Value]]) -> Emissions:
        """Do one chunk; what it publishes, by lead."""
        for ledger in self.ledgers.values():
            ledger.emitted.clear()
        for item in items:
            self._take(item)
        return {
            lead: [emitted_by_the_model(fact)[:4] for fact in each.emitted]
            for lead, each in self.ledgers.items()
            if each.emitted
        }

    def save(self, keys: Iterable[bytes]) -> None:
        """These parts of the state are safe."""
        for key in keys:
            if key == NOW:
                self._saved_now = self._now
            else:
                self._saved[key.decode()] = _copied(self.ledgers[key.decode()])

    def restart(self) -> None:
        """Only what is safe is known."""
        self._now = self._saved_now
        self.ledgers = {lead_id: _copied(ledger) for lead_id, ledger in self._saved.items()}

    def _take(self, item: Item[Value]) -> None:
        self._now = max(self._now, item.at)
        self._fire()
        if isinstance(item.value, Heartbeat):
            return
        assert not isinstance(item.value, RejectedRecord | Misplaced | Tombstone)
        lead_id = (item.record.key or b"").decode()
        ledger = self.ledgers.setdefault(lead_id, MODEL.Ledger(lead_id, self._policy))
        if isinstance(item.value, Decided) and (self._due(ledger) or item.at + 1) <= item.at:
            ledger.tick(item.at + 1)
        ledger.add(to_model(item.value), self._now)

    def _fire(self) -> None:
        while due := [(at, lead) for lead, each in self.ledgers.items() if (at := self._due(each)) and at < self._now]:
            at, lead_id = min(due)
            self.ledgers[lead_id].tick(at + 1)

    def _due(self, ledger: Any) -> int | None:
        deadline = MODEL.next_deadline(ledger.lead, self._policy)
        if deadline is None:
            return None
        due, reason, idle_since = deadline
        stall_id = MODEL.digest("stall", ledger.lead_id, ledger.lead.pass_no, reason, idle_since)
        return None if stall_id in ledger.facts else int(due)


def _copied(ledger: Any) -> Any:
    other = copy(ledger)
    other.facts, other.emitted = dict(ledger.facts), []
    return other


class Lockstep(AgentHarness):
    """The agent and the model: after each chunk they must have published the same."""

    def __init__(self, policy: Policy, *, memory: int = 64) -> None:
        super().__init__(policy, memory=memory)
        self._model = ModelLoop(policy)

    async def _chunk(self, items: list[Item[Value]], crash: Crash | None) -> None:
        if not self._is_up:
            self._model.restart()
        self._expected = self._model.chunk(items)
        await super()._chunk(items, crash)

    def _end(self, chunk: FakeChunk, crash: Crash | None) -> None:
        assert _emissions_of(chunk) == self._expected
        changes = list(chunk.changes)
        self._model.save(changes if crash is None else changes[: crash.changes])
        super()._end(chunk, crash)

    def assert_same_stages(self) -> None:
        """The last snapshots must agree with the model."""
        assert self.stages() == {lead_id: MODEL.stage(each.lead) for lead_id, each in self._model.ledgers.items()}


def _emissions_of(chunk: FakeChunk) -> Emissions:
    found: Emissions = {}
    for one in chunk.sent:
        if one.topic == "lead-stalled":
            stall = CODEC.decode(one.value, LeadStalled)
            found.setdefault(stall.lead_id, []).append(("stalled", stall.event_id, stall.occurred_at, None))
        elif one.topic == "lead-decisions":
            decision = CODEC.decode(one.value, LeadDecided)
            kind = decision.decision.lower()
            found.setdefault(decision.lead_id, []).append((kind, decision.event_id, decision.occurred_at, decision.why))
    return found
