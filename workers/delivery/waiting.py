"""What waits does so in Kafka, in topics whose records are looked at a fixed time after they were written.

Since all records of such a topic wait equally long, each is first in, first out. A parcel goes into the longest wait
that is not too long for it, and from there into the next, until it is due: never early, late by at most the shortest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.topics import WAITS

Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Tiers:
    """The waiting topics, without prefix, by how long they wait (ms)."""

    waits: tuple[tuple[str, int], ...] = tuple((f"delivery-wait-{name}", ms) for name, ms in WAITS.items())

    @property
    def delays(self) -> Mapping[str, int]:
        return dict(self.waits)

    def of(self, left_ms: int) -> str:
        """Where to wait when so much is left."""
        fitting = [name for name, ms in self.waits if ms <= left_ms]
        return fitting[-1] if fitting else self.waits[0][0]


@dataclass(frozen=True, slots=True)
class Note:
    """What is written beside a parcel that waits.

    `attempts`: tries that are used up. `waits`: how often it has waited for capacity since the last try.
    `published_at`: when streams told it. `first_at`: when it might have been sent for the first time.
    `may_have_arrived`: whether any try was begun. `replay` names the replay that brought it back, empty if none.
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
        ]

    @classmethod
    def of(cls, headers: Headers | None) -> "Note":
        """Read it back.

        Raises:
            ValueError: these are not headers that `headers` wrote.
        """
        found = {name: (value or b"").decode() for name, value in headers or () if name.startswith("dw_")}
        try:
            note = cls(
                endpoint=found["dw_endpoint"],
                attempts=int(found["dw_attempts"]),
                waits=int(found["dw_waits"]),
                published_at=int(found["dw_published_at"]),
                first_at=int(found["dw_first_at"]),
                due_at=int(found["dw_due_at"]),
                why=found["dw_why"],
                replay=found["dw_replay"],
                may_have_arrived=found["dw_may_have_arrived"] == "1",
            )
        except KeyError as missing:
            raise ValueError(f"no header {missing}") from missing
        if min(note.attempts, note.waits) < 0:
            raise ValueError("fewer than no tries")
        return note
