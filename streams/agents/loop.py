"""The loop of one partition, whole: dedupe → fold → deadlines → decide → outputs, in the order of event time.

Decoding and the merge come before it (`inbound`, `engine.merge`), durability after it (`engine.chunk`): nothing here
is published before the broker has it, and whatever escapes ends the process before the ack.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, assert_never

from schemas.events import Heartbeat
from schemas.headers import traceparent_of
from schemas.topics import partition_of
from streams.agents.chunk_stats import KINDS, ChunkStats, is_own
from streams.agents.chunk_trace import ChunkTrace
from streams.agents.inbound import RejectedRecord, Tombstone, Value
from streams.agents.leads import CachedLead, Leads
from streams.agents.loop_rules import Rules
from streams.agents.outbound import Outbound
from streams.agents.policy_switch import DeadlineSweep, ItemsAfter
from streams.agents.records import snapshot
from streams.domain.facts import Closed, Contacted, Created, Decided, Fact, Revoked, Stalled, Updated, Warned
from streams.domain.funnel import Funnel
from streams.domain.lead import Lead
from streams.domain.policy import Policy
from streams.domain.received import Misplaced
from streams.engine import Chunk, Item, TimerWheel

SLICE = 200  # records, or deadlines, before other tasks of the event loop get their turn: some 20 ms
BEAT_MS = 1000  # between two heartbeats of a live partition that takes no records
FLUSH = 2000  # deadlines that may fire before their outputs are made durable: all leads may be due at once
NOW = b"\xff\xffnow"  # the key of stream time: no lead_id, these bytes are not UTF-8

FACTS: Final = (Created, Contacted, Closed, Stalled, Decided, Revoked, Updated, Warned)


class PartitionLoop:
    """Owner of all leads of one partition, from its recovery to its revocation: what outlasts a chunk.

    Attributes:
        heartbeat_at: epoch ms at which the newest heartbeat was sent that came through.
        stored_now: stream time as it is in the store.
        beat_sent_at: epoch ms of the wall clock at which this partition last sent a heartbeat.
        sweep: moves the deadlines of the leads to a changed policy; None if all of them follow it.
    """

    def __init__(
        self,
        number: int,
        rules: Rules,
        clock: TimerWheel,
        leads: Leads,
        funnel: Funnel,
        out: Outbound,
        items: ItemsAfter,
    ) -> None:
        self.number = number
        self.rules = rules
        self.clock = clock
        self.leads = leads
        self.funnel = funnel
        self.out = out
        self.heartbeat_at = self.beat_sent_at = 0
        self.stored_now = clock.now
        self.sweep: DeadlineSweep | None = None
        self._items = items

    @property
    def policy(self) -> Policy:
        """What the chunk in work follows."""
        return self.leads.policy

    def follow(self, policy: Policy) -> None:
        """Switch to this policy, if it is another; between two chunks."""
        if policy is not self.policy:
            self.leads.policy = self.out.policy = policy
            self.sweep = DeadlineSweep(self._items, policy)

    def move_deadlines(self, chunk: Chunk[Value]) -> None:
        """Move the deadlines of the next leads to the policy in force."""
        if self.sweep is not None:
            self.sweep.move(self.leads, self.clock, chunk)
            if self.sweep.is_done:
                self.sweep = None

    def may_skip_tick(self, complete_until: int) -> bool:
        """Move time where nothing waits for it; False if a chunk without records has something to do."""
        wall = self.rules.wall_ms()
        if self.sweep is not None or self.rules.policy.current is not self.policy:
            return False
        if not self.rules.is_live:
            return not self.clock.is_due(self.clock.now)  # a fact that came late may have set it
        if self.owes_heartbeat(wall):
            return False
        if complete_until:
            moment = min(complete_until - self.rules.grace_ms, wall)
            if self.clock.is_due(moment):
                return False
            self.clock.advance(moment)
        return True

    def owes_heartbeat(self, wall: int) -> bool:
        """Whether the last one was sent too long before `wall` (epoch ms)."""
        return abs(wall - self.beat_sent_at) >= BEAT_MS  # abs: a clock that is set back must not silence a partition

    async def run(self, chunk: Chunk[Value]) -> ChunkStats:
        """Do one chunk; the caller holds it open and acks."""
        return await ChunkRun(self, chunk).run()

    def acked(self, stats: ChunkStats) -> None:
        """Note that a chunk is durable: its heartbeats came through."""
        self.heartbeat_at = max(self.heartbeat_at, stats.beat_at)


class ChunkRun:
    """One chunk in work, and what is known only during it."""

    def __init__(self, loop: PartitionLoop, chunk: Chunk[Value]) -> None:
        loop.follow(loop.rules.policy.current)
        self._loop = loop
        self._policy = loop.policy
        self._chunk = chunk
        self._rules, self._clock, self._leads, self._out = loop.rules, loop.clock, loop.leads, loop.out
        self._wall = loop.rules.wall_ms()
        self._fired_from = loop.clock.now
        self._stats = ChunkStats()
        tracing = loop.rules.tracing
        self._trace = None if tracing is None else ChunkTrace(tracing, loop.number)

    async def run(self) -> ChunkStats:
        """Take item by item; deadlines that an item's time passes fire before it."""
        chunk, clock = self._chunk, self._clock
        for n, item in enumerate(chunk.records, 1):
            chunk.current = item
            moment = 0 if _is_alive(item.value) else min(item.at, self._wall)
            if clock.is_due(moment):
                await self._fire(moment)
            else:
                clock.advance(moment)
            self._take(item)
            if n % SLICE == 0:
                await asyncio.sleep(0)
        chunk.current = None
        if self._rules.is_live:
            await self._live()
        elif not chunk.records:
            await self._fire(clock.now)
        self._loop.move_deadlines(chunk)
        self._save()
        if self._trace is not None:
            self._trace.end(len(chunk.records))
        return self._stats

    def _take(self, item: Item[Value]) -> None:
        value = item.value
        if isinstance(value, FACTS):  # nearly all are: before the match, which costs more
            self._fact(item, value)
            return
        match value:
            case Heartbeat():
                self._heartbeat(value)
            case RejectedRecord(reason, error):
                self._stats.rejected[reason] += 1
                self._out.dead_letter(self._chunk, item.record, reason, error, self._wall)
            case Misplaced(lead_id):
                self._reroute(item, lead_id.encode())
            case Tombstone():
                self._stats.ignored["tombstone"] += 1
            case never:
                assert_never(never)

    # -- facts ---------------------------------------------------------------------------------

    def _fact(self, item: Item[Value], fact: Fact) -> None:
        key = item.record.key or b""  # `Inbound` gives a fact only where the key is its lead
        entry = self._leads.known(key) or self._leads.load(key, self._chunk)
        if entry is None:  # only then: what is stored here belongs here
            if partition_of(key, self._rules.partitions) != self._loop.number:
                self._reroute(item, key)
                return
            entry = self._leads.begin(key)
        if type(fact) is Decided:
            self._stall_first(entry, min(fact.at, self._wall))
        first_touch_at = entry.ledger.history.lead.first_touch_at
        arrival = entry.ledger.add(fact, self._policy, self._clock.now)
        if arrival == "repeat":
            self._stats.repeats += not is_own(fact)
            return
        if arrival == "new":
            self._stats.facts[KINDS[type(fact)]] += 1
            if first_touch_at is None and type(fact) is Contacted:
                self._first_contact(entry.lead)
        else:
            self._stats.late += 1
        self._settle(entry, item.record.headers)
        self._wait_for_others(entry, fact)

    def _wait_for_others(self, entry: CachedLead, fact: Fact) -> None:
        """Live, a promise that was broken before its facts came is declared only after the allowed lateness.

        More facts of the same request, or of another topic, may still show that it was kept. Stream time that is ahead
        of the wall clock, which was set back, would wait too long: nothing waits for it.
        """
        due, now = entry.due, self._clock.now
        is_late = due is not None and due.due < now <= self._wall
        if self._rules.is_live and is_late and not is_own(fact):
            self._clock.set(entry.key, now + self._rules.grace_ms)

    async def _fire(self, to: int) -> None:
        """Move stream time; what is due fires before the record that moved it."""
        self._fired_from = self._clock.now
        for n, (due, key) in enumerate(self._clock.advance(to), 1):
            entry = self._leads.known(key) or self._leads.load(key, self._chunk) or self._leads.begin(key)
            entry.ledger.tick(self._policy, due + 1, self._clock.now)
            self._settle(entry, ())
            if n % FLUSH == 0:
                self._save()
                await self._chunk.flush()
            elif n % SLICE == 0:
                await asyncio.sleep(0)

    def _stall_first(self, entry: CachedLead, at: int) -> None:
        """A recycle that is read again after a crash proves that time was past its stall: decide the stall again.

        The stall itself may come later (its topic may hold more in front of it) or never (it was not delivered).
        """
        if entry.due is not None and entry.due.due <= at:
            entry.ledger.tick(self._policy, at + 1, max(at + 1, self._clock.now))
            self._settle(entry, ())

    def _settle(self, entry: CachedLead, headers: Sequence[tuple[str, bytes | None]]) -> None:
        """Emit what follows, and file the lead's next deadline."""
        trace = self._trace
        follows = None if trace is None else trace.follow(headers, len(entry.ledger.emissions))
        if entry.ledger.emissions:
            traceparent = traceparent_of(headers) if trace is None else follows
            for emission in entry.ledger.emissions:
                self._out.emit(self._chunk, entry.key, entry.ledger.lead_id, emission, traceparent)
                if isinstance(emission.what, Stalled):
                    self._stalled(emission.what)
                else:
                    self._stats.emitted(emission.what, emission.lead.pass_no, self._policy)
            entry.ledger.emissions.clear()
        entry.due = due = entry.ledger.deadline(self._policy)
        self._clock.set(entry.key, due and due.due)
        self._leads.touch(entry)

    def _reroute(self, item: Item[Value], key: bytes) -> None:
        self._stats.rerouted += 1
        self._out.reroute(self._chunk, item.record, key, partition_of(key, self._rules.partitions))

    # -- time ----------------------------------------------------------------------------------

    def _heartbeat(self, beat: Heartbeat) -> None:
        if beat.says != "complete":
            self._stats.freshness = (self._wall - beat.occurred_at) / 1000
            self._stats.beat_at = max(self._stats.beat_at, beat.occurred_at)

    async def _live(self) -> None:
        chunk, loop = self._chunk, self._loop
        if chunk.complete_until:
            await self._fire(min(chunk.complete_until - self._rules.grace_ms, self._wall))
        if not chunk.records and loop.owes_heartbeat(self._wall):
            self._out.heartbeat(chunk, self._wall)
            loop.beat_sent_at = self._wall

    def _save(self) -> None:
        """Stream time goes last into the changelog: a batch that is torn must not be ahead in time."""
        chunk, loop, moved = self._chunk, self._loop, bool(self._leads.touched)
        self._leads.save(chunk, self._snapshot)
        has_time = any(item.at and not _is_alive(item.value) for item in chunk.records)
        if moved or (has_time and self._clock.now != loop.stored_now):
            chunk.put(NOW, b"%d" % self._clock.now)
            loop.stored_now = self._clock.now

    def _snapshot(self, entry: CachedLead) -> None:
        record = snapshot(entry.ledger.lead_id, entry.ledger.history, entry.due, self._clock.now)
        self._out.snapshot(self._chunk, entry.key, record)

    # -- counting ------------------------------------------------------------------------------

    def _first_contact(self, lead: Lead) -> None:
        if lead.first_touch_at is not None and lead.created_at is not None:
            seconds = max(0, lead.first_touch_at - lead.created_at) / 1000
            self._stats.first_contacts[lead.origin].append(seconds)

    def _stalled(self, stall: Stalled) -> None:
        now = self._wall if self._rules.is_live else self._clock.now
        # What was due before that could not be known in time: its facts arrived late.
        since = max(stall.at, self._fired_from)
        self._stats.stalls[stall.reason] += 1
        self._stats.detection_delays.append(max(0, now - since) / 1000)


def _is_alive(value: object) -> bool:
    return type(value) is Heartbeat and value.says != "complete"
