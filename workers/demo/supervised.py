"""Runs a command that ends with whoever started it, however that one ends: `python tied.py COMMAND…`.

The starter holds our stdin; when it closes, or the starter is gone, the command is told to end, and after a while made
to. Its exit code is ours. Standard library only, and run by path: it costs a few milliseconds.
"""

import os
import select
import signal
import subprocess
import sys
from types import FrameType

LOOK_SECONDS = 0.5
GRACE_SECONDS = 15.0


def main(command: list[str]) -> int:
    """Run it to its end."""
    parent, told = os.getppid(), list[int]()

    def tell(number: int, _: FrameType | None) -> None:
        told.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, tell)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        while process.poll() is None:
            if told or os.getppid() != parent or _is_let_go():
                return ended(process)
        return process.returncode


def _is_let_go() -> bool:
    # Both signs count: somebody whom the starter forked may hold the pipe too.
    readable, _, _ = select.select([sys.stdin], [], [], LOOK_SECONDS)
    return bool(readable) and not os.read(sys.stdin.fileno(), 1024)


def ended(process: "subprocess.Popen[bytes]") -> int:
    """Tell it to end, and make it, if it does not. Its exit code."""
    process.terminate()
    try:
        return process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
