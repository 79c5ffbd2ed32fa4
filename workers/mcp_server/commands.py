"""`leadloop mcp`."""

from typing import Annotated

import typer

from schemas.errors import UserError
from streams.runtime.settings import ReportSettings
from workers.console import codec_of, err, explained


@explained
def mcp(
    *,
    http: Annotated[
        bool, typer.Option("--http", metavar="", help="Serve over HTTP, with a key in every request; default: stdio")
    ] = False,
    operate: Annotated[
        bool,
        typer.Option("--operate", metavar="", help="Also offer the tools that act; over HTTP for the scope operate"),
    ] = False,
) -> None:
    """Run a server of the Model Context Protocol: agents find leads, ask why, and check policies."""
    try:
        from .run import run_http, run_stdio  # noqa: PLC0415  # the extra leadloop[mcp]
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "mcp":
            raise
        raise UserError("leadloop mcp needs the package mcp: install leadloop[mcp]") from missing

    settings = ReportSettings.from_env()
    if http:
        run_http(settings, codec_of(settings), lambda text: err.print(text, markup=False), may_operate=operate)
    else:
        run_stdio(settings, codec_of(settings), may_operate=operate)
