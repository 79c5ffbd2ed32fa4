"""`leadloop check-record`."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import UserError
from streams.runtime.settings import StreamsSettings
from workers.console import explained, out


@explained
def check_record(
    file: Annotated[str, typer.Argument(metavar="FILE", help="File with one record; - is the standard input")],
    topic: Annotated[
        str, typer.Option(metavar="TOPIC", help="Topic of the record; default: that of its schema or its kind")
    ] = "",
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="auto, json, bytes, hex or base64; auto recognises it")
    ] = "auto",
    key: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Key that the producer uses; default: the right one")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Policy file; default: that of LEADLOOP_POLICY_FILE")
    ] = None,
) -> None:
    """Say what streams would do with one record. Exit code 0: accepts it, 1: sends it to the dead letters."""
    from schemas.connect import open_catalogue  # noqa: PLC0415  # each command loads what it needs
    from streams.domain.policy import Policy  # noqa: PLC0415
    from streams.policy_watch import read_policy  # noqa: PLC0415
    from workers.record_check.check import RecordCheck  # noqa: PLC0415

    settings = StreamsSettings.from_env()
    path = policy or settings.policy_file
    check = RecordCheck(
        catalogue=open_catalogue(settings.registry, settings.topic_prefix),
        policy=Policy() if path is None else read_policy(path),
        partitions=settings.partitions,
        now=time.time_ns() // 1_000_000,
    )
    report = check.run(_content(file), form=form, topic=topic.removeprefix(settings.topic_prefix), key=key)
    for line in report.lines:
        out.print(line, markup=False)
    raise typer.Exit(0 if report.is_accepted else 1)


def _content(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error}") from error
