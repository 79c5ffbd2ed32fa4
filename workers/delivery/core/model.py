"""The values of delivery. A delivery is one recycle event, or one escalation, for one endpoint.

Its states:

open        its record is consumed, and its offset is held back (`owned_partition.OpenRecord`)
chained     it waits for an earlier delivery with the same endpoint and id (`OwnedPartition.enter`)
queued      it is admitted (`admission.admit`), and waits in the lane of its endpoint for a permit, for about a second
attempted   the connector calls the endpoint
waiting     it is in a waiting topic of Kafka, with its `RetryState` in the headers, until it is due and open again
finished    accepted, unverified, no_op, refused, dead or expired: in `delivery-results` and in the `DeliveryIndex`
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

Headers = Sequence[tuple[str, bytes | None]]


class Availability(Enum):
    """Whether an endpoint may be called at all."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"
    OPEN = "circuit_open"
    MISSING = "not_configured"


@dataclass(frozen=True, slots=True)
class ConsumedRecord:
    """A consumed record. `written_at`: Kafka's timestamp, epoch ms."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    written_at: int

    @property
    def place(self) -> str:
        return f"topic {self.topic}, partition {self.partition}, offset {self.offset}"


@dataclass(frozen=True, slots=True)
class Takeover:
    """A partition that this worker now has: where each topic is read from, where it ends, and how it was left."""

    partition: int
    positions: Mapping[str, int]
    ends: Mapping[str, int]
    is_sure: bool


@dataclass(frozen=True, slots=True)
class Released:
    """The offsets to commit for partitions that were released with nothing in progress, by topic and partition.

    `held`: of partitions that still have deliveries which a crashed predecessor may have begun. The next owner must
    treat them as such, so it must not read that the partition was left cleanly.
    """

    left: Mapping[tuple[str, int], int]
    held: Mapping[tuple[str, int], int]


@dataclass(frozen=True, slots=True)
class RetryState:
    """The retry state in the headers of a delivery that waits.

    `attempts`: attempts that are used up. `waits`: how often it has waited for capacity since the last attempt.
    `published_at`: when streams published it. `first_at`: when it might have been sent for the first time; a daily
    budget and a pause move it, so that neither ends a delivery.
    `held_until`: until when the endpoint held it back, for its daily budget or for a notification; 0 if it did not.
    `why`: what it waits for; `why_since`: since when, 0 where that is not known.
    `may_have_arrived`: whether any attempt was begun. `replay` names the replay that brought it back, empty if none.
    Instants are epoch ms.
    """

    endpoint: str
    attempts: int = 0
    waits: int = 0
    published_at: int = 0
    first_at: int = 0
    due_at: int = 0
    why: str = ""
    replay: str = ""
    may_have_arrived: bool = False
    held_until: int = 0
    why_since: int = 0

    def headers(self) -> list[tuple[str, bytes]]:
        return [
            ("dw_endpoint", self.endpoint.encode()),
            ("dw_attempts", b"%d" % self.attempts),
            ("dw_waits", b"%d" % self.waits),
            ("dw_published_at", b"%d" % self.published_at),
            ("dw_first_at", b"%d" % self.first_at),
            ("dw_due_at", b"%d" % self.due_at),
            ("dw_why", self.why.encode()),
            ("dw_replay", self.replay.encode()),
            ("dw_may_have_arrived", b"%d" % self.may_have_arrived),
            ("dw_held_until", b"%d" % self.held_until),
            ("dw_why_since", b"%d" % self.why_since),
        ]

    @classmethod
    def of(cls, headers: Headers | None) -> "RetryState":
        """Read it back.

        Raises:
            ValueError: these are not headers that `headers` wrote.
        """
        found = {name: (value or b"").decode() for name, value in headers or () if name.startswith("dw_")}
        try:
            retry = cls(
                endpoint=found["dw_endpoint"],
                attempts=int(found["dw_attempts"]),
                waits=int(found["dw_waits"]),
                published_at=int(found["dw_published_at"]),
                first_at=int(found["dw_first_at"]),
                due_at=int(found["dw_due_at"]),
                why=found["dw_why"],
                replay=found["dw_replay"],
                may_have_arrived=found["dw_may_have_arrived"] == "1",
                held_until=int(found.get("dw_held_until", "0")),  # an earlier version has none
                why_since=int(found.get("dw_why_since", "0")),  # the version before has none
            )
        except KeyError as missing:
            raise ValueError(f"no header {missing}") from missing
        if min(retry.attempts, retry.waits) < 0:
            raise ValueError("a negative number of attempts")
        return retry
