"""The border between the engine of delivery and its connectors: what is requested, and the outcome of one attempt.

A connector raises nothing for what an endpoint does: every answer, and the want of one, is an outcome.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .events import DeliveredEvent


@dataclass(frozen=True, slots=True)
class DeliveryRequest:
    """One recycle event or escalation for one endpoint.

    `message_id` is `<its id>_<action in lower case>`: the same on every attempt, without dots. `attempt` is 1 for
    the first. `is_test` marks a sample that `leadloop endpoints test` sends, `is_manual` the first attempt of a replay.
    """

    event: DeliveredEvent
    message_id: str
    attempt: int
    traceparent: str = ""
    is_test: bool = False
    is_manual: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """The tool has it, and said so in a way that can be believed."""

    status: int | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NoOp:
    """Nothing was to be done: it is so already, was never sent, or was taken back in time."""

    status: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class Unverified:
    """The tool said yes, and whether it did anything cannot be known."""

    status: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The tool says no for ever: a bad request, an unknown lead, something that it cannot undo."""

    status: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Again, later. `throttled`: for lack of capacity, as a 429 says, which is no failure of the endpoint."""

    detail: str
    status: int | None = None
    after_seconds: float | None = None
    throttled: bool = False


@dataclass(frozen=True, slots=True)
class Gone:
    """The endpoint wants nothing any more (410 or the like): it is to be disabled."""

    status: int | None
    detail: str


Outcome = Accepted | NoOp | Unverified | Rejected | Retry | Gone


class Connector(Protocol):
    """One per endpoint and process. `batch_size`: the most requests that one `deliver` takes (1: no batching)."""

    batch_size: int

    async def deliver(self, requests: Sequence[DeliveryRequest]) -> Sequence[Outcome]:
        """Make one attempt. Returns one outcome for each request, in the same order."""
        ...

    async def close(self) -> None: ...
