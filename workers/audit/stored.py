"""The records of Kafka as the audit keeps them until all of a lead are together, and the topics that they come from."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from schemas.dead_letters import ENDPOINT, FROM_OFFSET, FROM_PARTITION, FROM_TOPIC
from schemas.dead_letters import TOPIC as DEAD_LETTERS
from schemas.topics import INPUTS, TOPICS, WAITS
from workers.read_model.generation import PartitionId

FACTS = tuple(name for name in INPUTS if name != "stream-heartbeats")
"""The topics of facts: what streams consumes."""
OUTPUTS = ("lead-decisions", "lead-escalated", "lead-snapshots")
RESULTS = "delivery-results"
WAITING = tuple(f"delivery-wait-{delay}" for delay in WAITS)
AUDITED = (*FACTS, *OUTPUTS, RESULTS, *WAITING, DEAD_LETTERS)
"""All topics that are read, without prefix; their order is that of `StoredRecord.topic`."""
NOTED = frozenset({RESULTS, *WAITING, DEAD_LETTERS})
"""Topics whose headers matter: see `note_of`."""
SNAPSHOTS = AUDITED.index("lead-snapshots")
DELIVERED = ("lead-recycled", "lead-escalated")
"""Topics of events that are delivered."""
OUTCOMES = (RESULTS, DEAD_LETTERS)
"""Topics that say how deliveries ended."""
EXPIRING = tuple(name for name in (*FACTS, *OUTPUTS) if TOPICS[name].cleanup == "delete")
"""Topics that lose records with time, and without which a lead cannot be recounted."""


OffsetRanges = dict[PartitionId, tuple[int, int]]
"""By partition: the first offset, and the end offset, which is not read any more."""


class StoredRecord(Struct, frozen=True, array_like=True, gc=False):
    """One record. `topic` is its index in AUDITED; `written_at` is Kafka's timestamp, epoch ms.

    `note` is what the headers say: the replay of a result; endpoint and time (epoch ms) of a delivery that waits; the
    endpoint of a delivery that was given up; the place of the rejected record of another dead letter.
    """

    key: bytes
    topic: int
    partition: int
    offset: int
    written_at: int
    value: bytes | None
    note: str = ""

    @property
    def place(self) -> PartitionId:
        return PartitionId(AUDITED[self.topic], self.partition)


def note_of(topic: str, headers: Iterable[tuple[str, Any]], prefix: str) -> str:
    """What the audit needs of the headers of a record of a topic in NOTED; `prefix` is that of all topics."""
    found = {name: (value or b"").decode(errors="replace") for name, value in headers}
    if topic == RESULTS:
        return found.get("dw_replay", "")
    if topic in WAITING:
        return f"{found.get('dw_endpoint', '')} {max(_number(found.get('dw_due_at')), 0)}"
    if ENDPOINT in found:
        return found[ENDPOINT]
    of = PartitionId(found.get(FROM_TOPIC, "").removeprefix(prefix), _number(found.get(FROM_PARTITION)))
    return rejected_note(of, _number(found.get(FROM_OFFSET)))


def rejected_note(place: PartitionId, offset: int) -> str:
    """The note of the dead letter of the record at this offset. An endpoint has no such name."""
    return f"{place.topic}/{place.partition}/{offset}"


def is_rejection(note: str) -> bool:
    """Whether a dead letter with this note is of a record that was rejected, not of a delivery that was given up."""
    return "/" in note


def _number(text: str | None) -> int:
    return int(text) if text and text.lstrip("-").isdigit() else -1
