"""What people read at a terminal."""

from io import StringIO
from typing import Any

from rich.console import Console

from workers.read_model.index import STEP_NAMES
from workers.report import api_models, tables
from workers.report.api_models import AsOf
from workers.report.funnel_models import FunnelPage, FunnelRow


def test_no_name_and_no_number_of_a_funnel_is_cut() -> None:
    steps: dict[str, Any] = dict.fromkeys(STEP_NAMES, 123_456_789)
    row = FunnelRow(value="a campaign of a long name " * 4, **steps)
    table = tables.funnel(
        FunnelPage(
            by="campaign", rows=[row], total=row, next=None, as_of=AsOf(at=None, behind_records=0, is_filling=False)
        )
    )
    console = Console(file=StringIO(), width=80)
    tables.print_whole(table, console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert row.value.strip() in shown
    assert shown.count("123,456,789") == 2 * len(STEP_NAMES)
    assert "…" not in shown


def test_what_somebody_wrote_does_nothing_to_a_terminal() -> None:
    event = api_models.EventModel(at=api_models.instant(0), kind="stalled", id="e", fields={"note": "a\x1b[2Jb\nc"})
    console = Console(file=StringIO(), width=80)
    console.print(tables.timeline([event]))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b" not in shown
    assert "b c" in shown


def test_money_of_the_funnel_has_a_column_for_each_currency() -> None:
    row = FunnelRow(value="web", won_money={"EUR": 1_234_500, "JPY": 700}, expected_money={"EUR": 5_000})
    all_rows = FunnelRow(value="", won_money={"EUR": 1_234_500, "JPY": 700}, expected_money={"EUR": 5_000})
    as_of = AsOf(at=None, behind_records=0, is_filling=False)
    page = FunnelPage(by="origin", rows=[row], total=all_rows, next=None, as_of=as_of)
    console = Console(file=StringIO(), width=80)
    tables.print_whole(tables.funnel(page), console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(words in shown for words in ("won, EUR", "won, JPY", "expected, EUR"))
    assert (shown.count("12,345"), shown.count(" 700 "), shown.count(" 50 ")) == (2, 2, 2)
    assert tables.hidden_currencies(page) == 0


def test_currencies_without_a_column_are_counted() -> None:
    every = dict.fromkeys(("EUR", "USD", "GBP", "CHF", "SEK", "NOK"), 100)
    as_of = AsOf(at=None, behind_records=0, is_filling=False)
    row = FunnelRow(value="web", won_money=every)
    assert tables.hidden_currencies(FunnelPage(by="origin", rows=[row], total=row, next=None, as_of=as_of)) == 2
