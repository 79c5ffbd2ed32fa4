"""Where parcels are judged, handed to lanes, and written about: effects first, then the offset.

    call ended → result (and what waits) acked by the broker → ledger → the record may be committed

A crash anywhere repeats the record; the ledger, rebuilt from the results, says what is left to do.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from schemas.codec import Codec, Undecodable
from schemas.events import LeadRecycled
from schemas.headers import traceparent_of
from workers.kafka import Full, Outgoing, Sender

from ..attempts import Gone, Outcome
from ..core.admission import Attempt, Drop, GiveUp, Settle, Wait, admit
from ..core.breaker import Circuit
from ..core.model import Availability, ConsumedRecord, RetryState, is_known
from ..core.outcomes import Resolution, dead, ended, settled
from ..core.partition import Item, OpenRecord, OwnedPartition, Pending
from ..core.schedule import Schedule, backed_off_ms
from ..target import Endpoint
from .lane import Lane
from .metrics import DeliveryMetrics
from .records import RecordFactory

_GLANCE = 0.005


@dataclass(eq=False)
class Dispatch:
    """One per process. `standing`: what was said of an endpoint by hand or by us. `share`: ours of all partitions."""

    endpoints: Mapping[str, Endpoint]
    codec: Codec
    records: RecordFactory
    sender: Sender
    schedule: Schedule
    metrics: DeliveryMetrics
    now: Callable[[], int]
    standing: Callable[[str], Availability]
    disable: Callable[[str, str], Awaitable[None]]
    share: Callable[[], float]
    is_ours: Callable[[], bool]
    failed: Callable[[BaseException, str], None]
    lanes: Mapping[str, Lane] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns: dict[str, float] = {}

    def fresh(self, route: OwnedPartition, came: ConsumedRecord) -> None:
        """A recycle event, for every endpoint that wants it."""
        receipt = route.receipt(came)
        if (event := self._event(route, receipt, came)) is None:
            return
        items = [
            Item(pending, receipt, route)
            for endpoint in self.endpoints.values()
            if (pending := self._pending(route, came, event, endpoint)) is not None
        ]
        receipt.left = len(items)
        if not items:
            receipt.finish()
        for item in items:
            self._enter(item)

    def _pending(
        self, route: OwnedPartition, came: ConsumedRecord, event: LeadRecycled, endpoint: Endpoint
    ) -> Pending | None:
        """What an event is to an endpoint, if anything. A REVOKE goes wherever its RECYCLE went."""
        target, name = endpoint.target, endpoint.name
        is_left_out = target.leaves_out(event)
        follows = event.action == "REVOKE" and target.takes("REVOKE") and route.ledger.has_recycle_of(event, name)
        if not (is_left_out or follows or target.wants(event)):
            return None
        is_unsure = route.is_unsure(came) and not is_left_out
        first_at = max(self.now(), event.not_before or 0)
        note = RetryState(name, published_at=came.written_at, first_at=first_at, may_have_arrived=is_unsure)
        return Pending(event, note, (traceparent_of(came.headers) or b"").decode(), is_left_out)

    def woken(self, route: OwnedPartition, came: ConsumedRecord) -> None:
        """A parcel that has waited its time in a waiting topic."""
        receipt = route.receipt(came)
        receipt.left = 1
        if (event := self._event(route, receipt, came)) is None:
            return
        try:
            note = RetryState.of(came.headers)
        except ValueError as fault:
            self._poison(route, receipt, came, "bad_waiting_record", str(fault))
            return
        route.waiting[note.endpoint] -= 1
        if route.is_unsure(came) and note.due_at <= self.now():
            note = replace(note, may_have_arrived=True)
        trace = (traceparent_of(came.headers) or b"").decode()
        self._enter(Item(Pending(event, note, trace, self._is_left_out_again(route, event, note)), receipt, route))

    def _is_left_out_again(self, route: OwnedPartition, event: LeadRecycled, note: RetryState) -> bool:
        """A replay brings back what the filter left out: it still does, unless it lets it through by now."""
        endpoint = self.endpoints.get(note.endpoint)
        if endpoint is None or not note.replay or not endpoint.target.leaves_out(event):
            return False
        return route.ledger.was_never_sent(event, note.endpoint)

    def _event(self, route: OwnedPartition, receipt: OpenRecord, came: ConsumedRecord) -> LeadRecycled | None:
        try:
            event = self.codec.decode(came.value, LeadRecycled)
        except Undecodable as fault:
            self._poison(route, receipt, came, fault.reason, fault.detail)
            return None
        if is_known(event):
            return event
        self._poison(route, receipt, came, "bad_recycle", "no recycle_id, or an action that is not known")
        return None

    def _poison(
        self, route: OwnedPartition, receipt: OpenRecord, came: ConsumedRecord, reason: str, error: str
    ) -> None:
        receipt.left = 1
        letter = self.records.poison(receipt, came.headers, reason, error, self.now())
        self.metrics.poison.labels(reason).inc()
        self._run(self._put_away(route, receipt, letter), [route], receipt.place)

    async def _put_away(self, route: OwnedPartition, receipt: OpenRecord, letter: Outgoing) -> None:
        await self._send([letter])
        receipt.one_less()
        route.busy -= 1

    def _enter(self, item: Item) -> None:
        pending = item.pending
        if not item.route.ledger.is_finished(pending.event, pending.note):
            item.route.ledger.comes(pending.event, pending.note)
        if item.route.enter(item):
            self.proceed(item)

    def proceed(self, item: Item) -> None:
        """Judge it, and do what follows."""
        if not item.route.is_held:
            return
        pending, name = item.pending, item.endpoint
        now = self.now()
        match admit(pending, item.route.ledger, self._stands(name), now, self.schedule):
            case Attempt():
                wait = self.lanes[name].offer(item)
                if wait is not None:
                    self.crowded_out(item, wait, "rate" if wait else "busy")
            case Wait(note):
                self.spawn(self._hold(item, note), [item])
            case Settle(outcome, attempts):
                self.spawn(self._write(item, ended(pending, outcome, attempts, now)), [item])
            case GiveUp(detail, attempts):
                self.spawn(self._write(item, dead(pending, detail, attempts, now)), [item])
            case Drop():
                item.route.ledger.drops(pending.event, pending.note)
                self._done(item)
            case never:
                assert_never(never)

    def _stands(self, name: str) -> Availability:
        if name not in self.lanes:
            return Availability.MISSING
        said = self.standing(name)
        if said is Availability.ACTIVE and self.lanes[name].circuit is Circuit.OPEN:
            return Availability.OPEN
        return said

    async def eased(self, within: float) -> None:
        """Wait until any lane is hungry: what comes before would only be put aside. No lane waits for another."""
        deadline = asyncio.get_running_loop().time() + within
        while self.lanes and all(lane.is_crowded for lane in self.lanes.values()):
            if asyncio.get_running_loop().time() >= deadline:
                return
            await asyncio.sleep(_GLANCE)

    @property
    def most_held(self) -> int:
        """How many parcels all lanes may hold together."""
        return sum(lane.most_held for lane in self.lanes.values())

    # What lanes ask.

    def may_send(self) -> bool:
        return self.is_ours()

    def still_goes(self, item: Item) -> bool:
        if not item.route.is_held:
            return False
        pending, said = item.pending, self.standing(item.endpoint)
        if not isinstance(admit(pending, item.route.ledger, said, self.now(), self.schedule), Attempt):
            self.proceed(item)
            return False
        item.route.ledger.begun(pending.event, pending.note)
        return True

    def crowded_out(self, item: Item, wait: float, why: str) -> None:
        if not item.route.is_held:
            return
        if why == "circuit_open":
            self.proceed(item)
            return
        note, now = item.pending.note, self.now()
        due_at = now + backed_off_ms(note.waits, self.schedule.crowded, item.pending.seed)
        if why == "rate":
            due_at = self._turn(item.endpoint, now + max(int(wait * 1000), self.schedule.crowded[0]))
        self.spawn(self._hold(item, replace(note, due_at=due_at, waits=note.waits + 1, why=why)), [item])

    def _turn(self, name: str, earliest: int) -> int:
        """When its turn comes, if those before it take theirs: one after the other by our share of the rate."""
        lane = self.lanes[name]
        per_ms = lane.allowance.per_second * max(self.share(), 0.001) / 1000
        turn = max(self._turns.get(name, 0.0), earliest) + 1 / (per_ms * lane.connector.batch_size)
        self._turns[name] = turn
        return int(turn)

    async def tried(self, batch: Sequence[Item], outcomes: Sequence[Outcome], seconds: float) -> None:
        self.metrics.tried(batch[0].endpoint, len(batch), seconds)
        if len(outcomes) != len(batch):
            raise RuntimeError(f"{batch[0].endpoint}: {len(batch)} parcels came to {len(outcomes)} outcomes")
        for outcome in outcomes:
            if isinstance(outcome, Gone):
                await self.disable(batch[0].endpoint, outcome.detail)
                break
        now = self.now()
        writes = [
            self._write(item, settled(item.pending, outcome, now, self.schedule))
            for item, outcome in zip(batch, outcomes, strict=True)
        ]
        if len(writes) == 1:
            await writes[0]
        else:
            await asyncio.gather(*writes)

    def spawn(self, work: Coroutine[None, None, None], items: Sequence[Item]) -> None:
        self._run(work, [item.route for item in items], items[0].receipt.place)

    def _run(self, work: Coroutine[None, None, None], routes: Sequence[OwnedPartition], place: str) -> None:
        for route in routes:
            route.busy += 1
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._ended(ended, place))

    def _ended(self, task: asyncio.Task[None], place: str) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self.failed(fault, place)

    # What is written.

    async def _write(self, item: Item, what: Resolution) -> None:
        now = self.now()
        if what.is_dead:
            await self._send([self.records.dead(item, what.result, now)])
        await self._send(self.records.of(item, what, now))
        pending, note = item.pending, item.pending.note
        item.route.ledger.result(what.result, note.replay)
        since = max(note.published_at, pending.event.not_before or 0)
        self.metrics.settled(what.result, since, pending.traceparent)
        if what.note is not None:
            self._waits(item)
        self._left(item)

    async def _hold(self, item: Item, note: RetryState) -> None:
        await self._send([self.records.waiting(item, note, self.now())])
        self._waits(item)
        self._left(item)

    def _waits(self, item: Item) -> None:
        item.route.waiting[item.endpoint] += 1
        if item.endpoint in self.endpoints:
            self.metrics.waits.labels(item.endpoint).inc()

    async def _send(self, records: Sequence[Outgoing]) -> None:
        while True:
            try:
                await self.sender.send_all(records)
            except Full:
                await asyncio.sleep(0.05)
            else:
                return

    def _left(self, item: Item) -> None:
        item.route.busy -= 1
        self._done(item)

    def _done(self, item: Item) -> None:
        following = item.route.leave(item)
        if following is not None:
            self.proceed(following)

    async def let_go(self, routes: Sequence[OwnedPartition], within: float) -> None:
        """Begin nothing more for these; wait for what is under way, and cut off what takes too long."""
        for route in routes:
            route.is_held = False
        for lane in self.lanes.values():
            lane.drop_all()
        deadline = asyncio.get_running_loop().time() + within
        while (busy := self._tasks) and asyncio.get_running_loop().time() < deadline:
            await asyncio.wait(list(busy), timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)
