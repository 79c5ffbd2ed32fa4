"""`leadloop schemas export`."""

from pathlib import Path
from typing import Annotated

import typer

from schemas.connect import open_catalogue
from schemas.errors import UserError
from streams.runtime.settings import ProcessSettings
from workers.console import explained, out


@explained
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write to; it is created if it is missing")],
) -> None:
    """Write what a producer or consumer in any language needs: schemas, their ids, examples and the contract."""
    from workers.contract.contract_files import exported, write  # noqa: PLC0415  # each command loads what it needs

    settings = ProcessSettings.from_env()
    catalogue = open_catalogue(settings.registry, settings.topic_prefix)
    files = exported(catalogue, has_registry=settings.registry is not None)
    try:
        write(files, folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error}") from error
    ids = "the registry" if settings.registry else "the bundled catalogue"
    out.print(f"{len(files)} files in {folder}; the ids are those of {ids}", markup=False)
