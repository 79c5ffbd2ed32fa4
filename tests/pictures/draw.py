"""A dashboard as a page: its panels where they stand, each drawn by us from what Prometheus answers. Not Grafana."""

import json
import math
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from tests.observability import VARIABLES, expand_variables
from tests.prometheus import Prometheus

from .graphs import Line, graph
from .words import shown, worded

WIDTH = 1560
CELL, ROW, GAP = WIDTH / 24, 34, 8
STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


class Drawn:
    """One look at Prometheus: everything is asked for the same time."""

    def __init__(self, prometheus: Prometheus, start: float, end: float, step: float) -> None:
        self._prometheus = prometheus
        self._span = start, end
        self._step = step
        self._variables = {
            **VARIABLES,
            "$__range": f"{int(end - start)}s",
            "$__rate_interval": f"{max(10, int(4 * step))}s",
        }

    def page(self, path: Path) -> tuple[str, int]:
        """The dashboard of this file as HTML, and how high it is."""
        board = json.loads(path.read_text(encoding="utf-8"))
        lines, top = [], 0.0
        shift = 0.0
        for panel in board["panels"]:
            place = panel["gridPos"]
            left, width = place["x"] * CELL, place["w"] * CELL - GAP
            height = place["h"] * ROW - GAP
            y = place["y"] * ROW + shift
            style = f"left:{left:.0f}px;top:{y:.0f}px;width:{width:.0f}px"
            if panel["type"] == "row":
                lines.append(f'<h2 style="{style}">{escape(panel["title"])}</h2>')
                continue
            inner = self._panel(panel, int(width) - 18, int(height))
            words = f"<h3>{escape(panel['title'])}</h3><p>{escape(panel['description'])}</p>"
            lines.append(f'<article style="{style};height:{height:.0f}px">{words}{inner}</article>')
            top = max(top, y + height)
        head = f"<header>{escape(board['title'])}<p>{escape(board['description'])}</p></header>"
        body = f'{head}<section style="height:{top:.0f}px">{"".join(lines)}</section>'
        return f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{body}", int(top) + 90

    def _panel(self, panel: Mapping[str, Any], width: int, height: int) -> str:
        match panel["type"]:
            case "timeseries":
                size = width, height - 82 - 12 * (len(panel["description"]) * 6 // width)
                return graph(panel, self._lines(panel), self._span, size)
            case "stat" if panel["options"]["textMode"] == "value_and_name":
                return self._many(panel)
            case "stat":
                return self._number(panel)
            case "bargauge":
                return self._bars(panel, width)
            case "table":
                return self._table(panel)
            case other:
                raise ValueError(other)

    def _asked(self, target: Mapping[str, Any]) -> list[dict[str, Any]]:
        return self._prometheus.query(expand_variables(target["expr"], self._variables), self._span[1])

    def _lines(self, panel: Mapping[str, Any]) -> list[Line]:
        lines = []
        for target in panel["targets"]:
            query = expand_variables(target["expr"], self._variables)
            for one in self._prometheus.query_range(query, *self._span, self._step):
                points = [(float(at), float(value)) for at, value in one["values"]]
                lines.append(Line(_name(target, one["metric"]), points))
        return sorted(lines, key=lambda line: -_last(line.points))

    def _values(self, panel: Mapping[str, Any]) -> list[tuple[str, float]]:
        return [
            (_name(target, one["metric"]), float(one["value"][1]))
            for target in panel["targets"]
            for one in self._asked(target)
        ]

    def _number(self, panel: Mapping[str, Any]) -> str:
        defaults, values = panel["fieldConfig"]["defaults"], self._values(panel)
        value = values[0][1] if values else math.nan
        told, colour = shown(value, defaults)
        return f'<div class="number" style="color:{colour}">{told}</div>'

    def _many(self, panel: Mapping[str, Any]) -> str:
        defaults = panel["fieldConfig"]["defaults"]
        named = [(name, shown(value, defaults)) for name, value in sorted(self._values(panel))]
        told = [
            f'<div style="background:{colour}">{text}<small>{escape(name)}</small></div>'
            for name, (text, colour) in named
        ]
        return f'<div class="many">{"".join(told)}</div>'

    def _bars(self, panel: Mapping[str, Any], width: int) -> str:
        defaults, values = panel["fieldConfig"]["defaults"], self._values(panel)
        most = max((value for _, value in values if math.isfinite(value)), default=0) or 1
        told = []
        for name, value in values[:9]:
            share = value / most if math.isfinite(value) else 0.0
            text, colour = shown(value, defaults)
            bar = f"width:{share * (width - 250):.0f}px;background:{colour}"
            told.append(f'<div class="bar"><span>{escape(name)}</span><div style="{bar}"></div><b>{text}</b></div>')
        return "".join(told)

    def _table(self, panel: Mapping[str, Any]) -> str:
        names = panel["transformations"][1]["options"]["renameByName"]
        columns = [names[f"Value #{target['refId']}"] for target in panel["targets"]]
        rows: dict[tuple[tuple[str, str], ...], dict[str, float]] = {}
        for target, column in zip(panel["targets"], columns, strict=True):
            for one in self._asked(target):
                rows.setdefault(tuple(one["metric"].items()), {})[column] = float(one["value"][1])
        labels = list(dict.fromkeys(label for row in rows for label, _ in row))
        head = "".join(f"<th>{escape(name)}</th>" for name in (*labels, *columns))
        unit = panel["fieldConfig"]["defaults"]["unit"]
        body = "".join(_cells(dict(row), rows[row], labels, columns, unit) for row in sorted(rows)[:14])
        return f"<table><tr>{head}</tr>{body}</table>"


def _cells(row: dict[str, str], values: dict[str, float], labels: list[str], columns: list[str], unit: str) -> str:
    told = [row.get(label, "") for label in labels]
    told += [worded(values[column], unit) if column in values else "" for column in columns]
    return f"<tr>{''.join(f'<td>{escape(one)}</td>' for one in told)}</tr>"


def _name(target: Mapping[str, Any], metric: Mapping[str, str]) -> str:
    if target["legendFormat"] == "__auto":
        return ", ".join(metric.values()) or "value"
    return re.sub(r"\{\{(\w+)\}\}", lambda found: metric.get(found[1], ""), target["legendFormat"])


def _last(points: list[tuple[float, float]]) -> float:
    return next((value for _, value in reversed(points) if math.isfinite(value)), 0.0)
