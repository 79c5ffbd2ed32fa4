"""`leadloop ingest`, `leadloop keys new`, `leadloop webhooks check`."""

from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import UserError
from streams.runtime.logs import set_up_logging
from streams.runtime.settings import IngestSettings
from workers.console import codec_of, err, explained, out, settings_with_broker
from workers.http.keys import NAME_RULE, SCOPES, digest_of, is_name, new_key


@explained
def ingest() -> None:
    """Run an ingest process: accepts events and webhooks over HTTP as facts. Ends with SIGTERM."""
    from workers.ingest.run import run_ingest  # noqa: PLC0415  # each command loads what it needs

    settings = settings_with_broker(IngestSettings)
    set_up_logging(settings)
    run_ingest(settings, codec_of(settings), announce=lambda text: err.print(text, markup=False))


@explained
def keys_new(
    source: Annotated[
        str, typer.Option(metavar="NAME", help="Source that the key belongs to; becomes the source of its facts")
    ] = "crm",
    scope: Annotated[
        list[str] | None, typer.Option(metavar="SCOPE", help="ingest (default) or read; repeatable")
    ] = None,
) -> None:
    """Create an API key: prints the key once, to stdout, and its lines for the keys file to stderr."""
    if not is_name(source):
        raise UserError(f"--source {source!r} is not a valid source name: {NAME_RULE}")
    if unknown := set(scope or ()) - set(SCOPES):
        raise UserError(f"--scope {', '.join(sorted(unknown))} is not one of {', '.join(SCOPES)}")
    key = new_key()
    scopes = ", ".join(scope or ["ingest"])
    err.print("The key, for the sender; it is shown only this once:", markup=False)
    out.print(key, markup=False)
    err.print("\nFor the keys file (LEADLOOP_KEYS_FILE); every listed key is valid: add the new one first:\n")
    err.print(f"sources:\n  {source}:\n    keys: [{digest_of(key)}]\n    scopes: [{scopes}]", markup=False)


@explained
def webhooks_check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Webhooks file, such as deploy/config/webhooks.yml")],
) -> None:
    """Check a webhooks file and its mappings; report every error with its line and how to fix it."""
    from workers.ingest.systems import load_systems  # noqa: PLC0415  # each command loads what it needs

    for name, system in load_systems(file).items():
        proof = "its signature" if system.secrets else f"a key of {system.source}"
        tables = ", ".join(system.tables)
        out.print(f"{name}: {system.dialect}, authenticated by {proof}; tables {tables}", markup=False)
    out.print(f"{file} is valid", markup=False)
