"""Values in words, by Grafana's names of units, and the colours of its themes."""

import math
from collections.abc import Mapping
from typing import Any

COLOURS = {
    "text": "#24292e",
    "green": "#56a64b",
    "yellow": "#e0a800",
    "orange": "#ff780a",
    "red": "#d10e1c",
    "blue": "#3274d9",
}
SERIES = ("#3274d9", "#56a64b", "#ff780a", "#8f3bb8", "#d10e1c", "#0aa5b5", "#b8860b", "#6b7280", "#e83e8c", "#1f6f54")
_TIMES = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (0.001, "ms"))
_COUNTS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def shown(value: float, defaults: Mapping[str, Any]) -> tuple[str, str]:
    """A value and its colour, as a panel's defaults say."""
    if math.isnan(value):
        result = defaults["mappings"][0]["options"]["result"]
        return result["text"], COLOURS[result["color"]]
    told = worded(value, defaults["unit"], defaults.get("decimals"))
    return told, colour_of(value, defaults["thresholds"]["steps"])


def worded(value: float, unit: str, decimals: int | None = None) -> str:
    """A value as a reader wants it."""
    if math.isnan(value):
        return "no data yet"
    match unit:
        case "percentunit":
            return f"{value * 100:.{1 if decimals is None else decimals}f} %"
        case "s":
            return _time(value)
        case "bytes":
            return f"{_scaled(value)}B"
        case "cps" | "reqps":
            return f"{_plain(value)}/s"
        case _:
            return _scaled(value)


def colour_of(value: float, steps: list[dict[str, object]]) -> str:
    """The colour of the last threshold that a value has reached."""
    reached = [step for step in steps if step["value"] is None or value >= float(str(step["value"]))]
    return COLOURS[str(reached[-1]["color"])]


def _time(value: float) -> str:
    for size, name in _TIMES:
        if abs(value) >= size:
            return f"{_plain(value / size)} {name}"
    return "0 s"


def _scaled(value: float) -> str:
    for size, name in _COUNTS:
        if abs(value) >= size:
            return f"{value / size:.1f} {name}"
    return _plain(value)


def _plain(value: float) -> str:
    if abs(value) >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.1f}"
