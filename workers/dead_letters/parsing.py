"""Parses a record of the dead-letter topic: the original bytes, and headers that say what was wrong with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from schemas import dead_letters as dl

RawHeaders = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter.

    Attributes:
        partition, offset: Its own, in the dead-letter topic.
        from_topic, from_partition, from_offset: Those of the original record; -1 if unknown.
        seen_at: When it was rejected, epoch ms.
        cut_bytes: Bytes of the original value that were too many to keep.
        kept: The original headers.
        item, item_type: Of a webhook: the number of the item in its request, and the `type` in the URL.
    """

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
    item: int = 0
    item_type: str = ""

    @property
    def place(self) -> str:
        """Its name on the command line: partition:offset."""
        return f"{self.partition}:{self.offset}"

    @classmethod
    def of(cls, partition: int, offset: int, key: bytes | None, value: bytes | None, headers: RawHeaders) -> Self:
        """Parse a record. Missing or invalid headers give empty values: any producer may have written it."""
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
            _number(values.get(dl.ITEM), 0),
            values.get(dl.ITEM_TYPE, ""),
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
