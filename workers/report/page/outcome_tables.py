"""What became of leads that were handed back, and of those that were left alone: by reason, pass and track."""

from collections.abc import Sequence

from htpy import Element, Node, bdi, code, fragment, small, tbody, td, th, tr

from workers.report.api_models import PassLabel
from workers.report.funnel_models import FunnelRow, TrackRow
from workers.report.funnel_rows import currencies_of

from .frame import column, missing, sheet
from .funnel_table import FIRST
from .money_words import currency_name, money_cell
from .phrases import number, of, of_leads, reason_name, share, value_name

FEWEST_DRAWN = 30
"""Leads of each group from which on shares are shown."""


def by_reason(rows: Sequence[FunnelRow]) -> Node:
    """First passes that were handed back, by the reason for which they went cold last."""
    found = sorted((row for row in rows if row.recycled), key=lambda row: -row.recycled)
    if not found:
        return missing("No lead was handed back in its first pass.")
    shown = currencies_of(row.money_after for row in found)
    body = [_outcome(bdi[reason_name(row.value)], row, shown, reason=row.value) for row in found]
    return sheet("Handed back, by reason", _head("Reason", shown), [tbody[body]], is_sorted=True)


def by_pass(rows: Sequence[FunnelRow]) -> Node:
    """Passes that were handed back, by their number."""
    found = [row for row in rows if row.recycled]
    if len(found) < 2:  # noqa: PLR2004  # one row repeats the table above
        return None
    shown = currencies_of(row.money_after for row in found)
    body = [_outcome(f"pass {row.value}", row, shown, label=row.value) for row in found]
    return sheet("Handed back, by pass", _head("Pass", shown), [tbody[body]], kind="snug")


def by_track(rows: Sequence[TrackRow]) -> Node:
    """Recycles by track: each time counts once."""
    if not rows:
        return None
    shown = currencies_of(row.money_after for row in rows)
    states = ("With marketing now", "Passed to sales again", "Taken back")
    head = [column(words) for words in ("Times", *states, "Won after that")]
    money = [column(f"Won, {currency_name(one)}") for one in shown]
    body = [
        tr[
            th(scope="row")[value_name(row.track)],
            td(".n")[number(row.standing + row.requalified + row.revoked)],
            td(".n")[of_leads(row.standing, track=row.track) if row.track else number(row.standing)],
            [td(".n")[number(count)] for count in (row.requalified, row.revoked, row.won_after)],
            [money_cell(row.money_after, one) for one in shown],
        ]
        for row in rows
    ]
    return sheet("Handed back, by track", [column("Track", ""), *head, *money], [tbody[body]], is_sorted=True)


def beside_held_out(total: FunnelRow) -> Node:
    """Both groups side by side, as counts; shares only from enough leads on."""
    if not total.held_out:
        return missing(fragment["No lead was left alone to compare: ", code["holdout"], " in the policy draws some."])
    groups = (
        ("Handed back", total.recycled, ("recycled", "requalified", "won_after"), (total.requalified, total.won_after)),
        (
            "Left alone",
            total.held_out,
            ("held_out", "held_requalified", "held_won"),
            (total.held_requalified, total.held_won),
        ),
    )
    enough = min(total.recycled, total.held_out) >= FEWEST_DRAWN
    body = [
        tr[
            th(scope="row")[name],
            [
                td(".n")[
                    of_leads(count, step=step, pass_=FIRST),
                    small[share(count, drawn)] if enough and count != drawn else small[""],
                ]
                for step, count in zip(steps, (drawn, *counts), strict=True)
            ],
        ]
        for name, drawn, steps, counts in groups
    ]
    head = [column("Group", ""), column("Leads"), column("Passed to sales again"), column("Won after that")]
    few = missing(f"Too few to say: shares are shown from {FEWEST_DRAWN} leads in each group on.")
    return [sheet("Handed back and left alone", head, [tbody[body]], kind="snug"), None if enough else few]


def _head(heading: str, currencies: Sequence[str]) -> list[Node]:
    words = ("Went cold", "Handed back", "Passed to sales again", "Won after that")
    money = [column(f"Won, {currency_name(one)}") for one in currencies]
    return [column(heading, ""), *map(column, words), *money]


def _outcome(
    name: Node, row: FunnelRow, currencies: Sequence[str], *, label: PassLabel | str = FIRST, reason: str | None = None
) -> Element:
    def cell(step: str, whole: int) -> Element:
        count = getattr(row, step)
        link = of(count, "/leads", reason=reason, step=step, **{"pass": label})
        return td(".n")[link, small[share(count, whole)] if count and whole else small[""]]

    return tr[
        th(scope="row")[name],
        cell("stalled", 0),
        cell("recycled", row.stalled),
        cell("requalified", row.recycled),
        cell("won_after", row.recycled),
        [money_cell(row.money_after, one) for one in currencies],
    ]
