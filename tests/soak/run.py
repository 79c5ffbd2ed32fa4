"""One run: start everything, post events while faults happen, heal, drain, judge, and stop everything in order."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.simulators.receiver import Behaviour
from tests.soak.acceptances import Acceptances
from tests.soak.posted_history import Accepted, Client, clients, planned_posts, steady_posts
from tests.soak.schedule import Happened, Injector, planned
from tests.soak.system import SoakSystem
from tests.soak.verdict import Verdict, audited, is_drained, judge
from tests.waiting import STREAMS_GRACE
from workers.audit.model_reader import ModelUnreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.audited import AuditOfWorld
    from tests.soak.options import Options

PROGRESS_SECONDS = 5.0
DRAIN_SECONDS = 900.0
LOOK_SECONDS = 3.0
STEADY_SECONDS = 600.0
"""For how long after the last event of the history a few leads go on, while faults are still at work."""
SOMETIMES = ("REVOKEs taken by the receiver", "messages that came more than once, with the same id")
"""What has to happen in a run: without it, it would prove nothing."""


@dataclass
class Report:
    """What became of a run."""

    options: Options
    happened: Happened
    verdict: Verdict = field(default_factory=Verdict)
    bad_ends: list[str] = field(default_factory=list)
    exits: Counter[tuple[str, int]] = field(default_factory=Counter)
    slowest_ends: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    tracebacks: Counter[str] = field(default_factory=Counter)
    versions: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def failures(self) -> list[str]:
        """Everything that must not be."""
        return [
            *self.verdict.violations,
            *(f"never happened: {one}" for one in self.happened.never(self.options)),
            *self.happened.errors,
            *self._not_mixed(),
            *self.bad_ends,
            *(f"none: {title}" for title in SOMETIMES if not self.verdict.figures.get(title)),
        ]

    def _not_mixed(self) -> Iterator[str]:
        """Processes that did not run in both versions, although another one was given."""
        if self.options.former is not None:
            for group in {group for group, _ in self.versions}:
                missing = [one for one in ("this", "former") if not self.versions[group, one]]
                yield from (f"{group} never ran in {one} version" for one in missing)


def soak(options: Options, folder: Path, say: Callable[[str], None]) -> Report:
    """Do one run in an empty folder; `say` gets a line every few seconds."""
    report, begun = Report(options, Happened()), time.monotonic()
    with SoakSystem(folder, options) as system:
        report.seconds["start"] = time.monotonic() - begun
        say(f"started after {report.seconds['start']:.0f} s; logs are in {folder}")
        acceptances, accepted = Acceptances(system.world), Accepted()
        acceptances.start()
        try:
            _load(system, report, accepted, say)
            found = _drained(system, report, say)
            report.verdict = judge(system, accepted, acceptances.seen_at, found)
        finally:
            acceptances.stop()
        _stop(system, report)
    _read_logs(folder, report)
    report.seconds["all"] = time.monotonic() - begun
    return report


def _load(system: SoakSystem, report: Report, accepted: Accepted, say: Callable[[str], None]) -> None:
    """Post everything while faults happen."""
    options, begun = report.options, time.monotonic()
    posts = planned_posts(options.events, options.seed, time.time(), options.seconds)
    address = f"http://127.0.0.1:{system.network.links['ingest'].port}"
    stopped = threading.Event()
    posting = clients(posts, address, system.key, accepted, stopped)
    steady = Client(steady_posts(time.time(), options.seconds + STEADY_SECONDS), address, system.key, accepted, stopped)
    injector = Injector(system, planned(options), report.happened, lambda: len(accepted.events))
    injector.start()
    for client in (*posting, steady):
        client.start()
    waiting = threading.Thread(target=injector.wait, daemon=True)
    waiting.start()
    try:
        while waiting.is_alive() or any(client.is_alive() for client in posting):
            waiting.join(PROGRESS_SECONDS)
            if not waiting.is_alive():
                time.sleep(PROGRESS_SECONDS / 5)
            say(_progress(time.monotonic() - begun, len(posts), posting, accepted, report.happened))
    finally:
        stopped.set()
        steady.join(60)
    report.seconds["load and faults"] = time.monotonic() - begun


def _progress(seconds: float, count: int, posting: list[Client], accepted: Accepted, happened: Happened) -> str:
    posted = sum(client.posted for client in posting)
    faults = sum(happened.counts.values())
    return (
        f"[{seconds:5.0f} s] {posted} of {count} events posted, {len(accepted.events)} accepted, {accepted.repeated}"
        f" requests repeated; {faults} faults happened, the latest begun: {happened.latest}"
    )


def _drained(system: SoakSystem, report: Report, say: Callable[[str], None]) -> AuditOfWorld:
    """Heal everything, and audit until nothing is in progress any more."""
    begun = time.monotonic()
    for link in system.network.links.values():
        link.heal()
    system.behave(Behaviour())
    while True:
        seconds = time.monotonic() - begun
        try:
            found = audited(system)
        except ModelUnreadable as missing:  # Redis was emptied, and project has not filled it again yet
            if seconds > DRAIN_SECONDS:
                raise
            say(f"[drain {seconds:3.0f} s] {missing}")
            time.sleep(LOOK_SECONDS)
            continue
        states = Counter({state: n for (_, state), n in found.result.deliveries.items()})
        say(
            f"[drain {seconds:3.0f} s] {found.result.balanced} of {found.result.leads} leads balance,"
            f" {found.result.pending} pending; deliveries {dict(states)}; read model {dict(found.result.read_model)}"
        )
        if (is_drained(found) and not found.differences) or seconds > DRAIN_SECONDS:
            report.seconds["drain"] = seconds
            return found
        time.sleep(LOOK_SECONDS)


def _stop(system: SoakSystem, report: Report) -> None:
    """Everything ends in order on SIGTERM."""
    services = system.services.values()
    for service in services:
        service.end()
        if service.state() in "RSD":
            service.signal(signal.SIGTERM, service.pid)
    for service in services:
        code = service.wait_ended(STREAMS_GRACE)
        if code != 0:
            report.verdict.violations.append(f"at the end {service.name} ended with {code} on SIGTERM")
    for service in services:
        report.bad_ends += service.bad_ends
        report.exits.update({(service.group, code): n for code, n in service.exits.items()})
        report.slowest_ends[service.name] = service.slowest_end
        report.versions.update({(service.group, version): n for version, n in service.versions.items()})


def _read_logs(folder: Path, report: Report) -> None:
    """Count the last lines of tracebacks."""
    for log in sorted(folder.glob("*.log")):
        group = log.stem.partition("-")[0]
        report.tracebacks.update(f"{group}: {line}" for line in _last_lines(log))


def _last_lines(log: Path) -> Iterator[str]:
    is_inside = False
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("Traceback"):
                is_inside = True
            elif is_inside and re.match(r"[\w.]+(Error|Exception|Exit|Interrupt|Failure|\w+)(:|$)", line):
                is_inside = False
                yield re.sub(r"\d+", "N", line.strip())[:160]
