"""`leadloop doctor`."""

from typing import Annotated

import typer

from streams.runtime.settings import Settings
from workers.console import explained, out, settings_with_broker

ProbeUrls = Annotated[
    list[str] | None,
    typer.Option("--probe", metavar="URL", help="Base URL of a process whose /readyz is checked; repeatable"),
]
PrometheusUrl = Annotated[
    str, typer.Option("--prometheus", metavar="URL", help="Base URL of a Prometheus whose firing alerts are checked")
]
JsonOutput = Annotated[bool, typer.Option("--json", metavar="", help="Print findings as JSON lines")]


@explained
def doctor(probe: ProbeUrls = None, prometheus: PrometheusUrl = "", *, as_json: JsonOutput = False) -> None:
    """Check all dependencies and what runs, without writing.

    Exit code 0: nothing failed; 1: a check failed; 2: invalid settings.
    """
    from . import render  # noqa: PLC0415  # each command loads what it needs
    from .examination import examine  # noqa: PLC0415

    findings = examine(settings_with_broker(Settings), probe or (), prometheus)
    if as_json:
        for line in render.lines(findings):
            out.print(line, markup=False)
    else:
        out.print(render.table(findings))
        out.print(render.summary(findings))
    if any(one.verdict == "fail" for one in findings):
        raise typer.Exit(1)
