"""The processes of a run: each is started again whenever it has ended, as a supervisor of containers does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

from tests.component.projection.harness import Process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RESTART_SECONDS = 1.0
GOOD_ENDS = {0, 70, -signal.SIGKILL}
"""In order; after an error, which a supervisor answers with a restart; killed."""
INVALID, AWAY = 2, "does not answer"
"""The exit code of settings that cannot be used, and what a process says that finds no broker at its start."""
BUSY_SECONDS = 5.0
"""How long to wait until a process has used the processor."""


class NotNow(Exception):
    """The target of a fault is not alive, not ready or not busy, so the fault would prove nothing."""


class Service:
    """One process, over all its lives.

    Attributes:
        name: Of it, such as `streams-1`.
        group: What it is, such as `streams`.
        lock: Held by the fault that is at work on it.
        exits: How its lives ended: how often with which code (negative: a signal).
        bad_ends: Ends that no fault explains.
        slowest_end: The most seconds between SIGTERM and its end.
        next_env: Further variables of its next life.
        versions: How often it was ready in each tree.
    """

    def __init__(
        self, name: str, log: Path, env: Mapping[str, str], *command: str, trees: Sequence[Path | None] = (None,)
    ) -> None:
        self.name, self.group = name, name.partition("-")[0]
        self.versions: Counter[str] = Counter()
        self._trees, self._begun = trees, 0
        self.lock = threading.Lock()
        self.exits: Counter[int] = Counter()
        self.bad_ends: list[str] = []
        self.slowest_end = 0.0
        self.next_env: dict[str, str] = {}
        self.log = log
        self._env, self._command = env, command
        self._process: Process | None = None
        self._has_served = False
        self._ended_at = 0.0
        self._is_wanted = False
        self._guard = threading.RLock()

    # -- lives ---------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start it, and keep it running from now on."""
        with self._guard:
            self._is_wanted = True
            env, tree = {**self._env, **self.next_env}, self._tree
            self._begun += 1
            self._process = Process(self.log, env, *self._command, tree=tree)
            self.next_env, self._has_served, self._ended_at = {}, False, 0.0

    def look(self) -> None:
        """Start it again if it has ended; note whether it is ready. Called regularly."""
        with self._guard:
            if self._process is None:
                return
            code = self._process.process.poll()
            if code is None:
                if not self._has_served and self.is_ready():
                    self._has_served = True
                    self.versions[self.version] += 1
            elif not self._ended_at:
                self.exits[code] += 1
                if code not in GOOD_ENDS and not (code == INVALID and AWAY in self._process.said()):
                    self.bad_ends.append(f"{self.name} ended with {code}: {self._process.said()[-500:]}")
                self._ended_at = time.monotonic()
            elif self._is_wanted and time.monotonic() - self._ended_at > RESTART_SECONDS:
                self.begin()

    def end(self) -> None:
        """Do not start it again after its end."""
        self._is_wanted = False

    def kill(self) -> None:
        """End it for good."""
        self.end()
        if self._process is not None:
            self._process.kill()

    def wait_ended(self, within: float) -> int | None:
        """How it ends; None if it does not within so many seconds."""
        if self._process is None:
            return 0
        try:
            return self._process.process.wait(within)
        except subprocess.TimeoutExpired:
            return None

    @property
    def _tree(self) -> Path | None:
        """Of its next life."""
        return self._trees[self._begun % len(self._trees)]

    @property
    def version(self) -> str:
        """Which one it runs: `this` or `former`."""
        return "this" if self._trees[(self._begun - 1) % len(self._trees)] is None else "former"

    # -- what it is now ------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        """Raises NotNow if it is not alive."""
        process = self._process
        if process is None or process.process.poll() is not None:
            raise NotNow(f"{self.name} is not alive")
        return process.process.pid

    @property
    def lives(self) -> int:
        return sum(self.exits.values())

    @property
    def has_served(self) -> bool:
        """Whether it has been ready in this life."""
        return self._has_served

    def address(self) -> str:
        """Where it answers; empty if it has not said so yet."""
        process = self._process
        found = [] if process is None else re.findall(r"http://127\.0\.0\.1:\d+", process.said())
        return found[0] if found else ""

    def is_ready(self) -> bool:
        return bool(address := self.address()) and self._get(f"{address}/readyz")

    def metrics(self) -> str:
        """Empty if it does not answer."""
        try:
            with urlopen(f"{self.address()}/metrics", timeout=5) as answer:  # noqa: S310  on loopback
                return str(answer.read().decode())
        except (OSError, ValueError):
            return ""

    @staticmethod
    def _get(url: str) -> bool:
        try:
            with urlopen(url, timeout=2) as answer:  # noqa: S310  on loopback
                return bool(answer.status == 200)
        except (URLError, OSError, ValueError):
            return False

    def state(self) -> str:
        """As the system names it: R, S, D, T (stopped), Z."""
        return self._stat()[0]

    def check_busy(self, *, must_have_served: bool = True) -> int:
        """Its pid, if it is alive, has been ready, and uses the processor.

        Raises:
            NotNow: It is not.
        """
        pid = self.pid
        if must_have_served and not self._has_served:
            raise NotNow(f"{self.name} is not ready yet")
        used, until = self._used(), time.monotonic() + BUSY_SECONDS
        while self._used() == used:
            if time.monotonic() > until:
                raise NotNow(f"{self.name} is idle")
            time.sleep(0.02)
        return pid

    def _used(self) -> int:
        fields = self._stat()
        return int(fields[11]) + int(fields[12])  # user and system time, in ticks of 10 ms

    def _stat(self) -> list[str]:
        try:
            text = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii", errors="replace")
        except OSError as gone:
            raise NotNow(f"{self.name} has ended") from gone
        return text.rpartition(")")[2].split()

    # -- signals -------------------------------------------------------------------------------

    def signal(self, number: signal.Signals, pid: int) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError as gone:
            raise NotNow(f"{self.name} has ended") from gone


class Supervisor(threading.Thread):
    """Looks after all services until it is stopped."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        super().__init__(daemon=True, name="supervisor")
        self._services, self._stopped = services, threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(0.3):
            for service in [*self._services.values()]:
                service.look()

    def stop(self) -> None:
        self._stopped.set()
        self.join(60)
