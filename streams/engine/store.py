"""Local state of one partition: a prefix of its changelog, and the offset where that prefix ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol, cast

from rocksdict import Options, Rdict, ReadOptions, WriteBatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Store(Protocol):
    """`offset` is the next changelog offset to apply; values and offset change together."""

    offset: int

    def get(self, key: bytes) -> bytes | None: ...
    def items(self, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """All values, or those whose keys are behind `after`, in the order of keys."""
        ...

    def apply(self, changes: Mapping[bytes, bytes | None], offset: int) -> None: ...
    def wipe(self) -> None: ...
    def close(self) -> None: ...
    def __len__(self) -> int:
        """The number of keys, at least roughly: it must be cheap."""
        ...


class MemoryStore:
    """State in a dict; a new process replays the whole changelog."""

    def __init__(self, number: int) -> None:
        del number  # every store is made for a partition; this one keeps nothing under its number
        self.offset = 0
        self._values: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: bytes) -> bytes | None:
        return self._values.get(key)

    def items(self, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        return iter(sorted(item for item in self._values.items() if not after or item[0] > after))

    def apply(self, changes: Mapping[bytes, bytes | None], offset: int) -> None:
        for key, value in changes.items():
            if value is None:
                self._values.pop(key, None)
            else:
                self._values[key] = value
        self.offset = offset

    def wipe(self) -> None:
        self.offset = 0
        self._values.clear()

    def close(self) -> None:
        self.wipe()


class RocksStore:
    """State in RocksDB; values and offset are one atomic write, so a crash leaves a valid prefix.

    `max_age` (seconds) must be well below the changelog's delete.retention.ms: compaction removes
    tombstones after that, and a store that slept longer would keep the deleted keys for ever.
    One directory belongs to one process at a time.
    """

    _OFFSET: Final = b"\xff\xffoffset"  # no UTF-8, so no key of an agent that keys by text, and behind all of them

    def __init__(self, directory: Path, number: int, max_age: float = 43_200.0) -> None:
        self._path = str(directory / f"p{number}-v2")  # v1: the format of the offset record
        directory.mkdir(parents=True, exist_ok=True)
        self._open()
        if time.time() - self._written_at > max_age:
            self.wipe()

    def _open(self) -> None:
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_max_log_file_size(1 << 20)  # RocksDB's own log would grow without end
        options.set_keep_log_file_num(2)
        self._db = Rdict(self._path, options)
        offset, written_at = (self._db.get(self._OFFSET) or b"0 0").split()
        self.offset, self._written_at = int(offset), int(written_at)

    def __len__(self) -> int:
        return int(self._db.property_int_value("rocksdb.estimate-num-keys") or 0)

    def get(self, key: bytes) -> bytes | None:
        return cast("bytes | None", self._db.get(key))

    def items(self, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        before_offset = ReadOptions()
        before_offset.set_iterate_upper_bound(self._OFFSET)
        behind = after + b"\0" if after else None  # the next key that there can be
        return cast("Iterator[tuple[bytes, bytes]]", self._db.items(from_key=behind, read_opt=before_offset))

    def apply(self, changes: Mapping[bytes, bytes | None], offset: int) -> None:
        batch = WriteBatch(raw_mode=True)
        put = batch.put
        for key, value in changes.items():
            if value is None:
                batch.delete(key)
            else:
                put(key, value)
        batch.put(self._OFFSET, b"%d %d" % (offset, time.time()))
        self._db.write(batch)
        self.offset = offset

    def wipe(self) -> None:
        self._db.close()
        Rdict.destroy(self._path, Options(raw_mode=True))
        self._open()

    def close(self) -> None:
        self._db.close()
