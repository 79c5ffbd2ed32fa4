"""A name that stands twice in an object of JSON is questioned, not decided."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders_imports import cells_of
from workers.imports.errors import RowError
from workers.imports.rows import read_jsonl

TWICE = ("reject", "repeated_name")


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('{"id": "L1", "at": "a", "id": "L2"}', TWICE),
        ('{"id":"L1","at":"a","at":"a"}', TWICE),
        ('{"id" : "L1", "at": "a", "id": "L2"}', TWICE),
        ('{"id" : "L1", "at": "\\":", "id": "L2"}', TWICE),
        ('{"id"\t:"L1","at":"a","id"\t:"L2"}', TWICE),
        ('{"id": "L1", "at": "a", "\\u0069d": "L2"}', TWICE),
        ('{"id": "L1", "at": "a", "more": [[{"x": {"y": 1, "y": 2}}]]}', TWICE),
        ('{"id": "L1", "at": "a", "more": [{"id": 1}, {"id": {"id": 1e99}}], "n": ' + "9" * 500 + "}", ("L1", "a")),
        ('{"id": "L1", "at": "12:30, \\"id\\": L2", "x :": 1}', ("L1", '12:30, "id": L2')),
        ('{"id": "L1" , "at" : "a : b"}', ("L1", "a : b")),
    ],
)
def test_a_name_that_stands_twice_in_an_object_rejects_the_row(tmp_path: Path, line: str, cells: object) -> None:
    file = tmp_path / "leads.jsonl"
    file.write_text(f'{line}\n{{"id": "next", "at": "b"}}\n')
    assert cells_of(file) == [cells, ("next", "b")]


NAMES = st.sampled_from(["a", "b", 'c":', " :", "d : e"])
JSON = st.recursive(
    st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(NAMES, inner), max_size=3).map(tuple),
    max_leaves=8,
)


@given(st.lists(st.tuples(NAMES, JSON), max_size=4).map(tuple), st.sampled_from([":", ": ", " :", "\t:", "  : "]))
def test_rows_of_json_are_rejected_exactly_if_a_name_stands_twice(row: object, colon: str) -> None:
    def written(value: object) -> str:
        if isinstance(value, tuple):
            return "{" + ",".join(json.dumps(name) + colon + written(each) for name, each in value) + "}"
        return "[" + ",".join(map(written, value)) + "]" if isinstance(value, list) else json.dumps(value)

    def repeats(value: object) -> bool:
        if isinstance(value, tuple):
            return len(dict(value)) < len(value) or any(repeats(each) for _, each in value)
        return isinstance(value, list) and any(map(repeats, value))

    ((_, cells, _),) = read_jsonl(io.StringIO(written(row)), ["a"])
    assert isinstance(cells, RowError) is repeats(row)
