"""The progress and the summary of an import, and their display on the terminal."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from schemas.instants import iso

from .rows import RowCounts
from .sorting import Sorter

_EXAMPLES = 5
_ALIKE = ": are they one, exported twice? (docs/mapping.md, Ids)"
_LOST = {
    "lead-created": "streams does not know these leads, or not this pass of them",
    "lead-updated": "what changed stays as it was",
    "lead-contacted": "these leads may seem to be without contact",
    "deal-closed": "these leads stay open",
    "lead-stalled": "these leads stay with sales",
}
"""What it means that facts of a kind are missing."""


@dataclass(slots=True)
class ImportProgress:
    """The progress of an import: `bytes_read` of `bytes_total` while it reads, then `acked` of `facts`."""

    phase: Literal["reading", "publishing"] = "reading"
    bytes_total: int = 0
    bytes_read: int = 0
    rows: int = 0
    rejected: int = 0
    facts: int = 0
    acked: int = 0
    complete_until: int = 0  # epoch ms: the time of the newest heartbeat


OnProgress = Callable[[ImportProgress], None]


class ProgressReporter:
    """Updates the progress and reports it, always with the same object."""

    def __init__(self, on_progress: OnProgress, progress: ImportProgress) -> None:
        self._on_progress = on_progress
        self._progress = progress
        self._read_before = 0

    def has_read(self, size: int) -> None:
        """Add the size of a file that has been read."""
        self._read_before += size

    def reading(self, position: int, summary: "ImportSummary") -> None:
        """Report the byte position in the current file."""
        self._progress.bytes_read = self._read_before + position
        self._progress.rows = summary.rows
        self._progress.rejected = summary.rejected
        self._on_progress(self._progress)

    def to_publish(self, facts: int) -> None:
        """Report that all files are read, and how many facts will be published."""
        self._progress.phase = "publishing"
        self._progress.facts = facts
        self._on_progress(self._progress)

    def publishing(self, acked: int, complete_until: int | None) -> None:
        """Report the acknowledged facts, and the time (epoch ms) of the newest heartbeat."""
        self._progress.acked = acked
        self._progress.complete_until = complete_until or 0
        self._on_progress(self._progress)


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A rejected row, with the reason and how to fix it; one line of the rejects file."""

    file: str
    line: int
    column: str
    value: str
    reason: str
    advice: str
    row: object
    lost: Sequence[str] = ()  # the kinds of the facts that are missing with it

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" + (f", {self.column} = {self.value!r}" if self.column else "")
        lost = f"; lost with it: {', '.join(self.lost)}" if self.lost else ""
        return f"{where}: {self.reason}; {self.advice}{lost}"


@dataclass(slots=True)
class ImportSummary:
    """The result of an import. Times are epoch ms; `complete_until` is the time of the last heartbeat."""

    files: int = 0
    rows: int = 0
    without_facts: int = 0  # valid rows of which the mapping makes no fact
    repeated: int = 0  # facts that the files contain more than once: published once
    conflicts: int = 0  # of these, facts that differ in what may change later
    alike: int = 0  # facts with derived ids that agree with another in lead, kind and time
    guessed_times: int = 0  # ambiguous or skipped local times, when clocks changed
    published: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)  # kinds of facts of rejected rows
    doubts: list[str] = field(default_factory=list)  # what may be wrong although it was imported
    examples: list[RejectedRow] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)  # lines of totals, footers, repeated headers: no data
    passed_example: RejectedRow | None = None
    blank: int = 0  # rows without any value
    short: int = 0  # rows with fewer values than the header
    ranks_with_derived_ids: frozenset[int] = frozenset()  # ranks of kinds without `event_id` in the mapping
    notes: list[str] = field(default_factory=list)  # about files as a whole
    is_check: bool = False  # nothing was published: the numbers say what would have been
    rejects: Path | None = None
    heartbeats: int = 0
    first_at: int | None = None
    last_at: int | None = None
    complete_until: int | None = None
    seconds: float = 0.0

    @property
    def facts(self) -> int:
        """How many facts were published."""
        return self.published.total()

    def reject(self, rejected: RejectedRow) -> None:
        """Count a rejected row; keep the first few as examples."""
        self.rejected += 1
        self.reasons[rejected.reason] += 1
        self.lost.update(rejected.lost)
        if len(self.examples) < _EXAMPLES:
            self.examples.append(rejected)

    def pass_over(self, row: RejectedRow) -> None:
        """Count a row that is not data; keep the first as an example."""
        self.passed_over[row.reason] += 1
        self.passed_example = self.passed_example or row

    def count(self, counts: RowCounts) -> None:
        """Add what was counted while a file was read."""
        self.blank += counts.blank
        self.short += counts.short

    def take(self, sorter: Sorter) -> None:
        """Take over what was counted while facts were sorted."""
        self.repeated, self.conflicts = sorter.repeated, sorter.conflicts
        if (example := sorter.conflict) is not None:
            self.notes.append(f"e.g. lead {example[3]} has two different facts at {iso(example[0])} with one id")
        self.alike = sum(sorter.alike[rank] for rank in self.ranks_with_derived_ids)

    @property
    def rejects_most(self) -> bool:
        """Whether more than half of the rows were rejected: nothing may be declared complete."""
        return self.rejected * 2 > self.rows

    @property
    def failure(self) -> str:
        """Why the import is no success although nothing broke; empty if it is one."""
        if self.files and not self.facts:
            return ("NOTHING WOULD BE PUBLISHED: " if self.is_check else "NOTHING WAS PUBLISHED: ") + (
                "every row was rejected" if self.rejected else "no row contains a fact; is it the right mapping?"
            )
        if self.rejects_most:
            undeclared = "nothing is declared complete. Correct the mapping or the rows, and import again"
            return f"MOST ROWS WERE REJECTED ({self.rejected:,} of {self.rows:,}): {undeclared}"
        return ""

    def exit_code(self, *, strict: bool) -> int:
        """Return 1 if the import is no success, or if `strict` and rows were rejected; otherwise 0."""
        return int(bool(self.failure) or (strict and self.rejected > 0))

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def _lines(summary: ImportSummary) -> list[str]:
    took = f" in {summary.seconds:.1f} s" if summary.seconds else ""
    done = "would be published" if summary.is_check else "published"
    lines = [f"{summary.rows:,} rows of {summary.files} files: {summary.facts:,} facts {done}{took}"]
    lines += [f"  {count:>9,} {kind}" for kind, count in sorted(summary.published.items())]
    if summary.first_at is not None and summary.last_at is not None:
        lines.append(f"  from {_day(summary.first_at)} to {_day(summary.last_at)}")
    if not summary.rows and summary.files:
        lines.append("  the files have no rows: nothing is known to be complete, so streams decides nothing new")
    notes = (
        (summary.repeated, "facts contained more than once: published once"),
        (
            summary.conflicts,
            "of them differ in other fields, such as the result: if they are different events, map `event_id:`",
        ),
        (summary.alike, f"facts agree in lead, kind and time with another one but differ otherwise{_ALIKE}"),
        (summary.without_facts, "rows without a fact"),
        (summary.blank, "empty rows skipped"),
        (summary.short, "rows with fewer values than the header: the last ones were taken as empty"),
        (summary.guessed_times, "local times that were uncertain, because clocks changed (`local_time:`)"),
    )
    lines += [f"  {count:>9,} {text}" for count, text in notes if count]
    lines += _passed_over(summary)
    lines += [f"  {note}" for note in summary.notes]
    lines += _rejections(summary)
    lines += [f"  doubtful: {doubt}" for doubt in summary.doubts]
    if summary.failure:
        lines.append(summary.failure)
    if summary.complete_until is not None:
        lines.append(f"complete up to {iso(summary.complete_until)}: streams may decide up to then")
    return lines


def _passed_over(summary: ImportSummary) -> list[str]:
    words = {"total": "lines of totals", "footer": "lines of a footer", "header": "repeated headers"}
    lines = [f"  {count:>9,} {words[kind]} passed over" for kind, count in sorted(summary.passed_over.items())]
    example = summary.passed_example
    return lines + ([f"            e.g. {example.file}:{example.line}"] if example is not None else [])


def _rejections(summary: ImportSummary) -> list[str]:
    if not summary.rejected:
        return []
    lines = [f"{summary.rejected:,} rows rejected" + (f", see {summary.rejects}" if summary.rejects else "")]
    lines += [f"  {count:>9,} {reason}" for reason, count in summary.reasons.most_common()]
    lines += [f"  {count:>9,} {kind} lost with them: {_LOST[kind]}" for kind, count in sorted(summary.lost.items())]
    return lines + [f"  e.g. {example}" for example in summary.examples]


def _day(at: int) -> str:
    return iso(at)[:10]


class ImportProgressBars:
    """Two bars on the terminal: bytes read, facts acknowledged. Call it with each ImportProgress, inside `with`."""

    def __init__(self, console: Console | None = None) -> None:
        columns = (TextColumn("{task.description:>9}"), BarColumn(), TextColumn("{task.fields[detail]}"))
        self._bars = Bars(*columns, TimeElapsedColumn(), console=console, transient=True)
        self._reading = self._bars.add_task("reading", total=None, detail="")
        self._publishing: TaskID | None = None

    def __call__(self, progress: ImportProgress) -> None:
        detail = f"{progress.rows:,} rows" + (f", {progress.rejected:,} rejected" if progress.rejected else "")
        self._bars.update(self._reading, total=progress.bytes_total, completed=progress.bytes_read, detail=detail)
        if progress.phase == "reading":
            return
        if self._publishing is None:
            self._publishing = self._bars.add_task("acked", total=progress.facts, detail="")
        detail = f"{progress.acked:,} of {progress.facts:,} facts"
        self._bars.update(self._publishing, total=progress.facts, completed=progress.acked, detail=detail)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bars.stop()
