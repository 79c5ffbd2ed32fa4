"""An event loop in virtual time: one thread, every choice drawn from a seed.

Callbacks belong to hosts (by context variable), so one loop runs several simulated processes: a host can be paused,
slowed down, or ended between any two steps of its tasks. Within a host callbacks run in asyncio's own order; between
hosts the order is random.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from random import Random

STEP = 2e-5  # seconds that every step takes: no two happen at the same instant
HOST: ContextVar[Host | None] = ContextVar("host", default=None)


class ProcessEnded(BaseException):
    """Unwinds a task of a host that has ended its process; nothing of the host runs afterwards."""


class Stuck(Exception):
    """Nothing is scheduled any more, but the run is not over."""


class Host:
    """One simulated process with its clocks.

    Attributes:
        step_cost: seconds of CPU that each step takes; above 0 while the process is starved.
        wall_offset: seconds by which its wall clock is wrong.
        suspended: seconds that its monotonic clock did not count.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.ready: deque[asyncio.Handle] = deque()
        self.is_paused = False
        self.is_dead = False
        self.step_cost = 0.0
        self.busy_until = 0.0
        self.wall_offset = 0.0
        self.suspended = 0.0

    def can_run(self, now: float) -> bool:
        return bool(self.ready) and not self.is_paused and self.busy_until <= now


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs all hosts; time advances only when no host can do a step."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random
        self._now = 1.0
        self._outside = Host("outside")
        self._hosts: list[Host] = [self._outside]
        self._timers: list[tuple[float, int, asyncio.TimerHandle, Host]] = []
        self._count = 0
        self._tasks: list[asyncio.Task[Any]] = []  # strong references: collecting one would run its `finally`
        self._prune_at = 1000
        self._is_over = False
        self.steps = 0
        self.unhandled: list[BaseException] = []

    # -- hosts ---------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Seconds of true time, the same for every host."""
        return self._now

    def add_host(self, name: str) -> Host:
        host = Host(name)
        self._hosts.append(host)
        return host

    def spawn(self, host: Host, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a task that belongs to a host, with everything that it starts in turn."""
        context = copy_context()
        context.run(HOST.set, host)
        return self.create_task(work, context=context)

    def kill(self, host: Host) -> None:
        """End a process: no step of it will run again, and none of its `finally` clauses."""
        host.is_dead = True
        host.ready.clear()
        self._hosts.remove(host)

    def suspend(self, host: Host, seconds: float) -> None:
        """Let a paused host's monotonic clock stand still for that long: its timers move with it."""
        host.suspended += seconds
        self._timers = [(at + seconds * (owner is host), n, timer, owner) for at, n, timer, owner in self._timers]
        heapq.heapify(self._timers)

    def end_process(self, reason: object, *, where: str = "") -> NoReturn:
        """End the process of the current host, in place of `os._exit`."""
        host = HOST.get()
        if host is None:
            raise AssertionError(f"not in a simulated process: {reason!r} at {where}")
        if not host.is_dead:
            self.kill(host)
        raise ProcessEnded(f"{reason!r} at {where}")

    # -- what asyncio asks of a loop -----------------------------------------------------------

    def time(self) -> float:
        host = HOST.get()
        return self._now if host is None else self._now - host.suspended

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.Handle:  # type: ignore[override]  # typeshed names type variables
        context = copy_context() if context is None else context
        handle = asyncio.Handle(callback, args, self, context)
        self._put(handle, self._host_of(context))
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]  # there is one thread

    def call_at(  # type: ignore[override]  # as above
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        context = copy_context() if context is None else context
        host = self._host_of(context)
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._count += 1
        heapq.heappush(self._timers, (when + host.suspended, self._count, timer, host))
        return timer

    def call_later(  # type: ignore[override]  # as above
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def create_task(self, coro: Any, *, name: object = None, context: Context | None = None) -> asyncio.Task[Any]:
        del name  # a task has the name of its host
        host = self._host_of(copy_context() if context is None else context)
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=host.name, context=context)
        self._tasks.append(task)
        if len(self._tasks) > self._prune_at:
            self._tasks = [one for one in self._tasks if not one.done()]
            self._prune_at = 2 * len(self._tasks) + 1000
        return task

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is dropped when it is due."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep an error that nobody awaited; what belongs to an ended process, or to an ended run, is none."""
        error, task = context.get("exception"), context.get("future")
        if self._is_over or error is None or isinstance(error, ProcessEnded):
            return
        if "handle" in context or (
            isinstance(task, asyncio.Task) and task.get_name() in {one.name for one in self._hosts}
        ):
            self.unhandled.append(error)

    def _host_of(self, context: Context) -> Host:
        return context.get(HOST, None) or self._outside

    def _put(self, handle: asyncio.Handle, host: Host) -> None:
        if not host.is_dead and not self._is_over:
            host.ready.append(handle)

    def _run_once(self) -> None:
        runnable = [host for host in self._hosts if host.can_run(self._now)]
        while not runnable:
            self._advance()
            runnable = [host for host in self._hosts if host.can_run(self._now)]
        host = runnable[0] if len(runnable) == 1 else self._random.choice(runnable)
        handle = host.ready.popleft()
        self._now += STEP
        if self._timers and self._timers[0][0] <= self._now:
            self._wake()
        if not handle.cancelled():
            self.steps += 1
            with suppress(ProcessEnded):
                handle._run()  # noqa: SLF001  what asyncio's own loops call
            if host.step_cost:
                host.busy_until = self._now + host.step_cost * self._random.random()

    def _advance(self) -> None:
        moments = [host.busy_until for host in self._hosts if host.ready and not host.is_paused]
        if self._timers:
            moments.append(self._timers[0][0])
        if not moments:
            raise Stuck("no timer is set and no callback is ready")
        self._now = max(self._now, min(moments))
        self._wake()

    def _wake(self) -> None:
        while self._timers and self._timers[0][0] <= self._now:
            _, _, timer, host = heapq.heappop(self._timers)
            if not timer.cancelled():
                self._put(timer, host)

    def end(self) -> None:
        """Drop everything that is still going on, without running it."""
        self._is_over = True
        for task in self._tasks:
            if not task.done():
                with suppress(BaseException):
                    task.get_coro().close()
        self._tasks.clear()
        self._timers.clear()
        self.close()
