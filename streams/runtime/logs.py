"""Logs of a process: one line for each thing that happens, as text or JSON, with fields; the level can be changed.

    2026-03-16T09:30:00.123Z WARNING leadloop.deliver: the circuit is open endpoint=nurture failures=10
    {"time":"2026-03-16T09:30:00.123Z","level":"warning","logger":"leadloop.deliver","message":"…","endpoint":"nurture"}

Fields are the keyword arguments of `event`. The only personal data among them are ids of leads, always in the field
`lead`; with a key they are replaced by a keyed digest. SIGUSR1 switches to debug and back.
"""

import asyncio
import atexit
import json
import logging
import re
import signal
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal, Protocol, TextIO

from schemas.instants import short_span

LogFormat = Literal["text", "json"]
LEAD = "lead"
"""The field whose value is hidden if a key is set."""
_DIGEST_BYTES = 8
_PLAIN = re.compile(r"[\w./:+-]+", re.ASCII).fullmatch
_SPECIAL = re.compile(r'[ "=\\]').search
_NONE: Mapping[str, Any] = {}
_PLAIN_FORMAT = logging.Formatter()
_ROOT = logging.getLogger()
_LOG = logging.getLogger("leadloop.log")


class LogSettings(Protocol):
    """The settings that this module reads."""

    @property
    def log_level(self) -> str: ...
    @property
    def log_format(self) -> LogFormat: ...
    @property
    def log_lead_key(self) -> str: ...


def set_up_logging(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Log to stderr as the settings say, until the process ends. To be called once, in the main thread."""
    hide = _hiding(settings.log_lead_key)
    # No line names these, and finding them took half of the time of a line (the logging HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(hide) if settings.log_format == "json" else TextFormatter(hide))
    _ROOT.handlers[:] = [handler]
    _ROOT.setLevel(settings.log_level.upper())
    switch_level_on_signal()


def event(log: logging.Logger, level: int, message: str, /, **fields: object) -> None:
    """Log one thing that happened. Fields that are None or empty are left out."""
    if log.isEnabledFor(level):
        log.log(level, message, extra={"fields": fields})


class _Level:
    """The level of the settings."""

    normal = logging.INFO


def switch_level_on_signal() -> None:
    """Let SIGUSR1 switch the log level to debug, and the next one back to what it is now."""
    _Level.normal = _ROOT.level
    if hasattr(signal, "SIGUSR1"):
        signal.signal(signal.SIGUSR1, lambda *_: switch_level())


def switch_level() -> None:
    """Switch to debug, or back to the level of the settings."""
    _ROOT.setLevel(_Level.normal if _ROOT.level == logging.DEBUG else logging.DEBUG)
    event(_LOG, logging.WARNING, "the log level was changed", level=logging.getLevelName(_ROOT.level).lower())


class _Formatter(logging.Formatter, ABC):
    """`hide` returns what stands in the place of the id of a lead."""

    def __init__(self, hide: Callable[[str], str]) -> None:
        super().__init__()
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
        fields = {**getattr(record, "fields", _NONE)}
        if LEAD in fields:
            fields[LEAD] = self._hide(str(fields[LEAD]))
        return self.line(record.created, record.levelname, record.name, record.getMessage(), fields, _trouble(record))

    @abstractmethod
    def line(
        self, at: float, level: str, logger: str, message: str, fields: Mapping[str, object], trouble: str = ""
    ) -> str:
        """Format a line. `at`: epoch seconds; `trouble`: the traceback, if there is one."""


class TextFormatter(_Formatter):
    """A line for people, whose fields are logfmt."""

    def line(
        self, at: float, level: str, logger: str, message: str, fields: Mapping[str, object], trouble: str = ""
    ) -> str:
        known = [f" {name}={_logfmt(value)}" for name, value in fields.items() if value is not None and value != ""]
        line = f"{_time(at)} {level} {logger}: {message}{''.join(known)}"
        return f"{line}\n{trouble}" if trouble else line


class JsonFormatter(_Formatter):
    """A JSON object for each line."""

    def line(
        self, at: float, level: str, logger: str, message: str, fields: Mapping[str, object], trouble: str = ""
    ) -> str:
        known = {name: value for name, value in fields.items() if value is not None and value != ""}
        head = {"time": _time(at), "level": level.lower(), "logger": logger, "message": message}
        document = {**head, **known, **({"exception": trouble} if trouble else {})}
        return json.dumps(document, ensure_ascii=False, default=str)


class FrequentLines:
    """Lines of one logger that come so often that each by itself would cost too much: they are written together.

    To be used in an event loop. A process that is killed loses the lines of the last `within` seconds.
    """

    def __init__(self, log: logging.Logger, within: float = 0.1) -> None:
        self._log = log
        self._within = within
        self._pending: list[tuple[float, int, str, Mapping[str, object]]] = []
        atexit.register(self.write)

    def add(self, level: int, message: str, fields: Mapping[str, object]) -> None:
        """Log a line, without the id of a lead, at most `within` seconds later."""
        if not self._pending:
            asyncio.get_running_loop().call_later(self._within, self.write)
        self._pending.append((time.time(), level, message, fields))

    def write(self) -> None:
        """Write what has come since."""
        pending, self._pending = self._pending, []
        handler = _ROOT.handlers[0] if _ROOT.handlers else None
        if not pending or not isinstance(handler, logging.StreamHandler):
            return
        formatter = handler.formatter
        if not isinstance(formatter, _Formatter):
            return
        name = self._log.name
        lines = [formatter.line(at, logging.getLevelName(level), name, text, more) for at, level, text, more in pending]
        with handler.lock or nullcontext(), suppress(OSError, ValueError):  # the stream is closed
            handler.stream.write("\n".join([*lines, ""]))
            handler.flush()


class Episode:
    """Something that fails for a while: a line when it begins, one each `every` seconds while it lasts, one at its end.

    What fails and works in turn is told at most each `every` seconds; an episode that was not told has no end either.

    Args:
        log: Where to.
        begins: The message of the first failure, whose fields have its cause.
        lasts: While it goes on.
        ends: When it is over.
        every: Seconds between the lines of one that lasts.
        now: A clock in seconds that does not go back.
        fields: Of every line.
    """

    def __init__(
        self,
        log: logging.Logger,
        begins: str,
        lasts: str,
        ends: str,
        *,
        every: float = 60.0,
        now: Callable[[], float] = time.monotonic,
        **fields: object,
    ) -> None:
        self._log, self._begins, self._lasts, self._ends = log, begins, lasts, ends
        self._every, self._now, self._fields = every, now, fields
        self._since, self._told_at = 0.0, float("-inf")
        self._is_told = False
        self.failures = 0

    def failed(self, **cause: object) -> None:
        """It failed once more."""
        now, self.failures = self._now(), self.failures + 1
        if self.failures == 1:
            self._since = now
        if now - self._told_at < self._every:
            return
        lasting = {"since": short_span(1000 * (now - self._since)), "failures": self.failures}
        message = self._lasts if self._is_told else self._begins
        event(self._log, logging.WARNING, message, **self._fields, **(lasting if self.failures > 1 else {}), **cause)
        self._told_at, self._is_told = now, True

    def worked(self) -> None:
        """It works, again if it failed before."""
        if not self.failures:
            return
        if self._is_told:
            over = {"after": short_span(1000 * (self._now() - self._since)), "failures": self.failures}
            event(self._log, logging.INFO, self._ends, **self._fields, **over)
        self.failures, self._is_told = 0, False


def _hiding(key: str) -> Callable[[str], str]:
    if not key:
        return str
    secret = blake2b(key.encode(), digest_size=32).digest()
    return lambda lead_id: blake2b(lead_id.encode(), key=secret, digest_size=_DIGEST_BYTES).hexdigest()


def _trouble(record: logging.LogRecord) -> str:
    parts = [_PLAIN_FORMAT.formatException(record.exc_info)] if record.exc_info else []
    return "\n".join([*parts, *([_PLAIN_FORMAT.formatStack(record.stack_info)] if record.stack_info else [])])


def _time(at: float) -> str:
    second = int(at)
    return f"{_second(second)}.{int((at - second) * 1000):03}Z"


@lru_cache(maxsize=1)  # many lines in a second have the same one
def _second(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}"


def _logfmt(value: object) -> str:
    text = str(value)
    if _PLAIN(text) or (text and text.isprintable() and not _SPECIAL(text)):
        return text
    return json.dumps(text, ensure_ascii=False)
