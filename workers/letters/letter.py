"""A dead letter as it stands in its topic: bytes as they came, and headers that say what was wrong with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

Headers = Sequence[tuple[str, bytes | None]]

REPLAYED = "dl_replayed"
"""Header of the marker that says of a place that what is there was sent again."""


@dataclass(frozen=True, slots=True)
class Letter:
    """`partition` and `offset` are its own; `from_…` where it came from. `kept`: the headers it came with."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes
    reason: str
    error: str
    from_topic: str
    from_partition: int
    from_offset: int
    seen_at: int
    cut_bytes: int
    endpoint: str
    kept: tuple[tuple[str, bytes], ...]

    @property
    def place(self) -> str:
        """What names it: partition:offset."""
        return f"{self.partition}:{self.offset}"

    @classmethod
    def of(cls, partition: int, offset: int, key: bytes | None, value: bytes | None, headers: Headers) -> Self:
        """Read one; what is missing is empty, for anybody may have written it."""
        told = {name: (value or b"").decode(errors="replace") for name, value in headers if name.startswith("dl_")}
        return cls(
            partition,
            offset,
            key,
            value or b"",
            told.get("dl_reason", ""),
            told.get("dl_error", ""),
            told.get("dl_topic", ""),
            _number(told.get("dl_partition"), -1),
            _number(told.get("dl_offset"), -1),
            _number(told.get("dl_seen_at"), 0),
            _number(told.get("dl_cut_bytes"), 0),
            told.get("dl_endpoint", ""),
            tuple((name, value or b"") for name, value in headers if not name.startswith("dl_")),
        )


def marker_of(headers: Headers) -> str:
    """The place that a marker is about; empty where the record is a letter, whatever headers it came with."""
    told = dict(headers)
    return "" if "dl_reason" in told else (told.get(REPLAYED) or b"").decode(errors="replace")


def _number(text: str | None, otherwise: int) -> int:
    try:
        return int(text or "")
    except ValueError:
        return otherwise
