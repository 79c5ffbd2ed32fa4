"""Renders the end of the demo: five numbers, how they belong together, what arrived, and what to try next."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from workers.report.api_models import Money
from workers.report.funnel_models import FunnelRow
from workers.report.page.money_words import money

from .figures import ExternalFigures, FunnelSnapshot

NOT_HANDED_BACK = {"SUPPRESS": "suppressed", "RETIRE": "retired", "HOLD": "held", "HOLDOUT": "held out to compare"}


@dataclass(frozen=True)
class DemoResult:
    """The final figures.

    Attributes:
        snapshot: From the metrics of streams.
        external: From deliver and the marketing tool.
        totals: All passes together, from the read API.
        waiting: RECYCLEs whose `not_before` is in the future.
    """

    snapshot: FunnelSnapshot
    external: ExternalFigures
    totals: FunnelRow
    waiting: int


_TRY_NEXT = """
[bold]Try next.[/]
  make demo ARGS=--stay                         go live, follow a lead with curl
  make demo ARGS='--seed 7 --speed 0'           another history, at full speed
  make demo ARGS='--policy P.yml'               your policy: docs/policy.md
  make demo ARGS='--data DIR --mapping M.yml'   your files: docs/mapping.md"""


def render_ending(result: DemoResult) -> RenderableType:
    """What happened, and what to try next: at most 24 lines of 80 columns."""
    return Group(
        Text(f"What happened until {result.snapshot.day}", style="bold"),
        _numbers(result),
        Text.from_markup(f"\n{_reconciled(result.snapshot)}"),
        Text.from_markup(f"\n{_arrived(result)}"),
        Text.from_markup(_TRY_NEXT),
    )


def _numbers(result: DemoResult) -> Table:
    table = Table(box=SIMPLE_HEAD, show_header=False, show_edge=False, padding=(0, 1))
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    table.add_column(style="dim")
    for row in _five(result):
        table.add_row(*row)
    return table


def _five(result: DemoResult) -> Iterator[tuple[str, str, str, str]]:
    row, again = result.totals, result.snapshot.second_pass["created"]
    leads = sum(result.snapshot.leads.values())
    yield "passes to sales", f"{row.created:,}", "", f"of {leads:,} leads; {again:,} came again"
    yield "with a broken promise", f"{row.broken:,}", _share(row.broken, row.created), "of the passes"
    yield "handed back", f"{row.recycled:,}", _share(row.recycled, row.created), "of the passes"
    back = f"of those; {row.won_after:,} of them won, {_money(row.money_after)}"
    yield "back at sales", f"{row.requalified:,}", _share(row.requalified, row.recycled), back
    yield "won", f"{row.won:,}", _share(row.won, row.created), f"of the passes; {_money(row.won_money)}"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "–"


def _money(amounts: Money) -> str:
    return " and ".join(money(minor, currency) for currency, minor in amounts.items()) or "no amount known"


def _reconciled(snapshot: FunnelSnapshot) -> str:
    """How broken promises become events that are handed back, and why the two numbers differ."""
    broken, recycles = sum(snapshot.stalls.values()), snapshot.decided("RECYCLE")
    handed = {why: count for (action, why), count in snapshot.decisions.items() if action == "RECYCLE"}
    neglected = sum(count for why, count in handed.items() if why in snapshot.stalls)
    revoked = snapshot.decided("REVOKE")
    not_handed = ", ".join(
        f"{count:,} {words}" for action, words in NOT_HANDED_BACK.items() if (count := snapshot.decided(action))
    )
    return (
        f"[bold]Why.[/] {broken:,} promises were broken (a pass can break several); {neglected:,} of them were handed"
        f" back. Sales gave up other leads itself, such as lost deals: {recycles - neglected:,} more. Of these"
        f" {recycles:,}, {revoked:,} were taken back, because the lead moved, marketing passed it on, or sales"
        f" corrected itself; {recycles - revoked:,} stand. Not handed back: {not_handed or 'none'}."
    )


def _arrived(result: DemoResult) -> str:
    external, snapshot = result.external, result.snapshot
    standing = snapshot.decided("RECYCLE") - snapshot.decided("REVOKE")
    failed, expired = external.outcomes["refused"] + external.outcomes["dead"], external.outcomes["expired"]
    arrived = f"{external.received:,} RECYCLEs and {external.taken_back:,} REVOKEs"
    sentences = (
        f"[bold]What arrived.[/] {arrived}, signed and verified; {external.refused:,} were rejected.",
        f"{external.outcomes['no_op']:,} events were not sent: revoked in time.",
        f"Of the {standing:,} that stand, {external.in_nurture:,} are there",
        f"{result.waiting:,} wait for their date",
        f"{expired:,} were not sent, since their consent has ended" if expired else "",
        f"{failed:,} deliveries failed" if failed else "",
    )
    first, second, *rest = sentences
    return f"{first} {second} {'; '.join(filter(None, rest))}."
