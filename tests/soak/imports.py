"""Imports of generated exports while everything else goes on; they are killed at work, and run again."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.component.projection.harness import Process
from tests.observability import ROOT
from tests.soak.services import NotNow
from workers.demo.generated_history import write_history

if TYPE_CHECKING:
    from tests.soak.system import SoakSystem

MAPPING = ROOT / "workers/demo/history.yml"
FEWEST, ONE_IN = 30, 100
"""An import has a hundredth as many leads as the run has events, and at least thirty."""
ATTEMPTS = 30
CONNECTED_SECONDS = 120.0


@dataclass
class Imported:
    """The prefixes of the ids of imported leads, each with the number of facts of its files."""

    facts: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


def import_history(system: SoakSystem, seed: int, *, is_killed: bool) -> None:
    """Import a history until `leadloop import` reports success.

    Raises:
        NotNow: It was not killed, although it should have been; the history is imported nonetheless.
    """
    prefix = f"I{seed}L-"
    folder = system.folder / "imports" / prefix
    folder.mkdir(parents=True, exist_ok=True)
    rows = write_history(folder, leads=max(FEWEST, system.options.events // ONE_IN), seed=seed).rows
    for path in folder.glob("*.csv"):
        path.write_text(path.read_text(encoding="utf-8").replace("L-", prefix), encoding="utf-8")
    was_killed = _run(system, prefix, is_killed=is_killed)
    with system.imported.lock:
        system.imported.facts[prefix] = rows
    if is_killed and not was_killed:
        raise NotNow("the import had ended before it could be killed")


def _run(system: SoakSystem, prefix: str, *, is_killed: bool) -> bool:
    """Run the import until it succeeds; returns whether it was killed while it was connected to the broker."""
    was_killed = False
    for attempt in range(ATTEMPTS):
        command = ("workers", "import", "--mapping", str(MAPPING), str(system.folder / "imports" / prefix))
        log, tree = (
            system.folder / "imports" / f"{prefix}.log",
            system.options.trees[attempt % len(system.options.trees)],
        )
        work = Process(log, system.env("import"), *command, tree=tree)
        try:
            if is_killed and not was_killed:
                was_killed = _killed_at_work(system, work)
            if work.ended() == 0:
                return was_killed
        finally:
            work.kill()
        time.sleep(1)
    raise AssertionError(f"the import does not succeed: {work.said()[-2000:]}")


def _killed_at_work(system: SoakSystem, work: Process) -> bool:
    """Kill it as soon as it is connected to the broker."""
    link, until = system.network.links["kafka of import"], time.monotonic() + CONNECTED_SECONDS
    while work.process.poll() is None and time.monotonic() < until:
        if link.connections:
            time.sleep(0.05)
            is_alive = work.process.poll() is None
            work.kill()
            return is_alive
        time.sleep(0.005)
    return False
