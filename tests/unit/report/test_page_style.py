"""The colours of the page have enough contrast on paper (WCAG 2.2), light and dark."""

import re

import pytest

from workers.report.page.assets import STYLE

TEXT, MARK = 4.5, 3.0
LEAST = {"ink": 7.0, "soft": TEXT, "link": TEXT, "warn": TEXT, "good": TEXT, "control": MARK, "m1": MARK, "m2": MARK}
BLOCK = re.compile(r":root \{(.*?)\}", re.DOTALL)


def _palettes() -> list[dict[str, str]]:
    css = STYLE.content.decode()
    return [dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in BLOCK.findall(css)]


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("name", "least"), LEAST.items())
def test_a_colour_can_be_told_from_the_paper(name: str, least: float) -> None:
    palettes = _palettes()
    assert len(palettes) == 2
    for palette in palettes:
        assert _contrast(palette[name], palette["paper"]) >= least
        assert _contrast(palette["ink"], palette["changed"]) >= TEXT


def test_black_on_white_has_the_largest_contrast() -> None:
    assert round(_contrast("#000000", "#ffffff"), 1) == 21
