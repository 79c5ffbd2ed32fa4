"""Renders the demo: figures and the newest recycle events, as a screen for a terminal or as one line."""

from collections import Counter
from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
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
CAUSES = {"moved": "it moved again", "won": "it was won", "void": "the stall proved void"}


def sentence_of(event: LeadRecycled) -> Text:
    """One recycle event as a sentence."""
    day = datetime.fromtimestamp(event.occurred_at / 1000, UTC).strftime("%Y-%m-%d")
    line = Text(f"{day}  ", style="dim")
    line.append(event.lead_id, style="bold")
    line.append(f" ({event.origin or 'unknown'})")
    if event.action == "REVOKE":
        return line.append(f"  taken back from marketing: {CAUSES.get(event.cause, event.cause)}", style="green")
    reason = REASONS.get(event.reason, event.reason.replace("_", " "))
    touches = "1 touch" if event.touches == 1 else f"{event.touches} touches"
    sentence = f"  handed to marketing: {reason}; {touches}, pass {event.pass_no} → {event.track}"
    return line.append(sentence, style="yellow")


def render_screen(
    snapshot: FunnelSnapshot, external: ExternalFigures, news: list[LeadRecycled], progress: str
) -> RenderableType:
    """The whole screen; the columns wrap on a narrow terminal."""
    newest = Group(*(sentence_of(event) for event in news[-8:])) if news else Text("none yet", style="dim")
    return Group(
        Text.assemble(("Leadloop", "bold cyan"), f"   {snapshot.day}   {progress}"),
        Columns([_funnel(snapshot), Group(_stalls(snapshot), _loop(snapshot, external))], padding=(0, 2)),
        Panel(newest, title="newest recycle events", title_align="left", border_style="dim"),
    )


def _funnel(snapshot: FunnelSnapshot) -> RenderableType:
    table = _table("Funnel by origin")
    table.add_column("origin")
    for step in STEPS:
        table.add_column(step, justify="right")
    origins = Counter({origin: n for (origin, step), n in snapshot.funnel.items() if step == "created" and n})
    for origin, _ in origins.most_common(12):
        table.add_row(origin, *(f"{snapshot.funnel[origin, step]:,}" for step in STEPS))
    table.add_section()
    table.add_row("all", *(f"{snapshot.reached(step):,}" for step in STEPS), style="bold")
    return table


def _table(title: str, *, has_header: bool = True) -> Table:
    return Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, border_style="dim", show_header=has_header, show_edge=False
    )


def _stalls(snapshot: FunnelSnapshot) -> RenderableType:
    table = _table("Broken promises", has_header=False)
    for reason, words in REASONS.items():
        table.add_row(words, f"{snapshot.stalls[reason]:,}")
    return table


def _loop(snapshot: FunnelSnapshot, external: ExternalFigures) -> RenderableType:
    table = _table("The loop", has_header=False)
    for words, count in (
        ("handed to marketing", snapshot.decided("RECYCLE")),
        ("taken back", snapshot.decided("REVOKE")),
        ("received by the marketing tool, signed", external.received),
        ("removed from nurture again", external.taken_back),
        ("with marketing now", snapshot.leads["nurture"]),
        ("suppressed, retired or held out", sum(map(snapshot.decided, ("SUPPRESS", "RETIRE", "HOLDOUT")))),
        ("second and later passes", snapshot.second_pass["created"]),
        ("of these, won", snapshot.second_pass["won"]),
    ):
        table.add_row(words, f"{count:,}")
    return table


def render_line(snapshot: FunnelSnapshot, external: ExternalFigures, progress: str) -> str:
    """The screen in one line, for output that is not a terminal."""
    return (
        f"{snapshot.day}  {sum(snapshot.leads.values()):,} leads, {sum(snapshot.stalls.values()):,} promises broken, "
        f"{snapshot.decided('RECYCLE'):,} handed over, {snapshot.decided('REVOKE'):,} taken back, "
        f"{external.received + external.taken_back:,} delivered, {snapshot.leads['won']:,} won   ({progress})"
    )


def render_summary(snapshot: FunnelSnapshot, external: ExternalFigures, waiting: int) -> RenderableType:
    """What happened, and what to try next. `waiting`: recycles whose `not_before` is in the future."""
    created, stalled = snapshot.reached("created"), snapshot.reached("stalled")
    return Text.from_markup(
        f"\n[bold]What happened.[/] {sum(snapshot.leads.values()):,} leads made {created:,} passes from marketing to"
        f" sales; {stalled:,} of the passes stalled. {sum(snapshot.stalls.values()):,} promises were broken.\n"
        f"Leadloop handed {snapshot.decided('RECYCLE'):,} back to marketing with a reason and a plan, and took"
        f" {snapshot.decided('REVOKE'):,} of them back, because the lead moved again or sales reported something else."
        f" {snapshot.second_pass['created']:,} passes were second or later passes;"
        f" {snapshot.second_pass['won']:,} of those were won.\n"
        "The read model shows the same funnel.\n\n"
        f"{_delivered(snapshot, external, waiting)}\n\n"
        "[bold]Try next.[/]\n"
        "  make demo ARGS=--stay                 go live, follow a lead with curl\n"
        "  make demo ARGS='--seed 7 --speed 0'   another history, at full speed\n"
        "  make demo ARGS='--policy P.yml'       other promises: deploy/config/policy.yml\n"
        "  make demo ARGS='--data DIR --mapping M.yml'   your files: docs/mapping.md\n"
        "  README.md, “Follow one lead”          the same loop on your own Kafka\n"
    )


def _delivered(snapshot: FunnelSnapshot, external: ExternalFigures, waiting: int) -> str:
    standing = snapshot.decided("RECYCLE") - snapshot.decided("REVOKE")
    failed, expired = external.outcomes["refused"] + external.outcomes["dead"], external.outcomes["expired"]
    arrived = f"{external.received:,} RECYCLEs and {external.taken_back:,} REVOKEs"
    sentences = (
        f"[bold]What arrived.[/] {arrived}, each signed and verified; {external.refused:,} were rejected.",
        f"{external.in_nurture:,} recycles stand there now; {standing:,} according to Leadloop.",
        f"{external.outcomes['no_op']:,} events were not sent: revoked in time.",
        f"{expired:,} RECYCLEs were not sent: the consent has ended since; those that still stand make the difference."
        if expired
        else "",
        f"{failed:,} deliveries failed." if failed else "",
        f"{waiting:,} wait for their date." if waiting else "",
    )
    return " ".join(filter(None, sentences))
