"""Writes the YAML of a mapping: short, with the doubts as comments behind what they are about."""

import json
import re
from collections.abc import Mapping, Sequence

_PLAIN = re.compile(r"[A-Za-z_][\w-]*( [A-Za-z0-9_][\w-]*)*")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "reject", "skip", "keep"}


def scalar(value: object) -> str:
    """Return a text or number, in quotes where YAML needs them."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, int) or (_PLAIN.fullmatch(text) and text.lower() not in _WORDS):
        return text
    return json.dumps(text, ensure_ascii=False)


def inline(value: object) -> str:
    """Return a value on one line."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{scalar(key)}: {_word(key, each)}" for key, each in value.items())
        return f"{{{inner}}}"
    if isinstance(value, str | int):
        return scalar(value)
    if isinstance(value, Sequence):
        return f"[{', '.join(map(scalar, value))}]"
    raise TypeError(value)


def line(indent: int, key: str, value: object, doubts: Sequence[str] = ()) -> str:
    """Return a key with its value, and its doubts as comments."""
    return "\n".join([*comments(indent, doubts), f"{' ' * indent}{scalar(key)}: {inline(value)}"])


def comments(indent: int, doubts: Sequence[str]) -> list[str]:
    """Return the doubts as lines of comments."""
    return [f"{' ' * indent}# ? {' '.join(doubt.split())}" for doubt in doubts]


def _word(key: object, value: object) -> str:
    return str(value) if key in ("empty", "otherwise") and value in ("skip", "reject", "keep") else inline(value)
