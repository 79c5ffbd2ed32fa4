"""The commands about imports and mappings; each command imports what it needs."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from streams.runtime.settings import ProcessSettings
from workers.console import codec_of, err, explained, out, settings_with_broker, text_of
from workers.time_options import instant


@explained
def import_(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", help="CSV, JSONL and Excel files, or folders of them")
    ] = None,
    mapping: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Mapping of columns to facts (docs/mapping.md); repeatable"),
    ] = None,
    part: Annotated[
        bool, typer.Option("--part", metavar="", help="The files are a part of a history: publish no heartbeat")
    ] = False,
    until: Annotated[
        str,
        typer.Option(
            metavar="WHEN", help="Declare the history complete up to this time: ISO 8601, or how long ago (30m, 6h, 2d)"
        ),
    ] = "",
    strict: Annotated[bool, typer.Option("--strict", metavar="", help="Exit with 1 if a row was rejected")] = False,
    rejects: Annotated[Path, typer.Option(metavar="FILE", help="File for the rejected rows")] = Path("rejects.jsonl"),
    check: Annotated[
        bool, typer.Option("--check", metavar="", help="Publish nothing, show what would be published; needs no Kafka")
    ] = False,
) -> None:
    """Import the history of leads from files. Importing a file twice changes nothing."""
    from .mapping import parse_mapping  # noqa: PLC0415  # each command loads what it needs
    from .preview import check_import  # noqa: PLC0415
    from .report import ImportProgressBars  # noqa: PLC0415
    from .request import ImportRequest  # noqa: PLC0415
    from .run import run_import, wall_ms  # noqa: PLC0415

    request = ImportRequest(
        files=files or (),
        mappings=[parse_mapping(text_of(path), path.name) for path in mapping or ()],
        part=part,
        until=instant(until, "--until") if until else None,
        rejects=rejects,
    )
    if check:
        from schemas.catalogue import Catalogue  # noqa: PLC0415
        from schemas.codec import Codec  # noqa: PLC0415

        with ImportProgressBars(err) as bar:
            preview = check_import(request, Codec(Catalogue.bundled()).encode, wall_ms, bar)
        out.print(str(preview), markup=False)
        raise typer.Exit(preview.summary.exit_code(strict=strict))
    settings = settings_with_broker(ProcessSettings)
    with ImportProgressBars(err) as bar:
        summary = run_import(
            request,
            settings.kafka.librdkafka(),
            codec_of(settings).encode,
            prefix=settings.topic_prefix,
            on_progress=bar,
        )
    out.print(str(summary), markup=False)
    raise typer.Exit(summary.exit_code(strict=strict))


@explained
def mapping_new(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Files of which an import is planned")],
    source: Annotated[
        str, typer.Option(metavar="NAME", help="Source of the facts, part of their ids: the name of the system")
    ] = "crm",
    zone: Annotated[
        str, typer.Option(metavar="ZONE", help="Time zone of times without one, such as Europe/Berlin")
    ] = "",
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write to this new file; default: print")] = None,
) -> None:
    """Write a first mapping by looking at files. What it could not know stands in comments with a question mark."""
    from .drafting.draft import draft_mapping, write_new  # noqa: PLC0415  # each command loads what it needs

    text = draft_mapping(files, source=source, zone=zone)
    if output is None:
        out.print(text, markup=False, soft_wrap=True, end="")
        return
    write_new(output, text)
    again = shlex.join(map(str, files))
    err.print(
        f"{output}: answer the lines with `# ?`, then `leadloop import --check {again} --mapping {output}`",
        markup=False,
    )
