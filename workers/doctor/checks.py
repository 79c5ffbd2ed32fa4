"""Runs checks in parallel, each for a bounded time: one that hangs or raises does not delay the others."""

import time
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from traceback import extract_tb

from .findings import Finding, fail

Check = Callable[[], list[Finding]]


def run_checks(checks: Mapping[str, Check], seconds: float) -> list[Finding]:
    """The findings of all checks, in the order of the checks.

    Args:
        checks: By what they are about.
        seconds: The limit for all together; a check that exceeds it is abandoned, and becomes a finding.
    """
    results: SimpleQueue[tuple[str, list[Finding]]] = SimpleQueue()
    for about, check in checks.items():
        # Daemon threads that are never joined: a DNS resolver that hangs cannot be interrupted.
        Thread(target=_run, args=(about, check, results), name=f"doctor {about}", daemon=True).start()
    found = _collected(results, len(checks), seconds)
    late = "check it, and the network in between"
    return [
        finding
        for about in checks
        for finding in found.get(about, [fail(about, f"no answer within {seconds:g} s", late)])
    ]


def _collected(results: SimpleQueue[tuple[str, list[Finding]]], count: int, seconds: float) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    until = time.monotonic() + seconds
    while len(found) < count:
        try:
            about, findings = results.get(timeout=max(0.0, until - time.monotonic()))
        except Empty:
            break
        found[about] = findings
    return found


def _run(about: str, check: Check, results: SimpleQueue[tuple[str, list[Finding]]]) -> None:
    try:
        results.put((about, check()))
    except Exception as bug:  # noqa: BLE001  reported as a finding: the other checks continue
        results.put((about, [_bug(about, bug)]))


def _bug(about: str, bug: Exception) -> Finding:
    """Where it happened, without the message: that may contain an address with a password."""
    at = extract_tb(bug.__traceback__)[-1]
    return fail(about, f"{type(bug).__name__} at {at.filename}:{at.lineno}", "this is a bug of doctor: report it")
