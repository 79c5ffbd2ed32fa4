"""The impact of a policy on a terminal: its progress, and its result."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from streams.domain.deadlines import HELD

from .impact import Impact

if TYPE_CHECKING:
    from collections.abc import Callable


@contextmanager
def progress_bar(console: Console) -> Iterator["Callable[[int, int], None]"]:
    """A bar that is updated with the number of leads so far, and of all."""
    columns = TextColumn("leads"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("leads", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def impact_table(impact: Impact) -> Table:
    """One row for each week and reason, the oldest week first."""
    table = Table(show_edge=False, pad_edge=False)
    for name in ("week of", "reason"):
        table.add_column(name)
    table.add_column("leads", justify="right")
    for (monday, reason), leads in sorted(impact.due.items()):
        named = "a stall that waits is evaluated again" if reason == HELD else reason
        table.add_row(f"{monday:%Y-%m-%d}", named, f"{leads:,}")
    return table


def impact_summary(impact: Impact) -> str:
    """The result in a sentence or two."""
    due = sum(impact.due.values())
    text = f"Of {impact.leads:,} leads in the read model, {due:,} would fall due at once."
    if impact.partial:
        text += f" Of {impact.partial:,} leads, older events are no longer known: their dates may be wrong."
    return text
