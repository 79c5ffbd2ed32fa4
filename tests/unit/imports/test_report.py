"""What an import says."""

from collections import Counter
from io import StringIO

import pytest
from rich.console import Console

from workers.imports.report import ImportProgress, ImportProgressBars, ImportSummary, RejectedRow

REJECTED = RejectedRow("leads.csv", 7, "Created", "soon", "not_a_time", "add its format", row={})


def test_a_summary_lists_published_facts_and_rejected_rows() -> None:
    summary = ImportSummary(
        files=2, rows=8_842, published=Counter({"lead-created": 8_000}), complete_until=1_542_218_659_001
    )
    summary.reject(REJECTED)
    text = str(summary)
    assert "8,842 rows of 2 files: 8,000 facts" in text
    assert "1 rows rejected" in text
    assert "leads.csv:7, Created = 'soon': not_a_time; add its format" in text
    assert "2018-11-14T18:04:19.001Z" in text


@pytest.mark.parametrize(("rejected", "strict", "code"), [(0, True, 0), (3, False, 0), (3, True, 1)])
def test_rejected_rows_fail_only_a_strict_import(rejected: int, *, strict: bool, code: int) -> None:
    assert ImportSummary(rows=10, rejected=rejected).exit_code(strict=strict) == code


def test_a_summary_keeps_only_a_few_examples_of_rejected_rows() -> None:
    summary = ImportSummary()
    for _ in range(100):
        summary.reject(REJECTED)
    assert len(summary.examples) < 10
    assert summary.reasons == {"not_a_time": 100}


def test_the_progress_bars_show_rows_then_acknowledged_facts() -> None:
    out = StringIO()
    with ImportProgressBars(Console(file=out, force_terminal=True, width=100)) as bar:
        bar(ImportProgress(bytes_total=10, bytes_read=5, rows=1_234))
        bar(ImportProgress(phase="publishing", bytes_total=10, bytes_read=10, rows=1_234, facts=1_000, acked=500))
    assert "1,234 rows" in out.getvalue()
    assert "500 of 1,000 facts" in out.getvalue()
