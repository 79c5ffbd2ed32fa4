"""Imports the history of the demo, generated or the user's own, like `leadloop import`."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from workers.demo.generated_history import history_mapping, write_history
from workers.imports.errors import ImportFailure
from workers.imports.file_assignment import assign
from workers.imports.mapping import Mapping, load_mapping
from workers.imports.report import ImportProgress, ImportSummary
from workers.imports.request import ImportRequest
from workers.imports.run import run_import

BEAT_SECONDS = 0.2  # between two heartbeats: stream time advances in such steps


@dataclass(frozen=True)
class DemoOptions:
    """The options of the demo.

    Attributes:
        data: The user's files; None: a generated history of `leads` leads that ends at midnight (UTC) before `until`.
        speed: The most facts per second; 0: no limit.
    """

    data: Path | None = None
    mappings: tuple[Path, ...] = ()
    policy: Path | None = None
    speed: int = 0
    leads: int = 5_000
    seed: int = 1
    is_staying: bool = False
    until: datetime | None = None


def mappings_of(options: DemoOptions) -> list[Mapping]:
    """The mappings of the files. Raises ImportFailure if they are missing or do not match the files."""
    if options.data is None:
        if options.mappings:
            raise ImportFailure("--mapping needs --data: the files whose columns it explains")
        return [history_mapping()]
    if not options.mappings:
        raise ImportFailure("--data needs --mapping: it says which columns make which facts (docs/mapping.md)")
    mappings = [_mapping(path) for path in options.mappings]
    assign([options.data], mappings)
    return mappings


def import_request_of(
    options: DemoOptions, mappings: Sequence[Mapping], folder: Path, console: Console
) -> ImportRequest:
    """What to import: the user's files, or generated ones."""
    if options.data is not None:
        return _request([options.data], mappings, Path("rejects.jsonl"))
    files = folder / "history"
    files.mkdir()
    until = (options.until or datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
    history = write_history(files, leads=options.leads, seed=options.seed, end=until)
    says = f"generated a history of {history.leads:,} leads (seed {options.seed}) until {until:%Y-%m-%d}"
    console.print(says, style="dim")
    return _request([files], mappings, folder / "rejects.jsonl")


def _mapping(path: Path) -> Mapping:
    try:
        return load_mapping(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ImportFailure(f"the mapping {path} cannot be read: {error}") from error


def _request(files: Sequence[Path], mappings: Sequence[Mapping], rejects: Path) -> ImportRequest:
    return ImportRequest(files=files, mappings=mappings, rejects=rejects, beat_seconds=BEAT_SECONDS)


class Publishing:
    """The import, in a thread of its own; limited to the requested speed."""

    def __init__(self, request: ImportRequest, bootstrap: str, speed: int) -> None:
        self._request = request
        self._conf = {"bootstrap.servers": bootstrap, "log_level": 3}
        self._speed = speed
        self._begun = 0.0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._error: BaseException | None = None
        self.share = 0.0
        self.summary: ImportSummary | None = None

    def start(self) -> None:
        self._thread.start()

    def check(self) -> None:
        """Raise the error of the import, if it failed."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            summary = run_import(
                self._request, self._conf, Codec(Catalogue.bundled()).encode, on_progress=self._progress
            )
            self._error = None if summary.facts else ImportFailure(f"no fact was imported:\n{summary}")
            self.summary = summary
        except BaseException as error:  # noqa: BLE001  # `check` raises it in another thread
            self._error = error

    def _progress(self, progress: ImportProgress) -> None:
        if progress.phase == "reading":
            return
        self._begun = self._begun or time.monotonic()
        self.share = progress.acked / max(1, progress.facts)
        if self._speed:
            time.sleep(max(0.0, self._begun + progress.acked / self._speed - time.monotonic()))
