"""The tasks of a process: one per delivery in progress. What one raises ends the process."""

import asyncio
from collections.abc import Callable, Coroutine


class SupervisedTasks:
    """`failed` receives what a task raised, and the place (topic, partition, offset) that it was started for."""

    def __init__(self, failed: Callable[[BaseException, str], None]) -> None:
        self._failed = failed
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[None, None, None], place: str) -> None:
        """Run it; it begins in the next turn of the event loop, in the order of the calls."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._ended(ended, place))

    async def drain(self, within: float) -> None:
        """Wait for all tasks, and cancel those that take longer than `within` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while (busy := self._tasks) and loop.time() < deadline:
            await asyncio.wait(list(busy), timeout=max(0.0, deadline - loop.time()))
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    def _ended(self, task: asyncio.Task[None], place: str) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error, place)
