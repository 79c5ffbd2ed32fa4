"""Writes a first mapping by looking at files, and checks what it would do. Its doubts are comments: `# ?`."""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from streams.runtime.documents import DocumentError

from ..errors import ImportFailure
from ..mapping import parse_mapping
from ..name_patterns import unpacked_name
from ..preview import check_import
from ..request import ImportRequest
from ..run import wall_ms
from .drafted_facts import DraftedFact, FactDrafter
from .inspection import InspectedFile, inspect
from .yaml_text import comments, line

_HEAD = """\
# A first mapping, written by `leadloop mapping new`. What could not be known stands in lines with `# ?`.
# Answer them, then run `leadloop import --check {files} --mapping THIS_FILE`.
"""


def draft_mapping(files: Sequence[Path], *, source: str, zone: str) -> str:
    """Return a mapping of these files as YAML.

    Args:
        files: Each becomes a table; several of one shape become one.
        source: The source of the facts.
        zone: The time zone of times without an offset; empty if it is not known.

    Raises:
        ImportFailure: a file cannot be read.
    """
    inspected = [inspect(path) for path in files]
    text = _text(inspected, source, zone)
    findings = [*_findings(text, files)]
    return "\n".join([text.split("\n", 2)[0], text.split("\n", 2)[1], *comments(0, findings), text.split("\n", 2)[2]])


def write_new(path: Path, text: str) -> None:
    """Write a file that does not exist yet.

    Raises:
        ImportFailure: it exists, or cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ImportFailure(f"{path} exists: give another name with --output") from error
    except OSError as error:
        raise ImportFailure(f"cannot write {path}: {error.strerror}") from error


def _text(inspected: Sequence[InspectedFile], source: str, zone: str) -> str:
    drafters = {name: (found, FactDrafter(found)) for name, found in _tables(inspected)}
    drafted = {name: drafter.facts() for name, (_, drafter) in drafters.items()}
    local = [f"{name}.{column}" for name, (_, drafter) in drafters.items() for column in drafter.local_columns]
    doubts = [f"times without an offset ({', '.join(dict.fromkeys(local))}): in which zone are they?"] if local else []
    lines = [
        _HEAD.format(files=shlex.join(str(found.path) for found in inspected)).rstrip("\n"),
        f"{line(0, 'source', source)} # the source of every fact, and part of its id: do not change it later",
        line(0, "ids", "stable"),
        line(0, "zone", zone or "UTC", [] if zone else doubts),
        "tables:",
    ]
    for name, (found, drafter) in drafters.items():
        lines += _table(name, found, drafter, drafted[name])
    return "\n".join(lines) + "\n"


def _table(name: str, found: InspectedFile, drafter: FactDrafter, facts: list[DraftedFact]) -> Iterator[str]:
    yield f"  {name}:"
    yield from comments(4, drafter.doubts)
    yield line(4, "files", _pattern(found.path))
    for key, value in found.options.items():
        yield line(4, key, value)
    if unmapped := drafter.unmapped(facts):
        yield f"    # not mapped: {', '.join(' '.join(each.split()) for each in unmapped)}"
    yield "    facts:"
    for fact in facts:
        yield line(6, "- kind", fact.kind).replace('"- kind"', "- kind")
        if fact.when:
            yield line(8, "when", fact.when)
        for each in fact.fields:
            yield line(8, each.name, each.value, each.doubts)


def _tables(inspected: Sequence[InspectedFile]) -> Iterator[tuple[str, InspectedFile]]:
    """Name each file's table; of files with one pattern only the first makes one."""
    names: set[str] = set()
    patterns: set[str] = set()
    for found in inspected:
        if (pattern := _pattern(found.path)) in patterns:
            continue
        patterns.add(pattern)
        name = re.sub(r"\W+|\d+", "_", Path(unpacked_name(found.path.name)).stem.lower()).strip("_") or "table"
        while name in names:
            name += "_"
        names.add(name)
        yield name, found


def _pattern(path: Path) -> str:
    return re.sub(r"\d[\d_.-]*\d|\d", "*", unpacked_name(path.name))


def _findings(text: str, files: Sequence[Path]) -> Iterator[str]:
    """What a check of the draft says that its author must know."""
    try:
        mapping = parse_mapping(text, "draft")
        preview = check_import(
            ImportRequest(files=files, mappings=[mapping]), Codec(Catalogue.bundled()).encode, wall_ms
        )
    except (DocumentError, ImportFailure) as error:
        yield f"the draft cannot be used as it is: {error}"
        return
    summary = preview.summary
    if summary.rejected:
        yield f"{summary.rejected:,} of {summary.rows:,} rows would be rejected, such as {summary.examples[0]}"
    if summary.failure and not summary.rejected:
        yield summary.failure
    yield from (note for note in summary.notes)
