"""The result of one check."""

from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `todo` is empty if there is nothing to do; no text contains a secret."""

    about: str
    verdict: Severity
    found: str
    todo: str = ""

    def row(self) -> dict[str, str]:
        """The fields of its JSON line."""
        return asdict(self)


def ok(about: str, found: str) -> Finding:
    return Finding(about, "ok", found)


def warn(about: str, found: str, todo: str) -> Finding:
    return Finding(about, "warn", found, todo)


def fail(about: str, found: str, todo: str) -> Finding:
    return Finding(about, "fail", found, todo)


def some(names: list[str], most: int = 4) -> str:
    """The first of many names, and how many more there are."""
    first = ", ".join(names[:most])
    return f"{first} and {len(names) - most} more" if len(names) > most else first
