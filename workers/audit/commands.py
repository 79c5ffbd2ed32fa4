"""`leadloop audit`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from streams.runtime.settings import AuditSettings
from workers.console import codec_of, err, explained, out, settings_with_broker
from workers.time_options import instant, span_seconds

if TYPE_CHECKING:
    from .run import AuditRequest

T = TypeVar("T")
_Since = Annotated[
    str,
    typer.Option(metavar="WHEN", help="Only leads created since then: ISO 8601, or how long ago (30m, 6h, 2d)"),
]
_Stalls = Annotated[bool, typer.Option("--stalls", metavar="", help="List every open stall with what it waits for")]
_JsonOutput = Annotated[bool, typer.Option("--json", metavar="", help="Print differences and the result as JSON lines")]
_Every = Annotated[
    str,
    typer.Option(metavar="SPAN", help="Keep running, audit this often (1h, 6h), and serve the last result as metrics"),
]
_Scratch = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for temporary files; default: the system's")]


@explained
def audit(
    since: _Since = "",
    scratch: _Scratch = None,
    every: _Every = "",
    *,
    stalls: _Stalls = False,
    as_json: _JsonOutput = False,
) -> None:
    """Recount from the topics what should be; name each difference. Exit code 0: all balances; 1: something differs."""
    from . import render  # noqa: PLC0415  # each command loads what it needs
    from .repeated_audit import run_audits  # noqa: PLC0415
    from .result import AuditResult  # noqa: PLC0415
    from .whole_audit import audit_deployment  # noqa: PLC0415

    settings = settings_with_broker(AuditSettings)
    request = partial(_request, since, scratch)
    if every:
        run_audits(
            settings, codec_of(settings), request, span_seconds(every, "--every"), partial(err.print, markup=False)
        )
        return
    result = AuditResult(
        on_difference=_printed(render.difference_line if as_json else str),
        on_open_stall=_printed(render.open_stall_line if as_json else render.open_stall_text) if stalls else _ignore,
    )
    bar = render.AuditProgressBar(err)
    with bar.bars:
        audit_deployment(settings, codec_of(settings), request(), result, bar)
    out.print(render.result_line(result) if as_json else render.text(result), markup=False)
    if not result.is_balanced:
        raise typer.Exit(1)


def _request(since: str, scratch: Path | None) -> "AuditRequest":
    from .run import AuditRequest  # noqa: PLC0415

    return AuditRequest(instant(since, "--since") if since else 0, scratch)


def _printed(text_of: Callable[[T], str]) -> Callable[[T], None]:
    return lambda one: out.print(text_of(one), markup=False)


def _ignore(_: object) -> None:
    """Nobody asked for it."""
