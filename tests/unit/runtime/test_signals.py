"""SIGTERM is noticed also while the main thread is in a call that Python cannot interrupt."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import TIMEOUT

HANGS = """
import ctypes, os, signal, threading, time
from streams.runtime.signals import {name}

{start}
signal.signal(signal.SIGUSR1, lambda *_: None)
print("ready", flush=True)
seconds = time.monotonic() + 60
while time.monotonic() < seconds:  # a library that calls sleep again after each signal, as clients of Kafka do
    ctypes.CDLL(None).sleep(60)
"""
LEAVES = "stopping = stop_event(); threading.Thread(target=lambda: (stopping.wait(), os._exit(7)), daemon=True).start()"


@pytest.mark.parametrize(
    ("name", "start", "code"),
    [("exit_quietly_until_started", "exit_quietly_until_started()", 0), ("stop_event", LEAVES, 7)],
)
def test_sigterm_is_noticed_while_a_library_holds_the_main_thread(
    tmp_path: Path, name: str, start: str, code: int
) -> None:
    script = tmp_path / "hangs.py"
    script.write_text(HANGS.format(name=name, start=start))
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGUSR1)
            process.terminate()
            assert process.wait(TIMEOUT) == code
        finally:
            process.kill()
