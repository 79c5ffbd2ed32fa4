"""JSON is taken in one meaning only, and what is not is named with its place."""

from __future__ import annotations

import contextlib
import json
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.http.problems import Problem
from workers.http.strict_json import parse_json

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def refused(body: bytes) -> Problem:
    with pytest.raises(Problem) as caught:
        parse_json(body)
    assert caught.value.status == 400
    return caught.value


@given(VALUES)
def test_every_value_that_json_writes_is_parsed(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False, indent=1).encode()) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_parsed_or_raise_a_problem(body: bytes) -> None:
    with contextlib.suppress(Problem):
        parse_json(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a":1}}',
        b"NaN",
        b'{"a": -Infinity}',
        b"1e999",
        b"1" * 5000,
        b"01",
        b"'a'",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        '{"a": 1}'.encode("utf-16"),
        b'"a\x00b"',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[1,]",
        b"nul",
    ],
)
def test_invalid_json_is_rejected(body: bytes) -> None:
    refused(body)


def test_an_integer_of_thousands_of_digits_is_named_in_the_words_of_leadloop() -> None:
    with pytest.raises(Problem) as caught:
        parse_json(b'{"amount": ' + b"1" * 5_000 + b"}")
    assert "an integer has thousands of digits" in str(caught.value)


def test_one_byte_order_mark_before_json_is_ignored() -> None:
    assert parse_json(b"\xef\xbb\xbf{}") == {}
    refused(b"\xef\xbb\xbf\xef\xbb\xbf{}")
    refused(b"{}\xef\xbb\xbf")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"a":1,"a":1}', ""),
        (b'{"a" :1,"a": 2}', ""),
        (b'[{"b":{"c":[{"x":1},{"x":1,"y":2,"x":1}]}}]', "/0/b/c/1"),
        (b'{"a":1,"\\u0061":2}', ""),
    ],
)
def test_a_duplicate_name_is_reported_with_its_path(body: bytes, path: str) -> None:
    problem = refused(body)
    assert problem.errors[0].path == path
    assert "twice" in problem.detail


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"a":["x","\\ud800"]}', "/a/1"),
        (b'{"a":{"\\udc00":1}}', "/a"),
        (b'"\\ud800x"', ""),
    ],
)
def test_a_lone_surrogate_is_reported_with_its_path(body: bytes, path: str) -> None:
    assert refused(body).errors[0].path == path


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def test_depth_is_bounded_exactly() -> None:
    parse_json(nested(32))
    assert "deeper than 32" in refused(nested(33)).detail
    assert refused(b'{"a":' * 40 + b"1" + b"}" * 40).errors[0].path == "/a" * 32


def test_brackets_in_strings_do_not_count_as_depth() -> None:
    assert parse_json(b'["' + b"[" * 100 + b'"]') == ["[" * 100]


def test_a_name_that_stands_twice_behind_a_hundred_thousand_others_is_found_soon() -> None:
    names = ",".join(f'"{number:x}":1' for number in range(100_000))
    begun = time.process_time()
    assert "'1869f'" in refused(f'{{{names},"1869f":2}}'.encode()).detail
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("odd", ['"\\u0041"', '"]"', '"\\ud800"'])
def test_a_long_name_above_many_values_costs_no_memory(odd: str) -> None:
    body = f'{{"{"A" * 400_000}":[{"0," * 200_000}0],"x":{odd}}}'.encode()
    tracemalloc.start()
    with contextlib.suppress(Problem):
        parse_json(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000_000
