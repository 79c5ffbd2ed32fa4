"""Runs checks in parallel, each for a bounded time: one that hangs or raises does not delay the others."""

import time
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from traceback import extract_tb

from .findings import Finding, fail

Check = Callable[[], list[Finding]]


def looked(looks: Mapping[str, Check], seconds: float) -> list[Finding]:
    """The findings of all checks, in order; a check that exceeds the limit is abandoned."""
    answers: SimpleQueue[tuple[str, list[Finding]]] = SimpleQueue()
    for about, look in looks.items():
        # Daemon threads that are never joined: a DNS resolver that hangs cannot be interrupted.
        Thread(target=_answer, args=(about, look, answers), name=f"doctor {about}", daemon=True).start()
    found = _gathered(answers, len(looks), seconds)
    late = "check it, and the network in between"
    return [
        finding
        for about in looks
        for finding in found.get(about, [fail(about, f"no answer within {seconds:g} s", late)])
    ]


def _gathered(answers: SimpleQueue[tuple[str, list[Finding]]], count: int, seconds: float) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    until = time.monotonic() + seconds
    while len(found) < count:
        try:
            about, findings = answers.get(timeout=max(0.0, until - time.monotonic()))
        except Empty:
            break
        found[about] = findings
    return found


def _answer(about: str, look: Check, answers: SimpleQueue[tuple[str, list[Finding]]]) -> None:
    try:
        answers.put((about, look()))
    except Exception as bug:  # noqa: BLE001  reported as a finding: the other checks go on
        answers.put((about, [_bug(about, bug)]))


def _bug(about: str, bug: Exception) -> Finding:
    """Where it happened, without the message: that may contain an address with a password."""
    at = extract_tb(bug.__traceback__)[-1]
    return fail(about, f"{type(bug).__name__} at {at.filename}:{at.lineno}", "this is a bug of doctor: report it")
