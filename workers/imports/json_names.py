"""Finds names that stand twice in an object of JSON: parsers disagree about which of their values counts."""

import json

from schemas.json_value import JsonObject, JsonValue

from .errors import RowError


def check_names(text: str, value: JsonValue) -> None:
    """Check that no object has a name twice. Most texts show it by the number of their names, which is much cheaper.

    Args:
        text: Valid JSON.
        value: What it was parsed to.

    Raises:
        RowError: an object has a name twice.
    """
    count = len(value) if type(value) is dict and text.count("{") == 1 else _count_names(value)
    if text.count('":') != count or " :" in text or "\t:" in text:
        _DECODER.decode(text)


def _count_names(value: JsonValue) -> int:
    if not isinstance(value, dict):
        return sum(map(_count_names, value)) if isinstance(value, list) else 0
    return len(value) + sum(_count_names(each) for each in value.values() if type(each) is dict or type(each) is list)


def _checked(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    names = dict(pairs)
    if len(names) != len(pairs):
        for name, _ in pairs:
            if name not in names:
                raise RowError("repeated_name", f"the name {name[:80]!r} stands twice in an object: keep one of them")
            del names[name]
    return names


_DECODER = json.JSONDecoder(object_pairs_hook=_checked, parse_int=str, parse_float=str)
