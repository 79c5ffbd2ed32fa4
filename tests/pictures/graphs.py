"""Values over time as SVG: lines or stacked areas, limits as dashed lines, a legend."""

import math
import time
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

from .words import COLOURS, SERIES, worded

LEFT, BOTTOM, TOP = 62, 22, 8
Points = list[tuple[float, float]]


class Line(NamedTuple):
    """One series."""

    name: str
    points: Points


class Frame(NamedTuple):
    """Where values lie in the picture."""

    width: int
    height: int
    start: float
    end: float
    low: float
    high: float

    def x(self, at: float) -> float:
        return LEFT + (at - self.start) / (self.end - self.start) * (self.width - LEFT - 8)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.height - BOTTOM - share * (self.height - BOTTOM - TOP)


def graph(panel: Any, lines: Sequence[Line], span: tuple[float, float], size: tuple[int, int]) -> str:
    """The panel's picture."""
    unit = panel["fieldConfig"]["defaults"]["unit"]
    is_stacked = panel["fieldConfig"]["defaults"]["custom"].get("stacking", {}).get("mode") == "normal"
    shown = _stacked(lines) if is_stacked else list(lines)
    limits = [one for one in panel["fieldConfig"]["defaults"]["thresholds"]["steps"] if one["value"] is not None]
    frame = _frame(shown, limits, span, size)
    backwards = reversed(range(len(shown)))  # the sum of all lies behind
    paths = [_path(frame, shown[n], SERIES[n % len(SERIES)], is_filled=is_stacked) for n in backwards]
    parts = [*_grid(frame, unit), *_limits(frame, limits), *paths]
    picture = f'<svg width="{size[0]}" height="{size[1]}">{"".join(parts)}</svg>'
    return picture + _legend(lines, unit)


def _frame(lines: Sequence[Line], limits: Sequence[Any], span: tuple[float, float], size: tuple[int, int]) -> Frame:
    values = [value for line in lines for _, value in line.points if math.isfinite(value)]
    high = max(values, default=0.0)
    near = [float(one["value"]) for one in limits if float(one["value"]) <= 1.5 * high]
    high = max([high, *near]) * 1.1 or 1.0
    return Frame(*size, *span, min(0.0, *values, 0.0), high)


def _stacked(lines: Sequence[Line]) -> list[Line]:
    sums: dict[float, float] = {}
    stacked = []
    for line in lines:
        points = []
        for at, value in line.points:
            sums[at] = sums.get(at, 0.0) + (value if math.isfinite(value) else 0.0)
            points.append((at, sums[at]))
        stacked.append(Line(line.name, points))
    return stacked


def _grid(frame: Frame, unit: str) -> list[str]:
    parts = []
    for n in range(5):
        value = frame.low + (frame.high - frame.low) * n / 4
        y = frame.y(value)
        parts.append(f'<line x1="{LEFT}" x2="{frame.width - 8}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" class="axis" text-anchor="end">{worded(value, unit)}</text>'
        )
    for n in range(4):
        at = frame.start + (frame.end - frame.start) * (n + 0.5) / 4
        told = time.strftime("%H:%M:%S", time.gmtime(at))
        parts.append(
            f'<text x="{frame.x(at):.1f}" y="{frame.height - 6}" class="axis" text-anchor="middle">{told}</text>'
        )
    return parts


def _limits(frame: Frame, limits: Sequence[Any]) -> list[str]:
    return [
        f'<line x1="{LEFT}" x2="{frame.width - 8}" y1="{frame.y(one["value"]):.1f}" y2="{frame.y(one["value"]):.1f}"'
        f' stroke="{COLOURS[one["color"]]}" stroke-dasharray="6 4"/>'
        for one in limits
        if frame.low <= one["value"] <= frame.high
    ]


def _path(frame: Frame, line: Line, colour: str, *, is_filled: bool) -> str:
    places = [f"{frame.x(at):.1f},{frame.y(value):.1f}" for at, value in line.points if math.isfinite(value)]
    if not places:
        return ""
    drawn = f'<polyline points="{" ".join(places)}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
    if not is_filled:
        return drawn
    ground, ends = frame.y(frame.low), (places[-1].split(",")[0], places[0].split(",")[0])
    corners = " ".join((*places, f"{ends[0]},{ground:.1f}", f"{ends[1]},{ground:.1f}"))
    return f'<polygon points="{corners}" fill="{colour}" fill-opacity=".85"/>{drawn}'


def _legend(lines: Sequence[Line], unit: str) -> str:
    told = []
    for n, line in enumerate(lines[:9]):
        known = [value for _, value in line.points if math.isfinite(value)]
        last = worded(known[-1], unit) if known else "no data yet"
        dot = f'<i style="background:{SERIES[n % len(SERIES)]}"></i>'
        told.append(f"<span>{dot}{escape(line.name)} <b>{last}</b></span>")
    more = f"<span>and {len(lines) - 9} more</span>" if len(lines) > 9 else ""
    return f'<div class="legend">{"".join(told)}{more}</div>'
