"""Typed YAML documents, and the messages about their violations."""

from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict

from streams.runtime.documents import DocumentError, YamlDocument, load, violation


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


def even(number: int) -> int:
    if number % 2:
        raise violation(f"{number} is odd", f"write {number + 1}")
    return number


class Field(Strict):
    column: str
    kind: Literal["text", "number"] = "text"
    width: Annotated[int, AfterValidator(even)] = 2


class Table(Strict):
    files: str
    fields: dict[str, Field | Literal["skip"]] = {}
    words: dict[str, str | int | float | bool | None] = {}


class Mapping(Strict):
    tables: list[Table]


def tables_of(text: str) -> list[Table]:
    return load(text, "m.yml", Mapping).tables


def faults_of(text: str) -> list[str]:
    with pytest.raises(DocumentError) as faults:
        tables_of(text)
    return str(faults.value).splitlines()


def test_a_document_is_read_as_its_model() -> None:
    [table] = tables_of("tables:\n  - files: a.csv\n    fields: { name: { column: Name }, other: skip }")
    assert table.fields == {"name": Field(column="Name"), "other": "skip"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("off", "off"),
        ("true", True),
        ("~", None),
        ("2026-01-01", "2026-01-01"),
        ("12:30", "12:30"),
        ("12", 12),
        ("007", "007"),
        ("0x10", "0x10"),
        ("1e5", "1e5"),
        ("1.5", 1.5),
        ("'12'", "12"),
        ("99999999999999999999", "99999999999999999999"),
    ],
)
def test_words_stay_words_and_codes_stay_codes(text: str, value: object) -> None:
    [table] = tables_of(f"tables: [{{ files: a, words: {{ x: {text} }} }}]")
    assert table.words["x"] == value
    assert type(table.words["x"]) is type(value)


def test_a_fault_is_told_with_the_line_of_its_key() -> None:
    lines = faults_of("tables:\n  - files: a\n    fields:\n      name:\n        column: x\n        colum: y")
    assert lines[0] == "m.yml:6: tables[0].fields.name.colum: there is no such key; did you mean 'column'?"


def test_a_missing_key_is_told_where_it_should_stand() -> None:
    assert faults_of("tables:\n\n  - fields: {}") == ["m.yml:3: tables[0]: 'files' is missing; write 'files: …'"]


def test_a_validator_says_what_to_write_instead() -> None:
    lines = faults_of("tables:\n  - files: a\n    fields:\n      name: { column: x, width: 3 }")
    assert lines[0] == "m.yml:4: tables[0].fields.name.width: 3 is odd; write 4"


def test_an_unknown_word_is_answered_with_the_nearest() -> None:
    lines = faults_of("tables:\n  - files: a\n    fields: { name: { column: x, kind: txt } }")
    assert lines[0] == "m.yml:3: tables[0].fields.name.kind: 'txt' is not known here; did you mean 'text'?"


def test_a_key_that_is_there_twice_is_a_fault() -> None:
    lines = faults_of("tables:\n  - files: a\n    files: b")
    assert lines == ["m.yml:3: tables[0].files: this key is there twice; leave one out; the other is on line 2"]


def test_all_faults_are_told_in_the_order_of_their_lines() -> None:
    lines = faults_of("tables:\n  - files: a\n    b: 1\n  - c: 2\n    files: x\n    files: y\nd: 4")
    assert [line.split(":")[1] for line in lines] == ["3", "4", "6", "7"]


def test_a_wrong_kind_of_value_is_told_in_plain_words() -> None:
    assert faults_of("tables: 5") == ["m.yml:1: tables: 5 does not fit; write a list"]
    assert faults_of("- 1") == ["m.yml:1: this does not fit; write keys and values"]


def test_an_empty_document_is_one_without_keys() -> None:
    assert faults_of("# nothing") == ["m.yml:1: 'tables' is missing; write 'tables: …'"]


def test_aliases_may_be_used() -> None:
    tables = tables_of("tables: [{ files: a, fields: &f { n: { column: x } } }, { files: b, fields: *f }]")
    assert tables[0].fields == tables[1].fields


def _bomb() -> str:
    layers = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10)]
    return "\n".join(["l0: &l0 [x, x, x, x, x, x, x, x, x, x]", *layers])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "m.yml:1:"),
        ("a: 1\n---\nb: 2", "m.yml:2:"),
        ("a: \x00", "m.yml:1:"),
        ("a:\n\t- x", "m.yml:2:"),
        ("x: *nothing", "undefined alias"),
        ("[" * 20_000, "lists in lists"),
        ("a: &a [*a]", "levels"),
        (_bomb(), "more than"),
        ("x" * 1_000_001, "characters"),
        ("a: !!python/object/apply:os.getcwd []", "no such key"),
        ("tables: !!python/name:os.system x", "the tag"),
        ("? [a]\n: b", "a key that is no word"),
        ("<<: { tables: [] }", "no such key"),
    ],
)
def test_what_is_no_plain_yaml_or_a_danger_is_refused(text: str, problem: str) -> None:
    assert problem in "\n".join(faults_of(text))


def test_a_caller_may_name_faults_of_its_own_by_place() -> None:
    document = YamlDocument("tables:\n  - files: a\n  - files: b", "m.yml")
    fault = document.fault(("tables", 1, "files"), "b is taken", "write c")
    assert str(fault) == "3: tables[1].files: b is taken; write c"
    assert document.line_of(("tables", 7)) == 1
