"""The report of a run as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.soak.run import Report


def lines_of(report: Report) -> Iterator[str]:
    """The tables: what happened, what was counted, how processes ended, and what must not be."""
    options, happened = report.options, report.happened
    yield f"seed {options.seed}, {options.minutes:g} minutes, {options.events} events, {options.rounds} rounds"
    yield ""
    yield from ("| fault | of | happened |", "|---|---|---:|")
    for (kind, target), count in sorted(happened.counts.items()):
        yield f"| {kind} | {target} | {count} |"
    yield ""
    yield from ("| counted at the end | |", "|---|---:|")
    for title, number in report.verdict.figures.items():
        yield f"| {title} | {number} |"
    for title, seconds in report.seconds.items():
        yield f"| seconds: {title} | {seconds:.0f} |"
    yield ""
    yield from ("| process | exit code | times |", "|---|---:|---:|")
    for (name, code), count in sorted(report.exits.items()):
        yield f"| {name} | {code} | {count} |"
    yield ""
    if options.former is not None:
        lives = ", ".join(f"{name} {version} {n}" for (name, version), n in sorted(report.versions.items()))
        yield f"how often ready in this and in the former version ({options.former}): {lives}"
    yield "slowest ends on SIGTERM: " + ", ".join(f"{name} {s:.1f} s" for name, s in report.slowest_ends.items())
    for text, count in report.tracebacks.most_common():
        yield f"traceback, {count} times: {text}"
    for one in happened.missed:
        yield f"not this time: {one}"
    for one in report.failures:
        yield f"FAILED: {one}"
    yield "FAILED" if report.failures else "survived"
