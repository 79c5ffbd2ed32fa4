"""What the event loop orders from the thread of the consumer: to pause, to resume, to commit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from queue import Empty, SimpleQueue
from typing import Protocol

Place = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True, slots=True)
class Pause:
    place: Place


@dataclass(frozen=True, slots=True)
class Resume:
    place: Place


@dataclass(frozen=True, slots=True)
class Commit:
    positions: Mapping[Place, int]


Command = Pause | Resume | Commit


class ConsumerCommands:
    """Orders are put by the event loop and taken by the thread; those about an older assignment are dropped."""

    def __init__(self) -> None:
        self._assignment = 0
        self._queue: SimpleQueue[tuple[int, Command]] = SimpleQueue()

    def put(self, command: Command) -> None:
        """Order it; it happens soon. Records that are fetched already may still be consumed after a pause."""
        self._queue.put((self._assignment, command))

    def taken(self) -> Iterable[Command]:
        """Take all orders that are there. By the thread of the consumer only."""
        while True:
            try:
                assignment, command = self._queue.get_nowait()
            except Empty:
                return
            if assignment == self._assignment:
                yield command

    def assignment_changed(self) -> None:
        """Drop all orders until now: their partitions may belong to another worker. By the thread only."""
        self._assignment += 1


class PauseReason(Enum):
    """Why nothing is fetched of a topic's partition."""

    RECOVERING = "its delivery index is being rebuilt"
    FULL = "enough of its records are open"
    NOT_DUE = "the first of its waiting records is not due yet"


class Commands(Protocol):
    def put(self, command: Command) -> None: ...


class FlowControl:
    """Pauses a topic's partition at the first reason and resumes it after the last one. Event loop only."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._reasons: dict[Place, set[PauseReason]] = {}

    def assigned(self, places: Iterable[Place]) -> None:
        """Note what the source has paused at the assignment."""
        self._reasons.update({place: {PauseReason.RECOVERING} for place in places})

    def hold(self, place: Place, reason: PauseReason) -> None:
        reasons = self._reasons.setdefault(place, set())
        if not reasons:
            self._commands.put(Pause(place))
        reasons.add(reason)

    def release(self, place: Place, reason: PauseReason) -> None:
        reasons = self._reasons.get(place, set())
        if reason in reasons:
            reasons.remove(reason)
            if not reasons:
                self._commands.put(Resume(place))

    def held(self, reason: PauseReason) -> list[Place]:
        """Return what is paused for this reason."""
        return [place for place, reasons in self._reasons.items() if reason in reasons]

    def clear(self) -> None:
        """Forget everything: the partitions belong to another worker."""
        self._reasons.clear()
