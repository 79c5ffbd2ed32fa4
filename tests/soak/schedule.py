"""The plan of a run: which fault happens when, all decided by the seed."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from tests.soak import process_faults, server_faults
from tests.soak.process_faults import FAKETIME
from tests.soak.scene import Fault, Scene
from tests.soak.server_faults import MISBEHAVIOURS
from tests.soak.services import NotNow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.soak.options import Options
    from tests.soak.system import SoakSystem

AGAIN_SECONDS = 2.0
PATIENCE_SECONDS = 180.0
"""How long a fault waits until its target is at work."""
PROGRESS_SECONDS = 120.0
END_SECONDS = 240.0
"""How long faults that have begun may take after the last event."""


class PlannedFault(NamedTuple):
    """`at`: seconds after the start. `seed`: of its dice."""

    at: float
    fault: Fault
    seed: int


def all_faults(options: Options) -> list[Fault]:
    """One round: each fault once."""
    workers = ["streams", "deliver", "project"]
    served = ["ingest"] if options.is_small else ["ingest", "report"]
    found = [
        *(_fault("SIGKILL", group, process_faults.kill) for group in [*workers, *served]),
        _fault("SIGKILL", "import", process_faults.kill_import),
        *(_fault("SIGTERM", group, process_faults.terminate) for group in [*workers, *served]),
        *(_fault("SIGSTOP, short", group, process_faults.pause) for group in [*workers, "ingest"]),
        *(_fault("SIGSTOP beyond the session", group, process_faults.suspend) for group in workers),
        *(_fault("one more worker comes and goes", group, process_faults.rebalance) for group in workers[:2]),
        _fault("file size limit", "streams", process_faults.fill_disk),
        _fault("SIGKILL", "Kafka", server_faults.kill_broker),
        _fault("hang", "Kafka", server_faults.hang_broker),
        _fault("emptied", "Redis", server_faults.empty_redis),
        _fault("SIGKILL", "Redis", server_faults.kill_redis),
        _fault("hang", "Redis", server_faults.hang_redis),
        *(_fault("connection cut", to, server_faults.cut) for to in ("kafka", "redis", "receiver", "ingest")),
        *(_fault("latency", to, server_faults.delay) for to in ("kafka", "redis", "receiver")),
        *(_fault("half-open", to, server_faults.half_open) for to in ("kafka", "redis", "receiver")),
        *(_fault("bytes held, then delivered", to, server_faults.hold) for to in ("kafka", "redis", "receiver")),
        *(_fault(f"receiver {how}", "receiver", partial(_misbehave, how)) for how in MISBEHAVIOURS),
        _fault("policy reload", "streams", server_faults.reload_policy),
    ]
    if FAKETIME.exists():
        found += [_fault("wrong clock", group, process_faults.skew_clock) for group in ("streams", "ingest")]
    return [one for one in found if not options.only or f"{one.kind} {one.target}" in options.only]


def _fault(kind: str, target: str, work: Callable[[Scene, str], None]) -> Fault:
    return Fault(kind, target, lambda scene: work(scene, target))


def _misbehave(how: str, scene: Scene, _: str) -> None:
    server_faults.misbehave(scene, how)


def planned(options: Options) -> list[PlannedFault]:
    """Round after round, each in an order of its own, evenly over the run."""
    dice = Random(options.seed)
    order = [fault for _ in range(options.rounds) for fault in _shuffled(all_faults(options), dice)]
    gap = options.seconds / (len(order) + 1)
    return [
        PlannedFault((number + dice.uniform(0.5, 1.5)) * gap, fault, dice.randrange(2**32))
        for number, fault in enumerate(order)
    ]


def _shuffled(found: Sequence[Fault], dice: Random) -> Iterator[Fault]:
    return iter(dice.sample(found, len(found)))


@dataclass
class Happened:
    """How often each fault of the plan really happened, and why others did not. `latest`: in words."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    latest: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def never(self, options: Options) -> list[str]:
        """The faults of the plan that never happened."""
        return [f"{one.kind} {one.target}" for one in all_faults(options) if not self.counts[one.kind, one.target]]


class Injector(threading.Thread):
    """Lets the faults of the plan happen, each in a thread of its own: they overlap.

    Between two of them `progress` has to rise, so that a slow machine does work between faults, too.
    """

    def __init__(
        self, system: SoakSystem, plan: Sequence[PlannedFault], happened: Happened, progress: Callable[[], int]
    ) -> None:
        super().__init__(daemon=True, name="injector")
        self._system, self._plan, self._happened, self._progress = system, plan, happened, progress
        self._running: list[threading.Thread] = []

    def run(self) -> None:
        started, before = time.monotonic(), -1
        for one in self._plan:
            time.sleep(max(0.0, started + one.at - time.monotonic()))
            self._wait_for_progress(before)
            before = self._progress()
            thread = threading.Thread(target=self._apply, args=(one,), daemon=True)
            thread.start()
            self._running.append(thread)

    def _wait_for_progress(self, before: int) -> None:
        until = time.monotonic() + PROGRESS_SECONDS
        while self._progress() <= before and time.monotonic() < until:
            time.sleep(0.1)

    def wait(self) -> None:
        """Until everything that was planned is over."""
        self.join()
        until = time.monotonic() + END_SECONDS
        for thread in self._running:
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                self._happened.errors.append(f"a fault does not end: {thread.name}")

    def _apply(self, one: PlannedFault) -> None:
        scene, until = Scene(self._system, Random(one.seed)), time.monotonic() + PATIENCE_SECONDS
        kind, target, apply = one.fault
        threading.current_thread().name = f"{kind} {target}"
        why = ""
        while time.monotonic() < until:
            self._happened.latest = f"{kind} {target}"
            try:
                apply(scene)
            except NotNow as later:
                why = str(later)
                time.sleep(AGAIN_SECONDS)
            except Exception as error:  # noqa: BLE001  a thread has nobody else to tell
                self._note(error=f"{kind} {target}: {error!r}")
                return
            else:
                self._note(key=(kind, target))
                return
        self._note(missed=f"{kind} {target}: {why}")

    def _note(self, key: tuple[str, str] | None = None, missed: str = "", error: str = "") -> None:
        with self._happened.lock:
            if key is not None:
                self._happened.counts[key] += 1
            self._happened.missed += [missed] if missed else []
            self._happened.errors += [error] if error else []
