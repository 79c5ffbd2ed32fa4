"""Response models as tables for a terminal."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from unicodedata import category

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table

from workers.read_model.index import STEP_NAMES
from workers.values.currencies import whole_units

from . import api_models, funnel_models
from .explanation_model import ExplanationModel
from .funnel_rows import currencies_of, other_currencies


def funnel(found: funnel_models.FunnelPage) -> Table:
    """The steps, and money: a column for each currency, in whole units."""
    table = Table(title=f"Passes that reached each step, by {found.by}", title_justify="left")
    table.add_column(found.by)
    for step in STEP_NAMES:
        table.add_column(step.replace("_", " "), justify="right")
    won, expected = (currencies_of(amounts) for amounts in _money_of(found))
    for words, shown in (("won", won), ("expected", expected)):
        for currency in shown:
            table.add_column(f"{words}, {currency or 'no currency'}", justify="right")

    def cells(row: funnel_models.FunnelRow) -> Iterator[str]:
        yield from _counts(row)
        yield from (_units(row.won_money, one) for one in won)
        yield from (_units(row.expected_money, one) for one in expected)

    for row in found.rows:
        table.add_row(_plain(row.value) or "[dim](none)[/]", *cells(row))
    table.add_section()
    table.add_row("[bold]all[/]", *cells(found.total))
    return table


def hidden_currencies(found: funnel_models.FunnelPage) -> int:
    """How many currencies have no column."""
    kinds = _money_of(found)
    shown = {currency for amounts in kinds for currency in currencies_of(amounts)}
    return other_currencies((one for amounts in kinds for one in amounts), shown)


def _money_of(found: funnel_models.FunnelPage) -> tuple[list[api_models.Money], list[api_models.Money]]:
    rows = [*found.rows, found.total]
    return [row.won_money for row in rows], [row.expected_money for row in rows]


def _units(amounts: api_models.Money, currency: str) -> str:
    return whole_units(amounts[currency], currency) if amounts.get(currency) else "–"


def print_whole(table: Table, on: Console) -> None:
    """Print a table without truncating a name or number; a narrower terminal wraps the lines."""
    width = max(on.width, Console(width=_WIDE).measure(table).maximum)
    Console(file=on.file, width=width, highlight=False).print(table, crop=False)


def lead(found: api_models.LeadDetail) -> RenderableType:
    return Group(_lead_table(found), timeline(found.timeline))


def explanation(found: ExplanationModel) -> RenderableType:
    """The sentences of an explanation, by what they are about."""
    grid = Table.grid(padding=(0, 2))
    headings = {"": "", "promise": "promises", "gate": "gates", "decision": "decisions"}
    before = ""
    for sentence in found.sentences:
        heading = "" if sentence.about == before else headings.get(sentence.about, sentence.about)
        grid.add_row(f"[bold]{heading}[/]" if heading else "", _plain(sentence.text))
        before = sentence.about
    return Group(f"[bold]{_plain(found.lead_id)}: {found.stage}[/]", grid)


def warning(as_of: api_models.AsOf, now: datetime) -> str:
    """A warning if the read model is not up to date; empty if it is."""
    if as_of.is_filling:
        return "A new read model is being filled; this is the one before, which stands still."
    if as_of.behind_records:
        return f"{as_of.behind_records:,} records are not in yet; everything up to {_at(as_of.at)} is."
    if as_of.at is None or (now - as_of.at).total_seconds() > _OLD_SECONDS:
        return f"Everything up to {_at(as_of.at)} is in; nothing newer was read: is `leadloop project` running?"
    return ""


_OLD_SECONDS = 60
_WIDE = 10_000


def _counts(row: funnel_models.FunnelRow) -> Iterator[str]:
    return (f"{getattr(row, step):,}" for step in STEP_NAMES)


def _lead_table(found: api_models.LeadDetail) -> Table:
    table = Table(title=f"{_plain(found.lead_id)}: {found.stage}, pass {found.pass_no}", show_header=False)
    for name, value in _facts_of(found).items():
        if value:
            table.add_row(name, _plain(value))
    return table


def _facts_of(found: api_models.LeadDetail) -> dict[str, str]:
    return {
        "created": _at(found.created_at),
        "from": _joined(found.origin, found.campaign_id, found.segment),
        "owner": found.owner_id,
        "touches": f"{found.touches}, the last {_at(found.last_touch_at)}" if found.touches else "none",
        "went cold": f"{_at(found.stalled_at)}, {found.stall_reason}" if found.stalled_at else "",
        "decided": _decision(found),
        "gates": _gates(found),
        "handed back": _times([one.state for one in found.recycled]),
        "escalated": _times([one.state for one in found.escalated]),
        "next promise": f"{_at(found.due_at)}, {found.due_reason}" if found.due_at else "",
    }


def _decision(found: api_models.LeadDetail) -> str:
    if not found.stall_id or found.decision == "UNKNOWN":
        return ""
    return f"{found.decision}, evaluated again {_at(found.until)}" if found.until else found.decision


def _gates(found: api_models.LeadDetail) -> str:
    return _joined(
        "do not contact" if found.do_not_contact else "",
        f"consent ends {_at(found.consent_expires_at)}" if found.consent_expires_at else "",
    )


def _times(states: list[str]) -> str:
    return f"{len(states)} times: {', '.join(states)}" if states else ""


def timeline(events: Iterable[api_models.EventModel]) -> Table:
    """The timeline of a lead, one row per event."""
    table = Table(show_edge=False, pad_edge=False)
    for name in ("when", "what", "details"):
        table.add_column(name)
    for event in events:
        details = ", ".join(f"{name} {value}" for name, value in event.fields.items() if name not in _OMITTED)
        table.add_row(_at(event.at), event.kind, _plain(details))
    return table


_OMITTED = frozenset({"source", "stall_id", "recycle_id", "escalation_id", "policy_version", "policy_digest"})


def _plain(text: str) -> str:
    """Untrusted text without control characters that would move or colour a terminal."""
    return escape("".join(character if category(character)[0] != "C" else " " for character in text))


def _joined(*texts: str) -> str:
    return ", ".join(text for text in texts if text)


def _at(at: datetime | None) -> str:
    return "never" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
