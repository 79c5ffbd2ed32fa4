"""Charts: SVG without a viewBox, so that text keeps its size. Across: per cent. Down: pixels.

A chart is a figure whose caption says what is seen, with the same numbers as a table below it. A mark in a table cell
is hidden from screen readers: the number is in the cell beside it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from htpy import (
    Element,
    Node,
    details,
    figcaption,
    figure,
    g,
    line,
    rect,
    span,
    summary,
    svg,
    table,
    tbody,
    td,
    text,
    th,
    thead,
    title,
    tr,
)

from .phrases import number

LEFT, RIGHT, TOP, BASE = 6.0, 99.5, 18, 26  # margins: per cent, per cent, pixels, pixels
MOST_LABELS = 12


class Series(NamedTuple):
    """The values of one mark: its name, its class, and one value for each column."""

    name: str
    mark: str
    values: Sequence[int]


def bar(parts: Sequence[tuple[int, str]], top: int) -> Element:
    """A bar in a table cell: its parts (value, mark) one after the other, of at most `top` together."""
    at, drawn = 0.0, list[Node]()
    for value, mark in parts:
        width = 100 * value / top if top else 0.0
        drawn.append(rect(class_=mark, x=_percent(at), width=_percent(width), height="10") if width else None)
        at += width
    return svg(".bar", width="100%", height="10", aria_hidden="true")[drawn]


def key(*entries: tuple[str, str]) -> Element:
    """What the marks (mark, name) mean."""
    return span(".key")[[span[_swatch(mark), name] for mark, name in entries]]


def columns(caption: Node, label: str, names: Sequence[str], series: Sequence[Series], height: int = 210) -> Element:
    """Stacked columns, one for each name; the sum stands above its column, and a table below has all numbers."""
    sums = [sum(one.values[place] for one in series) for place in range(len(names))]
    ticks = _ticks(max(sums, default=0))
    plot = _Plot(height, ticks[-1], len(names))
    drawn: list[Node] = [_grid(tick, plot) for tick in ticks]
    drawn += [_column(place, name, series, plot) for place, name in enumerate(names)]
    legend = key(*((one.mark, one.name) for one in series)) if len(series) > 1 else None
    return figure(".chart")[
        figcaption[caption],
        legend,
        svg(role="img", aria_label=label, width="100%", height=str(height))[drawn],
        _same_as_table(label, names, series),
    ]


class _Plot(NamedTuple):
    """The area of the columns: its height in pixels, the value at its top, and the number of columns."""

    height: int
    top: int
    columns: int

    @property
    def width(self) -> float:
        return (RIGHT - LEFT) / max(self.columns, 1)

    def y(self, value: int) -> float:
        return round(TOP + (self.height - TOP - BASE) * (1 - value / self.top), 1)


def _grid(tick: int, plot: _Plot) -> Node:
    y = plot.y(tick)
    return [
        line(".grid" if tick else ".axis", x1=_percent(LEFT), x2=_percent(RIGHT), y1=str(y), y2=str(y)),
        text(".tick", x=_percent(LEFT - 0.8), y=str(y + 4), text_anchor="end")[number(tick)],
    ]


def _column(place: int, name: str, series: Sequence[Series], plot: _Plot) -> Element:
    x, below = LEFT + plot.width * (place + 0.14), 0
    middle = _percent(x + plot.width * 0.36)
    said = ", ".join(f"{one.name} {number(one.values[place])}" for one in series)
    drawn: list[Node] = [title[f"{name}: {said}"]]
    for one in series:
        value = one.values[place]
        if value:
            top, bottom = plot.y(below + value), plot.y(below)
            drawn.append(
                rect(
                    class_=one.mark,
                    x=_percent(x),
                    width=_percent(plot.width * 0.72),
                    y=str(top),
                    height=str(round(bottom - top, 1)),
                )
            )
        below += value
    if below:
        drawn.append(text(".value", x=middle, y=str(plot.y(below) - 5), text_anchor="middle")[number(below)])
    if plot.columns <= MOST_LABELS:
        drawn.append(text(".tick", x=middle, y=str(plot.height - 8), text_anchor="middle")[_short(name)])
    return g[drawn]


def _same_as_table(label: str, names: Sequence[str], series: Sequence[Series]) -> Element:
    head = [th(scope="col")[""], *(th(".n", scope="col")[one.name] for one in series)]
    rows = [
        tr[th(scope="row")[name], [td(".n")[number(one.values[place])] for one in series]]
        for place, name in enumerate(names)
    ]
    return details(".twin")[
        summary["The same as a table"], table(".num", aria_label=label)[thead[tr[head]], tbody[rows]]
    ]


def _ticks(top: int, steps: int = 3) -> list[int]:
    """Round values from 0 to at least `top`."""
    raw = max(top, 1) / steps
    size = 10 ** (len(str(int(raw))) - 1)
    step = max(1, int(next(many * size for many in (1, 2, 2.5, 5, 10) if many * size >= raw)))
    return [step * place for place in range(-(-max(top, 1) // step) + 1)]


def _swatch(mark: str) -> Element:
    return svg(".swatch", width="12", height="10", aria_hidden="true")[rect(class_=mark, width="12", height="10")]


def _percent(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") + "%"


def _short(name: str, most: int = 14) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
