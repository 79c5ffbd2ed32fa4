"""Findings for people, and for machines."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from .findings import Finding, Severity

_STYLES: dict[Severity, str] = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def table(findings: Iterable[Finding]) -> Table:
    """The findings, each with what to do below it. Texts are printed as they are, without markup."""
    rows = Table("", "what", "found", box=None, padding=(0, 2, 0, 0))
    for one in findings:
        text = Text(one.found)
        if one.todo:
            text.append(f"\n→ {one.todo}", style="bold")
        rows.add_row(Text(one.verdict, style=_STYLES[one.verdict]), Text(one.about), text)
    return rows


def lines(findings: Iterable[Finding]) -> list[str]:
    """One JSON object per finding."""
    return [json.dumps(one.row(), ensure_ascii=False) for one in findings]


def summary(findings: Sequence[Finding]) -> str:
    counts = Counter(one.verdict for one in findings)
    return f"{counts['ok']} ok, {counts['warn']} to check, {counts['fail']} failed"
