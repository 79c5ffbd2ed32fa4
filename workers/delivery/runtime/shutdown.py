"""How a worker ends: it is told to stop (exit 0), or meets an unexpected error (exit 70).

While it stops, a broker that does not answer is not unexpected: what is not acked is repeated by the next owner.
"""

import asyncio
import logging

from confluent_kafka import KafkaException

from workers.kafka import Undelivered, is_passing

log = logging.getLogger("leadloop.deliver")

EX_SOFTWARE = 70


class Shutdown:
    """To be created in the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._requested = asyncio.Event()
        self._first: tuple[BaseException, str] | None = None
        self.is_told = False

    @property
    def is_requested(self) -> bool:
        return self._requested.is_set()

    @property
    def has_failed(self) -> bool:
        return self._first is not None

    def request(self) -> None:
        """End the process, because it was told to."""
        self.is_told = True
        self._requested.set()

    def fail(self, error: BaseException, place: str) -> None:
        """End the process because of an unexpected error; the first one is reported. In the event loop."""
        if self.is_told and _is_broker_away(error):
            log.warning("Kafka does not answer while this worker stops, at %s: %s", place or "its end", error)
            return
        self._first = self._first or (error, place)
        self._requested.set()

    def failed(self, error: BaseException, place: str = "") -> None:
        """As `fail`, from any thread."""
        self._loop.call_soon_threadsafe(self.fail, error, place)

    async def wait(self) -> None:
        await self._requested.wait()

    def watch(self, task: asyncio.Task[None]) -> None:
        """Fail when a task does that should run as long as the process."""
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failed(error, task.get_name())

    def exit_code(self) -> int:
        """Return the exit code of the process, and log an error with its place."""
        if self._first is None:
            return 0
        error, place = self._first
        log.critical(
            "unexpected error, at %s: nothing of it is acked, it will be repeated", place or "start", exc_info=error
        )
        return EX_SOFTWARE


def _is_broker_away(error: BaseException) -> bool:
    return isinstance(error, Undelivered) or (isinstance(error, KafkaException) and is_passing(error.args[0]))
