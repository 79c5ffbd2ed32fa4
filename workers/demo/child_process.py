"""A child process of the demo: one command with a log, which ends when the demo ends."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from schemas.errors import UserError

from . import supervised

START_SECONDS = 60.0
END_SECONDS = supervised.GRACE_SECONDS + 5.0  # the supervisor kills it earlier
_POLL_SECONDS = 0.1
_ADDRESS = re.compile(r"(?:http|redis)://127\.0\.0\.1:\d+")
_OURS = ("LEADLOOP_", "KAFKA_", "SCHEMA_", "REDIS_")


class DemoFailed(UserError):
    """A process of the demo ended or made no progress. The message has the last lines of its log."""


class ChildProcess:
    """Starts at once, in a session of its own: Ctrl-C reaches only the demo, which ends its processes in order.

    Args:
        name: Also the name of its log.
        module: What `python -m` runs, with its arguments.
        env: Its settings; Leadloop's variables in our own environment are not passed on.
    """

    def __init__(self, name: str, folder: Path, module: tuple[str, ...], env: Mapping[str, str]) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._address = ""
        clean = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
        # By path: independent of the working directory.
        command = [sys.executable, "-P", "-S", supervised.__file__, sys.executable, "-m", *module]
        with self.log.open("wb") as sink:
            self._process = subprocess.Popen(
                command,
                env={**clean, **env},
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def address(self) -> str:
        """Its address: the first one in its log."""
        if not self._address:
            found = _ADDRESS.search(self.log.read_text(errors="replace"))
            self._address = found[0] if found else ""
        return self._address

    def wait_for_address(self, within: float = START_SECONDS) -> str:
        """Raises DemoFailed if it logs no address in time."""
        self.wait(lambda: bool(self.address), within)
        return self.address

    def wait_ready(self, within: float = START_SECONDS) -> None:
        """Raises DemoFailed if it does not become ready in time."""
        self.wait(lambda: self.is_ready, within)

    def wait(self, condition: Callable[[], bool], within: float) -> None:
        """Raises DemoFailed if the condition does not become true in time, or the process ends."""
        deadline = time.monotonic() + within
        while not condition():
            self.check()
            if time.monotonic() > deadline:
                raise DemoFailed(f"{self.name} does not become ready; its log ends:\n{self.tail()}")
            time.sleep(_POLL_SECONDS)

    @property
    def is_ready(self) -> bool:
        return get(f"{self.address}/readyz") is not None if self.address else False

    def check(self) -> None:
        """Raises DemoFailed if it has ended."""
        if (code := self._process.poll()) is not None:
            raise DemoFailed(f"{self.name} ended with {code}; its log ends:\n{self.tail()}")

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-25:])

    def terminate(self) -> None:
        self._process.terminate()

    def end(self) -> None:
        """End it and wait; a second call does nothing."""
        self.terminate()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


def get(url: str, key: str = "") -> bytes | None:
    """The body of the response of one of our processes; None if there is none, or it is an error."""
    request = Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})  # noqa: S310  one of our processes
    try:
        with urlopen(request, timeout=5) as answer:  # noqa: S310
            return bytes(answer.read())
    except (HTTPError, URLError, HTTPException, OSError):
        return None
