"""Run: a Faust worker in this process, with its signals and without its logging set-up."""

from __future__ import annotations

import asyncio
import gc
from typing import NoReturn

import faust

from .quiet import quieten


def run(app: faust.App) -> NoReturn:
    """Work until SIGTERM or SIGINT, then drain, commit and exit 0; a crash of a service exits 1.

    The caller sets up logging, and calls `streams.runtime.signals.exit_quietly_until_started` before the
    heavy imports: this function takes the signals over.
    """
    quieten()
    collect_rarely()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = faust.Worker(app, loop=loop, override_logging=False, quiet=True)
    worker.spinner = None  # it would write escape codes into the log
    worker.execute_from_commandline()


def collect_rarely() -> None:
    """Set the garbage collector for chunks.

    They make hundreds of thousands of objects that live until they are done, and no cycles: at the default, full
    collections took a tenth of the CPU.
    """
    gc.freeze()
    gc.set_threshold(500_000, 50, 100)
