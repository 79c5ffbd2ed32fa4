"""Brings the records of each lead together in bounded memory: buckets of leads on disk, read back one by one."""

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from zlib import crc32

import msgspec

from .stored import StoredRecord

RECORDS_PER_BUCKET = 100_000
"""About 60 MB in memory when the bucket is read."""
MAX_BUCKETS = 200
"""Each is an open file."""
_BLOCK = 128
_LENGTH = 4
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[StoredRecord]).decode


class Spill:
    """Records on disk, in as many buckets as are needed for each to fit into memory.

    Args:
        expected: The number of records.
        scratch: The folder of the files; by default the system's temporary folder.
    """

    def __init__(self, expected: int, scratch: Path | None = None) -> None:
        self.count = 0
        buckets = min(max(expected // RECORDS_PER_BUCKET + 1, 1), MAX_BUCKETS)
        self._folder = tempfile.TemporaryDirectory(prefix="leadloop-audit-", dir=scratch)
        self._files = [(Path(self._folder.name) / f"{n}.bucket").open("w+b") for n in range(buckets)]
        self._blocks: list[list[StoredRecord]] = [[] for _ in range(buckets)]

    def add(self, record: StoredRecord) -> None:
        self.count += 1
        number = crc32(record.key) % len(self._files)
        block = self._blocks[number]
        block.append(record)
        if len(block) >= _BLOCK:
            self._write(number)

    def add_all(self, records: Iterable[StoredRecord]) -> None:
        for record in records:
            self.add(record)

    def leads(self) -> Iterator[tuple[bytes, list[StoredRecord]]]:
        """Yield all records, lead by lead: the key, and the records in the order in which they were added."""
        for number in range(len(self._files)):
            self._write(number)
            yield from self._read(number).items()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for file in self._files:
            file.close()
        self._folder.cleanup()

    def _read(self, number: int) -> dict[bytes, list[StoredRecord]]:
        file = self._files[number]
        file.seek(0)
        leads: dict[bytes, list[StoredRecord]] = defaultdict(list)
        while size := file.read(_LENGTH):
            for record in _decode(file.read(int.from_bytes(size, "big"))):
                leads[record.key].append(record)
        return leads

    def _write(self, number: int) -> None:
        if self._blocks[number]:
            block = _encode(self._blocks[number])
            self._files[number].write(len(block).to_bytes(_LENGTH, "big") + block)
            self._blocks[number] = []
