"""The loop of one partition, whole: dedupe → fold → deadlines → decide → outputs, in the order of event time.

Decoding and the merge come before it (`inbound`, `engine.merge`), durability after it (`engine.chunk`): nothing here
is told before the broker has it, and whatever escapes ends the process before the ack.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, assert_never

from schemas.events import Heartbeat
from schemas.headers import traceparent_of
from schemas.topics import partition_of
from streams.agents.inbound import Misplaced, Refused
from streams.agents.leads import Entry, Leads
from streams.agents.outbound import Outbound
from streams.agents.records import DECISIONS, snapshot
from streams.agents.tally import Tally
from streams.domain.decisions import Decision, Revoke
from streams.domain.facts import Closed, Contacted, Created, Fact, Revoked, Stalled, Verdict
from streams.domain.funnel import Funnel
from streams.domain.ledger import Told
from streams.domain.policy import Policy
from streams.engine import Chunk, Clock, Item

SLICE = 200  # records, or deadlines, between two breaths of the event loop: some 20 ms
FLUSH = 2000  # deadlines that may fire before what they told is made durable: all leads may be due at once
NOW = b"\xff\xffnow"  # the key of stream time: no lead_id, these bytes are not UTF-8

UNTIMED = frozenset({Refused, Misplaced})
KINDS: dict[type, str] = {
    Created: "created",
    Contacted: "contacted",
    Closed: "closed",
    Stalled: "stalled",
    Verdict: "recycled",
    Revoked: "revoked",
}


@dataclass(frozen=True)
class Rules:
    """What is the same for all partitions of this process."""

    policy: Policy
    partitions: int
    is_live: bool  # the wall clock speaks (DESIGN: wall mode)
    grace_ms: int
    wall_ms: Callable[[], int]


class PartitionLoop:
    """Owner of all leads of one partition, from its recovery to its revocation."""

    def __init__(self, number: int, rules: Rules, clock: Clock, leads: Leads, funnel: Funnel, out: Outbound) -> None:
        self.number = number
        self.clock = clock
        self.funnel = funnel
        self._rules = rules
        self._leads = leads
        self._out = out
        self._stored_now = clock.now
        self._tally = Tally()

    async def run(self, chunk: Chunk) -> Tally:
        """Do one chunk; the caller holds it open and acks."""
        self._chunk, self._wall, self._tally = chunk, self._rules.wall_ms(), Tally()
        for n, item in enumerate(chunk.records, 1):
            chunk.current = item
            moment = min(_moment(item), self._wall)
            if self.clock.is_due(moment):
                await self._fire(moment)
            self.clock.advance(moment)
            self._take(item)
            if n % SLICE == 0:
                await asyncio.sleep(0)
        chunk.current = None
        if self._rules.is_live:
            await self._live()
        self._save()
        return self._tally

    def _take(self, item: Item) -> None:
        value = item.value
        if type(value) in KINDS:
            self._fact(item, value)
            return
        match value:
            case Heartbeat():
                self._heartbeat(value)
            case Refused(reason, error):
                self._tally.rejected[reason] += 1
                self._out.dead_letter(self._chunk, item.record, reason, error, self._wall)
            case Misplaced(lead_id):
                self._reroute(item, lead_id.encode())
            case never:
                assert_never(never)

    # -- facts ---------------------------------------------------------------------------------

    def _fact(self, item: Item, fact: Fact) -> None:
        key = item.record.key
        entry = self._leads.known(key)
        if entry is None:
            if partition_of(key, self._rules.partitions) != self.number:
                self._reroute(item, key)
                return
            entry = self._leads.load(key, key.decode(), self._chunk)
        if type(fact) is Verdict:
            self._stall_first(entry, min(fact.at, self._wall))
        first_touch_at = entry.lead.first_touch_at
        match entry.ledger.add(fact, self._rules.policy, self.clock.now):
            case "new":
                self._tally.facts[KINDS[type(fact)]] += 1
                self._first_contact(entry, first_touch_at)
                self._settle(entry, item.record.headers)
            case "late":
                self._tally.late += 1
                self._settle(entry, item.record.headers)
            case "repeat":
                self._tally.repeats += not _is_own(fact)

    async def _fire(self, to: int) -> None:
        """Move stream time; what is due fires before the record that moved it."""
        for n, (due, key) in enumerate(self.clock.advance(to), 1):
            entry = self._leads.known(key) or self._leads.load(key, key.decode(), self._chunk)
            entry.ledger.tick(self._rules.policy, due + 1)
            self._settle(entry, ())
            if n % FLUSH == 0:
                self._save()
                await self._chunk.flush()
            elif n % SLICE == 0:
                await asyncio.sleep(0)

    def _stall_first(self, entry: Entry, at: int) -> None:
        """A recycle that comes back after a crash says: time was past its stall, so the lead is told of that again.

        The stall itself may come later (its topic may hold more in front of it) or never (it was not delivered).
        """
        if entry.due is not None and entry.due.due <= at:
            entry.ledger.tick(self._rules.policy, at + 1)
            self._settle(entry, ())

    def _settle(self, entry: Entry, headers: Any) -> None:
        """Tell what follows, and wait for the lead's next deadline."""
        if entry.ledger.told:
            traceparent = traceparent_of(headers)
            for told in entry.ledger.told:
                self._out.tell(self._chunk, entry.key, entry.ledger.lead_id, told, traceparent)
                self._count(told)
            entry.ledger.told.clear()
        entry.due = due = entry.ledger.deadline(self._rules.policy)
        self.clock.set(entry.key, due and due.due)
        self._leads.touch(entry)

    def _reroute(self, item: Item, key: bytes) -> None:
        self._tally.rerouted += 1
        self._out.reroute(self._chunk, item.record, key, partition_of(key, self._rules.partitions))

    # -- time ----------------------------------------------------------------------------------

    def _heartbeat(self, beat: Heartbeat) -> None:
        if beat.says != "complete":
            self._tally.freshness = (self._wall - beat.occurred_at) / 1000

    async def _live(self) -> None:
        if self._chunk.complete_until:
            await self._fire(min(self._chunk.complete_until - self._rules.grace_ms, self._wall))
        if not self._chunk.records:
            self._out.heartbeat(self._chunk, self._wall)

    def _save(self) -> None:
        """Stream time goes last into the changelog: a batch that is torn must not be ahead in time."""
        chunk, moved = self._chunk, bool(self._leads.touched)
        self._leads.save(chunk, self._snapshot)
        said = any(item.at and not _is_alive(item.value) for item in chunk.records)
        if moved or (said and self.clock.now != self._stored_now):
            chunk.put(NOW, b"%d" % self.clock.now)
            self._stored_now = self.clock.now

    def _snapshot(self, entry: Entry) -> None:
        record = snapshot(entry.ledger.lead_id, entry.ledger.history, entry.due, self.clock.now)
        self._out.snapshot(self._chunk, entry.key, record)

    # -- counting ------------------------------------------------------------------------------

    def _first_contact(self, entry: Entry, before: int | None) -> None:
        lead = entry.lead
        if before is None and lead.first_touch_at is not None and lead.created_at is not None:
            seconds = max(0, lead.first_touch_at - lead.created_at) / 1000
            self._tally.first_contacts.append((lead.origin, seconds))

    def _count(self, told: Told) -> None:
        what = told.what
        if isinstance(what, Stalled):
            now = self._wall if self._rules.is_live else self.clock.now
            self._tally.stalls[what.reason] += 1
            self._tally.detection_delays.append(max(0, now - what.at) / 1000)
        else:
            self._tally.decisions[DECISIONS[type(what)], why_of(what)] += 1


def why_of(decision: Decision) -> str:
    return decision.cause if isinstance(decision, Revoke) else decision.why


def _is_own(fact: Fact) -> bool:
    """Our own word, read back: no repeat of an upstream."""
    return isinstance(fact, Verdict | Revoked) or (isinstance(fact, Stalled) and fact.declared_by == "detector")


def _moment(item: Item) -> int:
    """The time that an item moves its partition to: 0 for what moves none."""
    return 0 if type(item.value) in UNTIMED or _is_alive(item.value) else item.at


def _is_alive(value: object) -> bool:
    return isinstance(value, Heartbeat) and value.says != "complete"
