"""Takes what Kafka hands over to the partition it belongs to, wakes what has waited its time, and keeps a measure."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..core.model import ConsumedRecord, Takeover
from ..core.offset_tracker import OffsetTracker
from ..core.partition import OwnedPartition
from .dispatch import Dispatch
from .recovery import RecoveredPartition

MOST_OUTSTANDING = 2_000
"""Records of one partition of a topic that may be under way: more is not fetched. Twice what lanes may hold, if
that is more: what an endpoint that hangs has in its lane must not keep the others from theirs."""
EASE_SECONDS = 1.0
"""The longest that nothing is fetched because every lane has enough."""
_LONGEST_SLEEP_SECONDS = 30.0


class Valve(Protocol):
    """Of the intake."""

    def pause(self, topic: str, partition: int) -> None: ...
    def resume(self, topic: str, partition: int) -> None: ...


@dataclass(eq=False)
class WaitScheduler:
    """Of the event loop. `delays`: the waiting topics, with their prefix, and how long (ms) what is in them waits."""

    dispatch: Dispatch
    delays: Mapping[str, int]
    recover: Callable[[Sequence[Takeover], Callable[[], bool]], Mapping[int, RecoveredPartition]]
    now: Callable[[], int]
    failed: Callable[[BaseException, str], None]
    drain_seconds: float
    valve: Valve | None = None
    routes: dict[int, OwnedPartition] = field(default_factory=dict)
    is_recovering: bool = False

    def __post_init__(self) -> None:
        self._generation = 0
        self._full: set[tuple[str, int]] = set()
        self._alarms: dict[tuple[str, int], asyncio.TimerHandle] = {}
        self._recovering: set[asyncio.Task[None]] = set()

    async def took_over(self, takeovers: Sequence[Takeover]) -> None:
        """Everything stays paused until the ledgers are there."""
        self._generation += 1
        self.is_recovering = True
        task = asyncio.get_running_loop().create_task(self._recover(takeovers, self._generation))
        self._recovering.add(task)
        task.add_done_callback(self._recovering.discard)

    async def _recover(self, takeovers: Sequence[Takeover], generation: int) -> None:
        try:
            found = await asyncio.to_thread(self.recover, takeovers, lambda: generation == self._generation)
        except Exception as fault:  # noqa: BLE001  ends the process
            if generation == self._generation:
                self.failed(fault, "while ledgers were rebuilt")
            return
        if generation != self._generation:
            return  # they are another's meanwhile
        self.is_recovering = False
        for one in takeovers:
            self.routes[one.partition] = _route(one, found[one.partition])
            for topic in one.positions:
                self._open(topic, one.partition)

    async def came(self, batch: Sequence[ConsumedRecord]) -> None:
        """Take records in."""
        for came in batch:
            route = self.routes.get(came.partition)
            if route is None or not route.is_held:
                continue
            try:
                self._take(route, came)
            except Exception as fault:
                self.failed(fault, _place(came))
                raise
        self._measure(batch)
        await self.dispatch.eased(EASE_SECONDS)

    async def given_up(self) -> Mapping[tuple[str, int], int]:
        """See `intake.Receiver`."""
        routes = self._forget()
        await self.dispatch.let_go(routes, self.drain_seconds)
        return {(topic, route.partition): at for route in routes if not route.busy for topic, at in route.positions()}

    async def taken_away(self) -> None:
        await self.dispatch.let_go(self._forget(), 0.0)

    def positions(self) -> dict[tuple[str, int], int]:
        """What may be committed."""
        return {(topic, route.partition): at for route in self.routes.values() for topic, at in route.positions()}

    def look_again(self) -> None:
        """Fetch on where there is room again."""
        for topic, partition in list(self._full):
            route = self.routes.get(partition)
            if route is None or route.trackers[topic].outstanding < self._most // 2:
                self._full.discard((topic, partition))
                if route is not None and not route.sleeping.get(topic):
                    self._open(topic, partition)

    def close(self) -> None:
        """Whoever rebuilds ledgers may stop: nobody waits for them."""
        self._forget()

    def _forget(self) -> list[OwnedPartition]:
        routes = list(self.routes.values())
        self._generation += 1
        self.is_recovering = False
        self.routes.clear()
        self._full.clear()
        for alarm in self._alarms.values():
            alarm.cancel()
        self._alarms.clear()
        return routes

    @property
    def _most(self) -> int:
        return max(MOST_OUTSTANDING, 2 * self.dispatch.most_held)

    def _measure(self, batch: Sequence[ConsumedRecord]) -> None:
        for topic, partition in {(came.topic, came.partition) for came in batch}:
            route = self.routes.get(partition)
            if route and route.trackers[topic].outstanding >= self._most:
                self._full.add((topic, partition))
                self._shut(topic, partition)

    def _take(self, route: OwnedPartition, came: ConsumedRecord) -> None:
        if came.topic in self.delays:
            self._put_to_sleep(route, came)
        else:
            self.dispatch.fresh(route, came)

    def _put_to_sleep(self, route: OwnedPartition, came: ConsumedRecord) -> None:
        sleeping = route.sleeping.setdefault(came.topic, deque())
        sleeping.append(came)
        if len(sleeping) == 1:
            self._wake(route, came.topic)

    def _wake(self, route: OwnedPartition, topic: str) -> None:
        """Let go who has waited long enough; while the first of them has not, nothing more is fetched."""
        place = (topic, route.partition)
        self._alarms.pop(place, None)
        if not route.is_held:
            return
        sleeping, delay = route.sleeping[topic], self.delays[topic]
        while sleeping and sleeping[0].written_at + delay <= self.now():
            self._woken(route, sleeping.popleft())
        if not sleeping:
            if place not in self._full:
                self._open(*place)
            return
        self._shut(*place)
        left = (sleeping[0].written_at + delay - self.now()) / 1000
        seconds = min(max(left, 0.001), _LONGEST_SLEEP_SECONDS)
        self._alarms[place] = asyncio.get_running_loop().call_later(seconds, self._wake, route, topic)

    def _woken(self, route: OwnedPartition, came: ConsumedRecord) -> None:
        try:
            self.dispatch.woken(route, came)
        except Exception as fault:  # noqa: BLE001  an alarm has nobody to raise it to
            self.failed(fault, _place(came))

    def _open(self, topic: str, partition: int) -> None:
        if self.valve:
            self.valve.resume(topic, partition)

    def _shut(self, topic: str, partition: int) -> None:
        if self.valve:
            self.valve.pause(topic, partition)


def _place(came: ConsumedRecord) -> str:
    return f"topic {came.topic}, partition {came.partition}, offset {came.offset}"


def _route(takeover: Takeover, recovered: RecoveredPartition) -> OwnedPartition:
    return OwnedPartition(
        partition=takeover.partition,
        ledger=recovered.ledger,
        trackers={topic: OffsetTracker(position) for topic, position in takeover.positions.items()},
        unsure_below={} if takeover.is_sure else takeover.ends,
        waiting=recovered.waiting,
    )
