"""Runs a command that ends when its parent ends, however the parent ends: `python supervised.py COMMAND…`.

The parent holds our stdin. When stdin closes or the parent is gone, the command gets SIGTERM and, after a grace period,
SIGKILL. Its exit code is ours. Standard library only, and run by path: it costs a few milliseconds.
"""

import os
import select
import signal
import subprocess
import sys
from types import FrameType

POLL_SECONDS = 0.5
GRACE_SECONDS = 15.0


def main(command: list[str]) -> int:
    """Run the command until it ends, or has to end; return its exit code."""
    parent, signals = os.getppid(), list[int]()

    def on_signal(number: int, _: FrameType | None) -> None:
        signals.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        while process.poll() is None:
            if signals or os.getppid() != parent or _is_released():
                return end(process)
        return process.returncode


def _is_released() -> bool:
    # Check both: a process that the parent forked may hold the pipe too.
    readable, _, _ = select.select([sys.stdin], [], [], POLL_SECONDS)
    return bool(readable) and not os.read(sys.stdin.fileno(), 1024)


def end(process: "subprocess.Popen[bytes]") -> int:
    """SIGTERM, then SIGKILL after the grace period; returns the exit code."""
    process.terminate()
    try:
        return process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
