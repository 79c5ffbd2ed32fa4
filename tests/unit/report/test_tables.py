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
