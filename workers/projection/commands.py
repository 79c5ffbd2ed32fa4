"""`leadloop project`."""

from typing import Annotated

import typer

from streams.runtime.settings import ProjectSettings
from workers.console import codec_of, err, explained, settings_with_broker


@explained
def project(
    *,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", metavar="", help="Fill a new read model beside the one that is read")
    ] = False,
) -> None:
    """Keep the read model in Redis (REDIS_URL) up to date with the topics. Ends with SIGTERM."""
    from workers.projection.run import run_project  # noqa: PLC0415  # each command loads what it needs

    settings = settings_with_broker(ProjectSettings)
    run_project(settings, codec_of(settings), told=lambda text: err.print(text, markup=False), is_rebuilding=rebuild)
