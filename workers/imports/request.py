"""What an import is asked to do."""

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
        files: Files, and folders that hold some; none only sends the closing heartbeat.
        mappings: Tables by the names of files.
        part: This is a part of a history only: send no heartbeat.
        until: Everything up to this time (epoch ms) is in, even if the newest fact is older.
        rejects: Where rejected rows go, if there are any; None only counts them.
        scratch: Where to sort what does not fit into memory; the system's folder for it by default.
        beat_seconds: About how often a heartbeat goes out on the way.
        beat_facts: After how many facts one goes out at the latest.
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
        """Raises ImportFailure where it asks for what cannot be."""
        if not self.files and (self.until is None or self.part):
            raise ImportFailure("name at least one file, or say with --until up to when everything is in")
        if self.files and not self.mappings:
            raise ImportFailure("name at least one mapping: it says which columns make which facts")
        if self.part and self.until is not None:
            raise ImportFailure("a part sends no heartbeat: give --until with the last part, or alone after it")
        if self.until is not None and self.until <= 0:
            raise ImportFailure("--until lies before 1970: no fact is as old as that")
        if self.until is not None and self.until > now + FUTURE_MS:
            raise ImportFailure("--until lies in the future: nobody knows yet that everything up to then is in")
        if self.rejects is not None and self.rejects.resolve() in {file.resolve() for file in self.files}:
            raise ImportFailure(f"{self.rejects} is to be imported: write the rejects to another file")
