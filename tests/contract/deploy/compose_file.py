"""docker-compose.yml, with the defaults of its variables."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
FILE = ROOT / "docker-compose.yml"
_VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(?::?-([^}]*))?\}")


@cache
def document() -> dict[str, Any]:
    return dict(_interpolated(yaml.safe_load(FILE.read_text(encoding="utf-8"))))


def services() -> dict[str, dict[str, Any]]:
    return dict(document()["services"])


def ours() -> dict[str, dict[str, Any]]:
    """The services that run Leadloop's own image."""
    return {name: one for name, one in services().items() if one["image"].startswith("leadloop:")}


def _interpolated(node: Any) -> Any:
    match node:
        case dict():
            return {key: _interpolated(value) for key, value in node.items()}
        case list():
            return [_interpolated(value) for value in node]
        case str():
            return _VARIABLE.sub(lambda found: found[2] or "", node)
        case _:
            return node
