"""Records of every type with anything in them that their schemas allow."""

import typing
from typing import Any, Literal, TypeVar

import msgspec
from hypothesis import strategies as st

R = TypeVar("R", bound=msgspec.Struct)

_LONGS = st.integers(-(2**63), 2**63 - 1) | st.integers(1_500_000_000_000, 2_000_000_000_000)
_TEXTS = st.text(st.characters(codec="utf-8"), max_size=200)


def any_record(record: type[R]) -> st.SearchStrategy[R]:
    """Records of one type."""
    hints = typing.get_type_hints(record)
    return st.builds(record, **{name: _values(hints[name]) for name in record.__struct_fields__})


def _values(kind: Any) -> st.SearchStrategy[Any]:
    if typing.get_origin(kind) is Literal:
        return st.sampled_from(typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        return st.lists(any_record(typing.get_args(kind)[0]), max_size=3).map(tuple)
    if type(None) in typing.get_args(kind):
        return st.none() | _values(typing.get_args(kind)[0])
    return {str: _TEXTS, int: _LONGS, bool: st.booleans()}[kind]
