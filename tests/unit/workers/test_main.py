"""Ctrl-C while a command loads ends it without a traceback; later the command handles it."""

import signal
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from workers import __main__ as entry

Handlers = list[Any]


class Loading(ModuleType):
    """Stands for the command line: notes what SIGINT does while it is loaded, and while it runs."""

    def __init__(self, handlers: Handlers) -> None:
        super().__init__("workers.cli")
        self._handlers = handlers

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name != "main":
            raise AttributeError(name)
        self._note()
        return self._note

    def _note(self) -> None:
        self._handlers.append(signal.getsignal(signal.SIGINT))


@pytest.mark.parametrize(
    ("before", "handlers"),
    [
        (signal.default_int_handler, [signal.SIG_DFL, signal.default_int_handler]),
        (signal.SIG_IGN, [signal.SIG_IGN, signal.SIG_IGN]),
    ],
)
def test_who_is_told_to_end_while_it_loads_just_ends(
    before: Any, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: Handlers = []
    monkeypatch.setitem(sys.modules, "workers.cli", Loading(found))
    kept = signal.signal(signal.SIGINT, before)
    try:
        entry.main()
    finally:
        signal.signal(signal.SIGINT, kept)
    assert found == handlers
