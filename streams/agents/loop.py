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
from streams.agents.chunk_stats import ChunkStats
from streams.agents.inbound import Misplaced, RejectedRecord
from streams.agents.leads import Entry, Leads
from streams.agents.outbound import Outbound
from streams.agents.records import snapshot
from streams.domain.facts import Closed, Contacted, Created, Fact, Revoked, Stalled, Verdict
from streams.domain.funnel import Funnel
from streams.domain.lead import Lead
from streams.domain.policy import Policy
from streams.engine import Chunk, Item, TimerWheel

SLICE = 200  # records, or deadlines, between two breaths of the event loop: some 20 ms
BEAT_MS = 1000  # between two heartbeats of a live partition that takes no records
FLUSH = 2000  # deadlines that may fire before what they told is made durable: all leads may be due at once
NOW = b"\xff\xffnow"  # the key of stream time: no lead_id, these bytes are not UTF-8

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

    def __init__(
        self, number: int, rules: Rules, clock: TimerWheel, leads: Leads, funnel: Funnel, out: Outbound
    ) -> None:
        self.number = number
        self.clock = clock
        self.funnel = funnel
        self._rules = rules
        self._leads = leads
        self._out = out
        self._stored_now = self._fired_from = clock.now
        self._beat_sent_at = 0
        self.heartbeat_at = 0
        self._stats = ChunkStats()

    def may_skip_tick(self, complete_until: int) -> bool:
        """Move time where nothing waits for it; False if a chunk without records has something to do."""
        wall = self._rules.wall_ms()
        if not self._rules.is_live:
            return not self.clock.is_due(self.clock.now)  # a fact that came late may have set it
        if self._is_silent(wall):
            return False
        if complete_until:
            moment = min(complete_until - self._rules.grace_ms, wall)
            if self.clock.is_due(moment):
                return False
            self.clock.advance(moment)
        return True

    async def run(self, chunk: Chunk) -> ChunkStats:
        """Do one chunk; the caller holds it open and acks."""
        self._chunk, self._wall, self._stats = chunk, self._rules.wall_ms(), ChunkStats()
        for n, item in enumerate(chunk.records, 1):
            chunk.current = item
            moment = 0 if _is_alive(item.value) else min(item.at, self._wall)
            if self.clock.is_due(moment):
                await self._fire(moment)
            else:
                self.clock.advance(moment)
            self._take(item)
            if n % SLICE == 0:
                await asyncio.sleep(0)
        chunk.current = None
        if self._rules.is_live:
            await self._live()
        elif not chunk.records:
            await self._fire(self.clock.now)
        self._save()
        return self._stats

    def acked(self, stats: ChunkStats) -> None:
        """What a chunk did is durable: its heartbeats came through."""
        self.heartbeat_at = max(self.heartbeat_at, stats.beat_at)

    def _take(self, item: Item) -> None:
        value = item.value
        if kind := KINDS.get(type(value)):
            self._fact(item, value, kind)
            return
        match value:
            case Heartbeat():
                self._heartbeat(value)
            case RejectedRecord(reason, error):
                self._stats.rejected[reason] += 1
                self._out.dead_letter(self._chunk, item.record, reason, error, self._wall)
            case Misplaced(lead_id):
                self._reroute(item, lead_id.encode())
            case never:
                assert_never(never)

    # -- facts ---------------------------------------------------------------------------------

    def _fact(self, item: Item, fact: Fact, kind: str) -> None:
        key = item.record.key
        entry = self._leads.known(key) or self._leads.load(key, self._chunk)
        if entry is None:  # only then: what is stored here belongs here
            if partition_of(key, self._rules.partitions) != self.number:
                self._reroute(item, key)
                return
            entry = self._leads.begin(key)
        if type(fact) is Verdict:
            self._stall_first(entry, min(fact.at, self._wall))
        first_touch_at = entry.ledger.history.lead.first_touch_at
        arrival = entry.ledger.add(fact, self._rules.policy, self.clock.now)
        if arrival == "repeat":
            self._stats.repeats += not _is_own(fact)
            return
        if arrival == "new":
            self._stats.facts[kind] += 1
            if first_touch_at is None and kind == "contacted":
                self._first_contact(entry.lead)
        else:
            self._stats.late += 1
        self._settle(entry, item.record.headers)

    async def _fire(self, to: int) -> None:
        """Move stream time; what is due fires before the record that moved it."""
        self._fired_from = self.clock.now
        for n, (due, key) in enumerate(self.clock.advance(to), 1):
            entry = self._leads.known(key) or self._leads.load(key, self._chunk) or self._leads.begin(key)
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
        if entry.ledger.emissions:
            traceparent = traceparent_of(headers)
            for emission in entry.ledger.emissions:
                self._out.emit(self._chunk, entry.key, entry.ledger.lead_id, emission, traceparent)
                if isinstance(emission.what, Stalled):
                    self._stalled(emission.what)
                else:
                    self._stats.decided.append((emission.what, emission.lead.pass_no))
            entry.ledger.emissions.clear()
        entry.due = due = entry.ledger.deadline(self._rules.policy)
        self.clock.set(entry.key, due and due.due)
        self._leads.touch(entry)

    def _reroute(self, item: Item, key: bytes) -> None:
        self._stats.rerouted += 1
        self._out.reroute(self._chunk, item.record, key, partition_of(key, self._rules.partitions))

    # -- time ----------------------------------------------------------------------------------

    def _heartbeat(self, beat: Heartbeat) -> None:
        if beat.says != "complete":
            self._stats.freshness = (self._wall - beat.occurred_at) / 1000
            self._stats.beat_at = max(self._stats.beat_at, beat.occurred_at)

    async def _live(self) -> None:
        if self._chunk.complete_until:
            await self._fire(min(self._chunk.complete_until - self._rules.grace_ms, self._wall))
        if not self._chunk.records and self._is_silent(self._wall):
            self._out.heartbeat(self._chunk, self._wall)
            self._beat_sent_at = self._wall

    def _is_silent(self, wall: int) -> bool:
        return abs(wall - self._beat_sent_at) >= BEAT_MS  # abs: a clock that is set back must not silence a partition

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

    def _first_contact(self, lead: Lead) -> None:
        if lead.first_touch_at is not None and lead.created_at is not None:
            seconds = max(0, lead.first_touch_at - lead.created_at) / 1000
            self._stats.first_contacts[lead.origin].append(seconds)

    def _stalled(self, stall: Stalled) -> None:
        now = self._wall if self._rules.is_live else self.clock.now
        # What was due before that was not known in time: its facts came late, and were told late to us.
        since = max(stall.at, self._fired_from)
        self._stats.stalls[stall.reason] += 1
        self._stats.detection_delays.append(max(0, now - since) / 1000)


def _is_own(fact: Fact) -> bool:
    """Our own word, read back: no repeat of an upstream."""
    return isinstance(fact, Verdict | Revoked) or (isinstance(fact, Stalled) and fact.declared_by == "detector")


def _is_alive(value: object) -> bool:
    return type(value) is Heartbeat and value.says != "complete"
