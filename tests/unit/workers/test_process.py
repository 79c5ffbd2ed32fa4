"""What every process has."""

import subprocess
import sys

WRITES_TO_NOBODY = """
import signal, socket
from streams.runtime.process import outlive_broken_pipes
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
outlive_broken_pipes()
ours, theirs = socket.socketpair()
theirs.close()
try:
    ours.sendall(b"hello")
except BrokenPipeError:
    print("alive")
"""


def test_a_peer_that_goes_away_ends_nobody() -> None:
    done = subprocess.run([sys.executable, "-c", WRITES_TO_NOBODY], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "alive\n")
