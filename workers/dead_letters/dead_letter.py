"""A dead letter as it stands in its topic: the original bytes, and headers that say what was wrong with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from schemas import dead_letters as dl

RawHeaders = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`partition` and `offset` are its own; `from_…`: where the record came from. `kept`: the original headers."""

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
    def of(cls, partition: int, offset: int, key: bytes | None, value: bytes | None, headers: RawHeaders) -> Self:
        """Read one. What is missing or invalid is empty: any producer may have written it."""
        values = {
            name: (value or b"").decode(errors="replace") for name, value in headers if name.startswith(dl.PREFIX)
        }
        return cls(
            partition,
            offset,
            key,
            value or b"",
            values.get(dl.REASON, ""),
            values.get(dl.ERROR, ""),
            values.get(dl.FROM_TOPIC, ""),
            _number(values.get(dl.FROM_PARTITION), -1),
            _number(values.get(dl.FROM_OFFSET), -1),
            _number(values.get(dl.SEEN_AT), 0),
            _number(values.get(dl.CUT_BYTES), 0),
            values.get(dl.ENDPOINT, ""),
            tuple((name, value or b"") for name, value in headers if not name.startswith(dl.PREFIX)),
        )


def marker_of(headers: RawHeaders) -> str:
    """The place that a replay marker names; empty if the record is a dead letter, whatever headers it has."""
    values = dict(headers)
    return "" if dl.REASON in values else (values.get(dl.REPLAYED) or b"").decode(errors="replace")


def _number(text: str | None, otherwise: int) -> int:
    try:
        return int(text or "")
    except ValueError:
        return otherwise
