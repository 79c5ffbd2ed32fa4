"""Recognises files that are not text by their first bytes, and says what to do with them."""

import zipfile
from pathlib import Path
from typing import Literal

from .errors import ImportFailure

FileType = Literal["text", "gzip", "workbook"]

HEAD_BYTES = 4_096
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_GZIP = b"\x1f\x8b"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_FEW = 20  # control characters in a text
_SAVE_AS = "save it as CSV or as an Excel workbook (.xlsx)"
_UNPACK = "unpack it first"
_BINARY: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF", "a PDF document", "export the table behind it as CSV"),
    (b"PAR1", "a Parquet file", "convert it to CSV or JSONL"),
    (b"ORC", "an ORC file", "convert it to CSV or JSONL"),
    (b"Obj\x01", "an Avro file", "convert it to JSONL"),
    (b"ARROW1", "an Arrow file", "convert it to CSV or JSONL"),
    (b"SQLite format 3\0", "an SQLite database", "export its table as CSV"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"BZh", "a bzip2 file", _UNPACK),
    (b"\xfd7zXZ", "an xz file", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", _UNPACK),
    (b"\x89PNG", "a picture", "export the table as CSV"),
    (b"\xff\xd8\xff", "a picture", "export the table as CSV"),
    (b"{\\rtf", "an RTF document", _SAVE_AS),
)
_TEXTS: tuple[tuple[bytes, str, str], ...] = (
    (b"<!doctype html", "an HTML page", f"open it in a spreadsheet program and {_SAVE_AS}; or is it a login page?"),
    (b"<html", "an HTML page", f"open it in a spreadsheet program and {_SAVE_AS}; or is it a login page?"),
    (b"<table", "an HTML table", f"open it in a spreadsheet program and {_SAVE_AS}"),
    (b"<?xml", "an XML document", f"open it in a spreadsheet program and {_SAVE_AS}"),
)


def type_of(path: Path) -> FileType:
    """Return how a file is to be read.

    Raises:
        ImportFailure: it cannot be read, or is of a type that no import reads; the message names the type.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise ImportFailure(f"cannot read {path}: {error.strerror or error}") from error
    if head.startswith(_GZIP):
        return "gzip"
    if head.startswith(_ZIP):
        return _zip_type(path)
    if head.startswith(_OLE):
        return _ole_type(path)
    check_text(path, head)
    return "text"


def check_text(path: Path, head: bytes) -> None:
    """Check that the first bytes of a file, unpacked, may be a text with rows.

    Raises:
        ImportFailure: they are of a known type without rows.
    """
    if head.startswith((_ZIP, _OLE)):
        raise ImportFailure(f"{path} contains a packed workbook or archive: {_UNPACK}")
    for start, what, advice in _BINARY:
        if head.startswith(start):
            raise ImportFailure(f"{path} is {what}: {advice}")
    begin = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:20].lower()
    for start, what, advice in _TEXTS:
        if begin.startswith(start):
            raise ImportFailure(f"{path} is {what}: {advice}")


def check_characters(path: Path, sample: str) -> None:
    """Check that the beginning of a file, decoded, is a text.

    Raises:
        ImportFailure: it is UTF-16 without a mark, or has too many control characters.
    """
    if "\0" in sample.partition("\n")[0]:
        order = "be" if sample.startswith("\0") else "le"
        raise ImportFailure(f"{path} begins with NUL bytes: is it UTF-16? Then write `encoding: utf-16-{order}`")
    controls = sum(character < " " and character not in "\t\n\v\f\r" for character in sample[:HEAD_BYTES])
    if controls > max(_FEW, len(sample[:HEAD_BYTES]) // _FEW):
        raise ImportFailure(f"{path} is no text: is it the right file? Export it as CSV, JSONL or an Excel workbook")


def _zip_type(path: Path) -> FileType:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError) as error:
        raise ImportFailure(f"cannot unpack {path}: {error}; it is truncated or damaged: export it again") from error
    if names & {"xl/workbook.xml", "xl/workbook.bin"}:
        return "workbook"
    if "content.xml" in names:
        return "workbook"
    if "word/document.xml" in names:
        raise ImportFailure(f"{path} is a Word document: {_SAVE_AS}")
    if any(name.endswith(".iwa") for name in names):
        raise ImportFailure(f"{path} is a Numbers document: export it as CSV or as an Excel workbook (.xlsx)")
    raise ImportFailure(f"{path} is a zip archive: {_UNPACK}")


def _ole_type(path: Path) -> FileType:
    """A compound file of Microsoft: an old workbook, or a new one with a password."""
    if _ENCRYPTED in path.read_bytes():
        raise ImportFailure(f"{path} is protected by a password: save a copy without one")
    return "workbook"
