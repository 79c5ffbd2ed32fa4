"""What the demo shows: read from the worker's own /metrics (the same numbers as everywhere) and from its topics."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from rich.box import SIMPLE_HEAD
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from schemas.events import LeadRecycled

STEPS = ("created", "touched", "progressed", "stalled", "recycled", "won")
WORDS = {
    "created": "passes",
    "touched": "contacted",
    "progressed": "moved",
    "stalled": "cold",
    "recycled": "recycled",
    "won": "won",
}
REASONS = {
    "never_contacted": "nobody contacted it in time",
    "no_follow_up": "nobody followed up",
    "no_progress": "touched, but nothing moved",
    "attempts_exhausted": "all attempts were used up",
}
CAUSES = {"moved": "it moved again", "won": "it was won", "void": "the stall proved void"}


@dataclass
class Picture:
    """Numbers at one moment. `funnel` by (origin, step), all passes together; `now` is stream time in seconds."""

    funnel: Counter[tuple[str, str]] = field(default_factory=Counter)
    second_pass: Counter[str] = field(default_factory=Counter)
    leads: Counter[str] = field(default_factory=Counter)
    stalls: Counter[str] = field(default_factory=Counter)
    decisions: Counter[tuple[str, str]] = field(default_factory=Counter)
    now: float = 0.0
    lag: int = 0
    is_ready: bool = False

    def decided(self, action: str) -> int:
        return sum(count for (said, _), count in self.decisions.items() if said == action)

    @property
    def day(self) -> str:
        return datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%d") if self.now else "–"


def take(port: int) -> Picture:
    """Scrape the worker. An empty picture while it does not answer yet."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except (URLError, OSError):
        return Picture()
    picture = Picture()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            _add(picture, sample.name, sample.labels, sample.value)
    return picture


def _add(picture: Picture, name: str, labels: dict[str, str], value: float) -> None:
    match name:
        case "leadloop_funnel_leads":
            picture.funnel[labels["origin"], labels["step"]] += int(value)
            if labels["pass"] != "1":  # noqa: S105  a journey of a lead, no password
                picture.second_pass[labels["step"]] += int(value)
        case "leadloop_leads":
            picture.leads[labels["stage"]] += int(value)
        case "leadloop_stalls_total":
            picture.stalls[labels["reason"]] += int(value)
        case "leadloop_decisions_total":
            picture.decisions[labels["action"], labels["why"]] += int(value)
        case "leadloop_stream_timestamp_seconds":
            picture.now = max(picture.now, value)
        case "leadloop_lag_records":
            picture.lag += int(value)
        case "leadloop_ready":
            picture.is_ready = bool(value)


def in_words(event: LeadRecycled) -> Text:
    """One recycle event as a sentence."""
    day = datetime.fromtimestamp(event.occurred_at / 1000, UTC).strftime("%Y-%m-%d")
    line = Text(f"{day}  ", style="dim")
    line.append(event.lead_id, style="bold")
    line.append(f" ({event.origin or 'unknown'})")
    if event.action == "REVOKE":
        return line.append(f"  taken back from marketing: {CAUSES.get(event.cause, event.cause)}", style="green")
    reason = REASONS.get(event.reason, event.reason.replace("_", " "))
    return line.append(
        f"  handed to marketing: {reason}; {event.touches} touches, pass {event.pass_no} → {event.track}",
        style="yellow",
    )


def drawn(picture: Picture, news: list[LeadRecycled], progress: str) -> RenderableType:
    """The whole screen: two columns where there is room, one below the other where there is not."""
    newest = Group(*(in_words(event) for event in news[-8:])) if news else Text("nothing yet", style="dim")
    return Group(
        Text.assemble(("Leadloop", "bold cyan"), f"   {picture.day}   {progress}"),
        Columns([_funnel(picture), Group(_stalls(picture), _loop(picture))], padding=(0, 2)),
        Panel(newest, title="newest recycle events", title_align="left", border_style="dim"),
    )


def _funnel(picture: Picture) -> RenderableType:
    table = _table("Funnel by origin")
    table.add_column("origin")
    for step in STEPS:
        table.add_column(WORDS[step], justify="right")
    origins = Counter({origin: n for (origin, step), n in picture.funnel.items() if step == "created" and n})
    for origin, _ in origins.most_common(12):
        table.add_row(origin, *(f"{picture.funnel[origin, step]:,}" for step in STEPS))
    sums = [sum(n for (_, s), n in picture.funnel.items() if s == step) for step in STEPS]
    table.add_section()
    table.add_row("all", *(f"{n:,}" for n in sums), style="bold")
    return table


def _table(title: str, *, has_header: bool = True) -> Table:
    return Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, border_style="dim", show_header=has_header, show_edge=False
    )


def _stalls(picture: Picture) -> RenderableType:
    table = _table("Broken promises", has_header=False)
    for reason, words in REASONS.items():
        table.add_row(words, f"{picture.stalls[reason]:,}")
    return table


def _loop(picture: Picture) -> RenderableType:
    table = _table("The loop", has_header=False)
    for words, count in (
        ("handed to marketing", picture.decided("RECYCLE")),
        ("taken back", picture.decided("REVOKE")),
        ("with marketing now", picture.leads["nurture"]),
        ("kept out, or kept back to compare", sum(map(picture.decided, ("SUPPRESS", "RETIRE", "HOLDOUT")))),
        ("second passes and later", picture.second_pass["created"]),
        ("of these won", picture.second_pass["won"]),
    ):
        table.add_row(words, f"{count:,}")
    return table


def in_a_line(picture: Picture, progress: str) -> str:
    """The screen in one line, for what is no terminal."""
    return (
        f"{picture.day}  {sum(picture.leads.values()):,} leads, {sum(picture.stalls.values()):,} promises broken, "
        f"{picture.decided('RECYCLE'):,} handed over, {picture.decided('REVOKE'):,} taken back, "
        f"{picture.leads['won']:,} won   ({progress})"
    )


def ending(picture: Picture) -> RenderableType:
    """What happened, and what to try next."""
    created = sum(n for (_, step), n in picture.funnel.items() if step == "created")
    stalled = sum(n for (_, step), n in picture.funnel.items() if step == "stalled")
    return Text.from_markup(
        f"\n[bold]What happened.[/] {sum(picture.leads.values()):,} leads made {created:,} passes from marketing to"
        f" sales; {stalled:,} of the passes went cold. {sum(picture.stalls.values()):,} times a promise was broken.\n"
        f"Leadloop handed {picture.decided('RECYCLE'):,} back to marketing with a reason and a plan, and took"
        f" {picture.decided('REVOKE'):,} of them back because the lead moved again. {picture.second_pass['created']:,}"
        f" passes were second ones or later; {picture.second_pass['won']:,} of those were won.\n\n"
        "[bold]Try next.[/]\n"
        "  make demo ARGS='--stay'               keep it up and look around\n"
        "  make demo ARGS='--seed 7 --speed 0'   another history, as fast as it goes\n"
        "  make demo ARGS='--data DIR --mapping M.yml'   your own: see docs/mapping.md\n"
        "  make demo ARGS='--policy P.yml'       other promises: see deploy/config/policy.yml\n"
        "  README.md, “Follow one lead”          the same loop on a Kafka of yours\n"
    )
