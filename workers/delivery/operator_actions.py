"""The record of what operators did: JSON in the topic `operator-actions`, a record before each action and one after.

A record `requested` without one that follows means that the process ended in between: whether the action took place is
not known, and repeating it is harmless.
"""

import getpass
import time
from collections.abc import Awaitable, Callable
from typing import Literal
from uuid import uuid4

import msgspec

from workers.kafka import AsyncProducer, Outgoing

TOPIC = "operator-actions"
OperatorActs = Literal["pause", "resume", "replay"]
ActionOutcome = Literal["requested", "done", "failed"]


_HERE = "command line:"


class OperatorAction(msgspec.Struct, frozen=True, kw_only=True):
    """One action.

    Attributes:
        action_id: The same in both records of it.
        action: What was done.
        endpoint: To what; empty: to all.
        at: When, epoch ms.
        by: Who: how they were authenticated, and their name.
        outcome: How it ended.
        detail: What it did, or why it failed.
        why: The reason that the operator gave.
    """

    action_id: str
    action: OperatorActs
    endpoint: str
    at: int
    by: str
    outcome: ActionOutcome = "requested"
    detail: str = ""
    why: str = ""

    @property
    def short_by(self) -> str:
        """Who, for a table in a terminal: of the command line only the name of the user."""
        return self.by.removeprefix(_HERE)

    @classmethod
    def of(cls, action: OperatorActs, endpoint: str, by: str, why: str = "") -> "OperatorAction":
        """An action that begins now."""
        at = int(time.time() * 1000)
        return cls(action_id=uuid4().hex, action=action, endpoint=endpoint, at=at, by=by[:200], why=why[:200])


def who() -> str:
    """The person at the command line."""
    try:
        return f"{_HERE}{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user may have no name
        return "command line"


def decoded(value: bytes | None) -> OperatorAction | None:
    """What a record of the topic says; None if it is none."""
    try:
        return msgspec.json.decode(value or b"", type=OperatorAction)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


async def recorded(
    producer: AsyncProducer, prefix: str, action: OperatorAction, act: Callable[[], Awaitable[str]]
) -> OperatorAction:
    """Record an action, do it, and record how it ended; `act` returns what it did. Nothing is done unrecorded.

    Raises:
        Undelivered: Kafka did not take the record, so nothing was done; or what `act` raises, which is recorded.
    """
    await _record(producer, prefix, action)
    try:
        detail = await act()
    except Exception as error:
        said = f"{type(error).__name__}: {error}"[:300]
        await _record(producer, prefix, msgspec.structs.replace(action, outcome="failed", detail=said))
        raise
    done = msgspec.structs.replace(action, outcome="done", detail=detail[:300])
    await _record(producer, prefix, done)
    return done


async def _record(producer: AsyncProducer, prefix: str, action: OperatorAction) -> None:
    key = action.endpoint.encode() or None
    await producer.send(Outgoing(prefix + TOPIC, key, msgspec.json.encode(action), []))
