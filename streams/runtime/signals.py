"""SIGTERM and SIGINT, also for a process whose main thread is in a call to a library that does not return.

Python runs a handler only between two steps of the main thread. A client of a broker that hangs may keep it for half a
minute, so a thread listens to what the interpreter writes for each signal as it arrives.
"""

from __future__ import annotations

import os
import signal
import socket
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

STOPPING = (signal.SIGTERM, signal.SIGINT)


def exit_quietly_until_started() -> None:
    """SIGTERM and SIGINT exit 0 from now on, until a worker takes them over.

    Call it before the heavy imports: without it a process that is stopped while it starts reports a
    crash (-15), although it has not done anything yet.
    """
    on_stop(lambda: os._exit(os.EX_OK))


def exit_at_once_until_served() -> None:
    """End the process with 0 at SIGTERM or SIGINT, until a server installs its own handlers.

    For a main thread that runs an event loop: it handles signals while it waits.
    """
    for number in STOPPING:
        signal.signal(number, lambda *_: os._exit(os.EX_OK))


def on_stop(react: Callable[[], object]) -> None:
    """Call `react` in a thread of its own at the first SIGTERM or SIGINT; later ones are ignored.

    Call it in the main thread. An event loop that adds signal handlers takes over from it.
    """
    listening, told = socket.socketpair()
    told.setblocking(False)
    signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    for number in STOPPING:
        signal.signal(number, _ignore)

    def listen() -> None:
        with listening, told:
            number = 0
            while number not in STOPPING:  # SIGUSR1 for example
                number = listening.recv(1)[0]
            react()

    Thread(target=listen, name="signals", daemon=True).start()


def stop_event() -> Event:
    """Return an event that is set at SIGTERM or SIGINT."""
    stopping = Event()
    on_stop(stopping.set)
    return stopping


def _ignore(_: int, __: object) -> None:
    """The thread reacts."""
