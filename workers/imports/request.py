"""The parameters of an import."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.instants import FUTURE_MS

from .errors import ImportFailure
from .mapping import Mapping


@dataclass(frozen=True, kw_only=True)
class ImportRequest:
    """What to import.

    Attributes:
        files: Files and folders; if there are none, only the final heartbeat is sent.
        mappings: The tables that read the files.
        part: The files are only a part of the history: send no heartbeat.
        until: The history is complete up to this time (epoch ms), even if the newest fact is older.
        rejects: The file for rejected rows; if None, they are only counted.
        scratch: The folder for sorted runs that exceed memory; by default the system's temporary folder.
        beat_seconds: The interval of heartbeats during publishing.
        beat_facts: The most facts between two heartbeats.
    """

    files: Sequence[Path] = ()
    mappings: Sequence[Mapping] = ()
    part: bool = False
    until: int | None = None
    rejects: Path | None = None
    scratch: Path | None = None
    beat_seconds: float = 1.0
    beat_facts: int = 50_000

    def check(self, now: int) -> None:
        """Check that the parameters agree. `now`: epoch ms.

        Raises:
            ImportFailure: they do not.
        """
        if not self.files and (self.until is None or self.part):
            raise ImportFailure(
                "name at least one file, or give with --until the time up to which the history is complete"
            )
        if self.files and not self.mappings:
            raise ImportFailure("name at least one mapping: it defines which columns become which facts")
        if self.part and self.until is not None:
            raise ImportFailure("a part sends no heartbeat: give --until with the last part, or alone after it")
        if self.until is not None and self.until <= 0:
            raise ImportFailure("--until is before 1970: no fact is that old")
        if self.until is not None and self.until > now + FUTURE_MS:
            raise ImportFailure("--until is in the future: the history cannot be complete up to then")
        if self.rejects is not None and self.rejects.resolve() in {file.resolve() for file in self.files}:
            raise ImportFailure(f"{self.rejects} is one of the imported files: write the rejects to another file")
