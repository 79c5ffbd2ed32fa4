"""Files, clean and dirty, become rows."""

import gzip
from pathlib import Path

import pytest

from tests.builders_imports import cells_of, rows_of
from workers.imports.errors import ImportFailure


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    return tmp_path / "leads.csv"


@pytest.fixture
def jsonl_file(tmp_path: Path) -> Path:
    return tmp_path / "leads.jsonl"


@pytest.mark.parametrize(
    "content",
    [
        b"id,at\nL1,2024\n",
        b"id,at\r\nL1,2024\r\n",
        b"id,at\rL1,2024\r",
        b"\xef\xbb\xbfid,at\nL1,2024",
        b"at;id\n2024;L1\n",
        b"id\tat\nL1\t2024\n",
        b"id|at\n\nL1|2024\n\n",
        b' id , at,"x"\nL1,2024,"a, ""b"""\n',
        b"id,at\nL1,2024,,\n",
        "id,at\nL1,2024\n".encode("utf-16"),
        b"id,,at,\nL1,,2024,\n",
    ],
)
def test_csv_is_read_in_any_dialect_and_encoding(csv_file: Path, content: bytes) -> None:
    csv_file.write_bytes(content)
    assert cells_of(csv_file) == [("L1", "2024")]


def test_a_gzip_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv.gz"
    path.write_bytes(gzip.compress(b"id,at\nL1,2024\n"))
    assert cells_of(path) == [("L1", "2024")]


def test_a_truncated_gzip_file_is_an_import_failure(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv.gz"
    path.write_bytes(gzip.compress(b"id,at\nL1,2024\n")[:-9])
    with pytest.raises(ImportFailure, match="cannot unpack"):
        cells_of(path)


def test_a_corrupt_gzip_file_is_an_import_failure(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"id,at\n" + b"".join(b"L%d,2024\n" % n for n in range(3_000))))
    packed[60] ^= 0xFF
    path = tmp_path / "leads.csv.gz"
    path.write_bytes(packed)
    with pytest.raises(ImportFailure, match="cannot unpack"):
        cells_of(path)


def test_rows_have_the_number_of_the_line_on_which_they_start(csv_file: Path) -> None:
    csv_file.write_text('id,at\nL1,"a\nb"\n\nL2,c\n')
    assert [(line, cells) for line, cells, _ in rows_of(csv_file)] == [(2, ("L1", "a\nb")), (5, ("L2", "c"))]


def test_a_row_with_too_many_values_is_rejected_and_the_next_one_read(csv_file: Path) -> None:
    csv_file.write_text("id,at\nL2,a,b\nL3,c\n")
    assert cells_of(csv_file) == [("reject", "broken_row"), ("L3", "c")]


def test_a_row_with_ambiguous_quotes_is_rejected_and_the_next_one_read(csv_file: Path) -> None:
    csv_file.write_text('id,at\nL1,"Acme" Inc\nL2,5" disk\n')
    assert cells_of(csv_file) == [("reject", "broken_row"), ("L2", '5" disk')]


def test_an_unclosed_quote_is_reported_with_the_lines_that_it_spans(csv_file: Path) -> None:
    csv_file.write_text('id,at\nL1,"a\nL2,b\nL3,c\n')
    ((line, error, _),) = rows_of(csv_file)
    assert line == 2
    assert "lines 2 to 4" in str(error)


def test_a_table_can_declare_quotes_to_be_ordinary_characters(csv_file: Path) -> None:
    csv_file.write_text('id,at\nL1,"a\nL2,b"\n')
    assert cells_of(csv_file, quotes=False) == [("L1", '"a'), ("L2", 'b"')]


def test_a_row_with_a_huge_field_is_rejected_and_the_next_one_read(csv_file: Path) -> None:
    csv_file.write_text(f"id,at\nL1,{'x' * 200_000}\nL2,b\n")
    assert cells_of(csv_file) == [("reject", "broken_row"), ("L2", "b")]


@pytest.mark.parametrize("name", ["leads.csv", "leads.jsonl"])
def test_a_line_beyond_the_limit_is_rejected_and_the_next_one_read(tmp_path: Path, name: str) -> None:
    path, last = tmp_path / name, '{"id": "L2", "at": "b"}' if name.endswith("jsonl") else "L2,b"
    first = "" if name.endswith("jsonl") else "id,at\n"
    path.write_text(f"{first}{'x' * 3_000_000}\n{last}\n")
    assert cells_of(path) == [("reject", "too_long"), ("L2", "b")]


def test_nul_bytes_are_kept_in_their_cell(csv_file: Path) -> None:
    csv_file.write_bytes(b"id,at\nL\x001,a\nL2,b\n")
    assert cells_of(csv_file) == [("L\x001", "a"), ("L2", "b")]


def test_a_table_can_declare_latin_1(csv_file: Path) -> None:
    csv_file.write_bytes("id,at\nMüller,a\n".encode("latin-1"))
    assert cells_of(csv_file, encoding="latin-1") == [("Müller", "a")]


def test_a_byte_order_mark_overrides_the_encoding_of_the_table(csv_file: Path) -> None:
    csv_file.write_bytes("id,at\nMüller,a\n".encode("utf-8-sig"))
    assert cells_of(csv_file, encoding="latin-1") == [("Müller", "a")]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_byte_order_mark_is_reported_with_the_encoding_to_write(csv_file: Path, encoding: str) -> None:
    csv_file.write_bytes("id,at\nL1,a\n".encode(encoding))
    with pytest.raises(ImportFailure, match=f"write `encoding: {encoding}`"):
        cells_of(csv_file)
    assert cells_of(csv_file, encoding=encoding) == [("L1", "a")]


def test_invalid_bytes_reject_only_rows_that_use_their_cell(csv_file: Path) -> None:
    csv_file.write_bytes("id,at,who\nL1,a,Müller\nL2,b,Meier\n".encode("latin-1"))
    assert cells_of(csv_file) == [("L1", "a"), ("L2", "b")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"ID,when\n", "no column 'id'. Do you mean 'ID'\\? It has: 'ID', 'when'"),
        (b"id,at,id\n", "has 2 columns 'id': rename"),
        (b"\xff\xfeid,at\n1", "cannot read"),
    ],
)
def test_a_file_that_does_not_fit_its_table_is_an_import_failure(csv_file: Path, content: bytes, message: str) -> None:
    csv_file.write_bytes(content)
    with pytest.raises(ImportFailure, match=message):
        cells_of(csv_file)


def test_two_columns_with_the_same_name_are_permitted_if_the_mapping_does_not_use_them(csv_file: Path) -> None:
    csv_file.write_text("id,at,x,x\nL1,a,1,2\n")
    assert cells_of(csv_file) == [("L1", "a")]


def test_json_lines_are_read_and_invalid_ones_rejected(jsonl_file: Path) -> None:
    jsonl_file.write_text('{"id": 1, "at": "a"}\n\n{"id": \n[1]\n{"id": 2, "extra": {"b": []}}\n{"a": ' + "[" * 9_999)
    assert cells_of(jsonl_file) == [
        (1, "a"),
        ("reject", "not_json"),
        ("reject", "not_an_object"),
        (2, None),
        ("reject", "not_json"),
    ]


def test_json_lines_with_invalid_bytes_are_rejected(jsonl_file: Path) -> None:
    jsonl_file.write_bytes(b'{"id": "M\xfcller", "at": "a"}\n{"id": "L2", "at": "b"}\n')
    assert cells_of(jsonl_file) == [("reject", "not_json"), ("L2", "b")]


def test_a_dotted_name_selects_a_nested_value(jsonl_file: Path) -> None:
    jsonl_file.write_text('{"data": {"id": "L1"}}\n{"data.id": "L2"}\n{"data": 3}\n{}\n')
    assert cells_of(jsonl_file, ("data.id",)) == [("L1",), ("L2",), (None,), (None,)]


def test_a_json_array_is_reported_with_the_command_that_converts_it(jsonl_file: Path) -> None:
    jsonl_file.write_text('[\n{"id": 1}\n]')
    with pytest.raises(ImportFailure, match="one item per line"):
        cells_of(jsonl_file)


def test_an_unknown_suffix_needs_a_format_in_the_table(tmp_path: Path) -> None:
    path = tmp_path / "leads.dat"
    path.write_text("id,at\nL1,a\n")
    with pytest.raises(ImportFailure, match="format:"):
        cells_of(path)
    assert cells_of(path, format="csv") == [("L1", "a")]
