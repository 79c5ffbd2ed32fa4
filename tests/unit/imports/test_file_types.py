"""Files that are not what their names say are recognised by their first bytes."""

import gzip
import zipfile
from pathlib import Path

import pytest

from tests.builders_imports import cells_of
from workers.imports.errors import ImportFailure


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"%PDF-1.7\n", "is a PDF document"),
        (b"PAR1\x15\x04", "is a Parquet file"),
        (b"Obj\x01\x04", "is an Avro file"),
        (b"SQLite format 3\0", "is an SQLite database"),
        (b"7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it first"),
        (b"BZh91AY", "is a bzip2 file: unpack it first"),
        (b"\x28\xb5\x2f\xfd\x04", "is a Zstandard file: unpack it first"),
        (b"\x89PNG\r\n", "is a picture"),
        (b"<!DOCTYPE html><html>", "is an HTML page"),
        (b"\xef\xbb\xbf  <html><table>", "is an HTML page"),
        (b"<table><tr><td>id", "is an HTML table"),
        (b'<?xml version="1.0"?><Workbook>', "is an XML document"),
        (b"PK\x03\x04rubbish", "truncated or damaged"),
    ],
)
@pytest.mark.parametrize("name", ["leads.csv", "leads.xlsx", "leads.jsonl"])
def test_a_file_that_is_no_table_is_named(tmp_path: Path, name: str, head: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(head + b"\n1,2\n" * 100)
    with pytest.raises(ImportFailure, match=message):
        cells_of(path)


def test_a_file_of_an_unknown_type_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(bytes(range(1, 256)) * 20)
    with pytest.raises(ImportFailure, match="is no text"):
        cells_of(path)


def test_what_is_inside_of_a_gzip_file_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv.gz"
    path.write_bytes(gzip.compress(b"%PDF-1.7\n"))
    with pytest.raises(ImportFailure, match="is a PDF document"):
        cells_of(path)


def test_a_gzip_file_is_unpacked_whatever_its_name_says(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(gzip.compress(b"id,at\nL1,2024\n"))
    assert cells_of(path) == [("L1", "2024")]


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("leads.csv", "is a zip archive: unpack"),
        ("word/document.xml", "is a Word document"),
        ("Index/Document.iwa", "is a Numbers document"),
    ],
)
def test_a_zip_archive_is_told_apart_from_a_workbook(tmp_path: Path, member: str, message: str) -> None:
    path = tmp_path / "leads.csv"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, "id,at\n")
    with pytest.raises(ImportFailure, match=message):
        cells_of(path)
