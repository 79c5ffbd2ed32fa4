"""`leadloop project`."""

from typing import Annotated

import typer

from streams.runtime.settings import ProjectSettings
from workers.console import codec_of, err, explained, settings_with_broker


@explained
def project(
    *,
    rebuild: Annotated[
        bool,
        typer.Option(
            "--rebuild", metavar="", help="Build a new read model; readers use the old one until it is complete"
        ),
    ] = False,
) -> None:
    """Run a project worker: updates the read model in Redis from the topics. Ends with SIGTERM."""
    from workers.projection.run import run_project  # noqa: PLC0415  # each command loads what it needs

    settings = settings_with_broker(ProjectSettings)
    run_project(
        settings, codec_of(settings), announce=lambda text: err.print(text, markup=False), is_rebuilding=rebuild
    )
