"""Faults of processes: signals, one worker more, a full disk, a wrong clock."""

from __future__ import annotations

import resource
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.soak.imports import import_history
from tests.soak.scene import READY_SECONDS, Scene, lock_of, wait_until
from tests.soak.services import NotNow, Service
from tests.soak.system import SESSION_SECONDS
from tests.waiting import STREAMS_GRACE, TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Mapping

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
"""Debian's libfaketime; without it no process has a clock that is wrong."""
SKEWS = (-45, -20, 20, 45)
"""Seconds."""
WRITES = 4096
"""Bytes of a file that may be written at most, on a full disk."""


def kill(scene: Scene, group: str) -> None:
    service = scene.one(group)
    with service.lock:
        lives = service.lives
        service.signal(signal.SIGKILL, service.check_busy())
        wait_until(lambda: service.lives > lives, TIMEOUT, f"{service.name} has ended")


def terminate(scene: Scene, group: str) -> None:
    """It ends by itself, within the time that the chart gives it."""
    service = scene.one(group)
    with service.lock:
        _terminate(service)


def _terminate(service: Service) -> None:
    lives, begun = service.lives, time.monotonic()
    service.signal(signal.SIGTERM, service.check_busy())
    wait_until(lambda: service.lives > lives, STREAMS_GRACE, f"{service.name} ends on SIGTERM")
    service.slowest_end = max(service.slowest_end, time.monotonic() - begun)


def pause(scene: Scene, group: str) -> None:
    _stop(scene.one(group), scene.dice.uniform(0.5, 4))


def suspend(scene: Scene, group: str) -> None:
    """Beyond the session: another worker takes over, or the group is empty meanwhile."""
    _stop(scene.one(group), SESSION_SECONDS + scene.dice.uniform(3, 10))


def _stop(service: Service, seconds: float) -> None:
    with service.lock:
        pid = service.check_busy()
        service.signal(signal.SIGSTOP, pid)
        try:
            wait_until(lambda: service.state() == "T", 10, f"{service.name} is stopped")
            time.sleep(seconds)
        finally:
            service.signal(signal.SIGCONT, pid)


def rebalance(scene: Scene, group: str) -> None:
    """One more worker joins, works, and leaves in order."""
    extra = scene.system.one_more(group)
    with lock_of(f"extra {group}"):
        extra.begin()
        try:
            wait_until(extra.is_ready, READY_SECONDS, "one more worker is ready")
            time.sleep(scene.dice.uniform(1, 5))
            extra.end()
            extra.signal(signal.SIGTERM, extra.pid)
            extra.wait_ended(STREAMS_GRACE)
        finally:
            extra.kill()


def fill_disk(scene: Scene, group: str) -> None:
    """No file may grow beyond a few kilobytes, until the process has ended by that, and is started again."""
    service = scene.one(group)
    with service.lock:
        pid, lives = service.check_busy(), service.lives
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (WRITES, resource.RLIM_INFINITY))
        try:
            wait_until(lambda: service.lives > lives, 60, f"{service.name} ends by a full disk")
        except NotNow:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
            raise


def skew_clock(scene: Scene, group: str) -> None:
    """A process is started again with a clock that is wrong, until its next end."""
    service = scene.one(group)
    with service.lock:
        _terminate_with(service, _skewed(scene.dice.choice(SKEWS)))
        wait_until(lambda: service.has_served, READY_SECONDS, f"{service.name} is ready with a wrong clock")


def _terminate_with(service: Service, env: Mapping[str, str]) -> None:
    service.check_busy()
    service.next_env = dict(env)
    _terminate(service)


def _skewed(seconds: int) -> dict[str, str]:
    return {"LD_PRELOAD": str(FAKETIME), "FAKETIME": f"{seconds:+d}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def kill_import(scene: Scene, group: str) -> None:
    """An import of a history is killed at work, and run again."""
    del group
    import_history(scene.system, scene.dice.randrange(1_000_000), is_killed=True)
