"""Checks of undocumented behaviour: each is registered under a line of a `RELIED_ON` list."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Checks:
    """The tests of a module, by the line of the list that each of them checks."""

    def __init__(self) -> None:
        self.tests: dict[str, Callable[..., Any]] = {}

    def of(self, line: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register the decorated test as the check of a line."""

        def registered(test: Callable[..., Any]) -> Callable[..., Any]:
            self.tests[line] = test
            return test

        return registered


def source(of: object) -> str:
    return inspect.getsource(of)  # type: ignore[arg-type]  # the libraries are untyped


def in_order(text: str, *parts: str) -> bool:
    """Whether the text contains these parts, in this order."""
    positions = [text.find(part) for part in parts]
    return -1 not in positions and positions == sorted(positions)
