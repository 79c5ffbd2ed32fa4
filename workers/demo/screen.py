"""Renders the demo: figures and the newest recycle events, as a screen for a terminal or as one line."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from schemas.events import LeadRecycled

from .figures import STEPS, ExternalFigures, FunnelSnapshot

REASONS = {
    "never_contacted": "nobody contacted it in time",
    "no_follow_up": "nobody followed up",
    "no_progress": "touched, but no progress",
    "attempts_exhausted": "all attempts were used up",
}
MOST_ORIGINS = 6
_LINES_WITHOUT_NEWS = 18
_MOST_NEWS = 20
CAUSES = {"moved": "it moved again", "won": "it was won", "void": "the stall proved void"}


def sentence_of(event: LeadRecycled) -> Text:
    """One recycle event as a sentence."""
    day = datetime.fromtimestamp(event.occurred_at / 1000, UTC).strftime("%Y-%m-%d")
    line = Text(f"{day}  ", style="dim")
    line.append(event.lead_id, style="bold")
    line.append(f" ({event.origin or 'unknown'})")
    if event.action == "REVOKE":
        return line.append(f"  taken back from marketing: {CAUSES.get(event.cause, event.cause)}", style="green")
    reason = _words(event.reason)
    touches = "1 touch" if event.touches == 1 else f"{event.touches} touches"
    sentence = f"  handed to marketing: {reason}; {touches}, pass {event.pass_no} → {event.track}"
    return line.append(sentence, style="yellow")


def _words(reason: str) -> str:
    return REASONS.get(reason, reason.replace("_", " "))


def render_screen(
    snapshot: FunnelSnapshot, external: ExternalFigures, news: list[LeadRecycled], progress: str, height: int
) -> RenderableType:
    """The whole screen, for a terminal of 80 columns or more and `height` lines, 24 or more."""
    lines = min(_MOST_NEWS, max(2, height - _LINES_WITHOUT_NEWS))
    newest: list[Text] = [sentence_of(event) for event in news[-lines:]] or [Text("none yet", style="dim")]
    for line in newest:
        line.no_wrap, line.overflow = True, "ellipsis"
    broken = {_words(reason): count for reason, count in snapshot.stalls.items() if count}
    return Group(
        Text.assemble(("Leadloop", "bold cyan"), f"   {snapshot.day}   {progress}"),
        _funnel(snapshot),
        _counts("Promises broken", sum(broken.values()), broken),
        _counts("Handed back", snapshot.decided("RECYCLE"), _handed_back(snapshot, external)),
        Text("Newest", style="bold"),
        *newest,
    )


def _handed_back(snapshot: FunnelSnapshot, external: ExternalFigures) -> dict[str, int]:
    return {
        "now with marketing": snapshot.leads["nurture"],
        "taken back": snapshot.decided("REVOKE"),
        "received there, signed": external.received,
        "removed there": external.taken_back,
    }


def _funnel(snapshot: FunnelSnapshot) -> RenderableType:
    table = Table(box=SIMPLE_HEAD, border_style="dim", show_edge=False)
    table.add_column("origin")
    for step in STEPS:
        table.add_column(step, justify="right")
    for name, origins in _lines_of_origins(snapshot):
        table.add_row(name, *(f"{sum(snapshot.funnel[origin, step] for origin in origins):,}" for step in STEPS))
    table.add_row("all", *(f"{snapshot.reached(step):,}" for step in STEPS), style="bold")
    return table


def _lines_of_origins(snapshot: FunnelSnapshot) -> list[tuple[str, list[str]]]:
    """The largest origins, and the others in one line."""
    created = Counter({origin: n for (origin, step), n in snapshot.funnel.items() if step == "created" and n})
    ranked = [origin for origin, _ in created.most_common()]
    shown = ranked if len(ranked) <= MOST_ORIGINS else ranked[: MOST_ORIGINS - 1]
    rest = ranked[len(shown) :]
    return [(origin, [origin]) for origin in shown] + ([(f"{len(rest):,} others", rest)] if rest else [])


def _counts(title: str, total: int, counts: Mapping[str, int]) -> Text:
    """A total and its parts in a line or two."""
    parts = ", ".join(f"{words} {count:,}" for words, count in counts.items())
    return Text.assemble((f"{title} {total:,}", "bold"), f": {parts}")


def render_line(snapshot: FunnelSnapshot, external: ExternalFigures, progress: str) -> str:
    """The screen in one line, for output that is not a terminal."""
    return (
        f"{snapshot.day}  {sum(snapshot.leads.values()):,} leads, {sum(snapshot.stalls.values()):,} promises broken, "
        f"{snapshot.decided('RECYCLE'):,} handed over, {snapshot.decided('REVOKE'):,} taken back, "
        f"{external.received + external.taken_back:,} delivered, {snapshot.leads['won']:,} won   ({progress})"
    )
