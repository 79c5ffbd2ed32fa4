"""The tables of a page as readers see them: numbers by the heading of their row and column."""

import re
from html import unescape

SMALL = re.compile(r"<small[^>]*>.*?</small>", re.DOTALL)


def shown_tables(html: str) -> dict[str, dict[str, dict[str, int]]]:
    """Those with a caption, by it, row and column; a dash is 0, and cells without a number are left out."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for table in re.findall(r"<table.*?</table>", html, re.DOTALL):
        caption = re.search(r"<caption[^>]*>(.*?)</caption>", table, re.DOTALL)
        if caption is None:
            continue  # the twin of a chart
        head, *rows = (_cells(row) for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL))
        found[unescape(caption[1])] = {
            row[0]: {
                name: number for name, cell in zip(head[1:], row[1:], strict=False) if (number := _number(cell)) >= 0
            }
            for row in rows
        }
    return found


def _cells(row: str) -> list[str]:
    cells = re.findall(r"<t[hd][^>]*>(.*?)(?=<t[hd]\b|</tr>)", SMALL.sub("", row), re.DOTALL)
    return [unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in cells]


def _number(cell: str) -> int:
    """-1: it is none."""
    return 0 if cell == "–" else int(cell.replace(",", "")) if re.fullmatch(r"[\d,]+", cell) else -1
