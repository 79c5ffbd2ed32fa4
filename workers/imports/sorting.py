"""Sorts any number of facts by event time in bounded memory: sorted runs on disk, then a merge."""

import heapq
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

SortEntry = tuple[int, int, str, str, str, bytes]  # occurred_at, rank of the kind, event_id, lead_id, source, value

_RUN = 100_000  # facts in memory at a time: about 60 MB
_FAN_IN = 64  # runs merged at once: some machines permit few open files
_BATCH = 256
_LENGTH = 4
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[SortEntry]).decode


class Sorter:
    """Sorts facts by event time; an event_id that repeats at one time is returned once.

    Args:
        scratch: The folder of the runs; by default the system's temporary folder.
        run_size: Facts in memory; more are written to a run.
        fan_in: Runs that are merged at once.
    """

    def __init__(self, scratch: Path | None = None, run_size: int = _RUN, fan_in: int = _FAN_IN) -> None:
        self.count = 0
        self.repeated = 0
        self.conflicts = 0
        self.conflict: SortEntry | None = None
        self.alike: Counter[int] = Counter()
        self._run_size = run_size
        self._fan_in = fan_in
        self._entries: list[SortEntry] = []
        self._runs: list[Path] = []
        self._written = 0
        self._folder = tempfile.TemporaryDirectory(prefix="leadloop-import-", dir=scratch)

    def add_all(self, entries: Collection[SortEntry]) -> None:
        self._entries += entries
        self.count += len(entries)
        if len(self._entries) >= self._run_size:
            self._spill()

    def merged(self) -> Iterator[SortEntry]:
        """Yield all facts in order.

        One with the time, kind and id of the one before is only counted: in `repeated`, and also in `conflicts` if it
        has other fields (the first such one is `conflict`). `alike` counts, by rank, facts of one lead, kind and time
        with different ids.
        """
        self._entries.sort()
        last: SortEntry = (-1, -1, "", "", "", b"")
        leads: set[str] = set()  # of the facts at this time of this kind
        for entry in heapq.merge(*map(_read, self._runs), self._entries):
            if entry[0] != last[0] or entry[1] != last[1]:
                leads.clear()
            elif entry[2] == last[2]:
                self.repeated += 1
                if entry[5] != last[5]:
                    self.conflicts += 1
                    self.conflict = self.conflict or entry
                continue
            elif entry[3] in leads:
                self.alike[entry[1]] += 1
            leads.add(entry[3])
            last = entry
            yield entry

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._folder.cleanup()

    def _spill(self) -> None:
        self._entries.sort()
        self._runs.append(self._write(self._entries))
        self._entries = []
        if len(self._runs) >= self._fan_in:
            merged = self._write(heapq.merge(*map(_read, self._runs)))
            for run in self._runs:
                run.unlink()
            self._runs = [merged]

    def _write(self, entries: Iterable[SortEntry]) -> Path:
        self._written += 1
        path = Path(self._folder.name) / f"{self._written}.run"
        source = iter(entries)
        with path.open("wb") as file:
            while batch := list(islice(source, _BATCH)):
                block = _encode(batch)
                file.write(len(block).to_bytes(_LENGTH, "big") + block)
        return path


def _read(path: Path) -> Iterator[SortEntry]:
    with path.open("rb") as file:
        while size := file.read(_LENGTH):
            yield from _decode(file.read(int.from_bytes(size, "big")))
