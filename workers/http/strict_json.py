"""Parses only unambiguous JSON: UTF-8, no duplicate names, no NaN or Infinity, no lone surrogates, bounded depth.

A byte order mark at the start is ignored, as RFC 8259 allows: several clients send one.

Parsers disagree about the rest, so that one could validate what another reads differently.
"""

import json
import math
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, NoReturn

import msgspec

from schemas.json_value import JsonObject, JsonValue

from .problems import FieldError, Problem

MAX_DEPTH = 32

_OTHERS = bytes(set(range(256)) - set(b"[]{}"))
_ONE_KIND = bytes.maketrans(b"[]{}", b"()()")


def parse_json(body: bytes, *, max_depth: int = MAX_DEPTH) -> JsonValue:
    """Parse a body.

    Raises:
        Problem: 400, with the JSON pointer of the error.
    """
    text = _decoded(body)
    # The outline is exact unless strings contain brackets: then the value itself is examined.
    may_be_too_deep = not _is_certainly_shallow(body, max_depth)
    try:
        value: JsonValue = _STRICT.decode(text)
    except _DuplicateName:
        raise _malformed(*_duplicate_in(_LENIENT.decode(text))) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _malformed("", f"invalid JSON at {where}: {error.msg}", "send one JSON value") from None
    except RecursionError:
        raise _too_deep("", max_depth) from None
    except _BadNumberError as error:
        raise _malformed("", f"invalid JSON: {error}", "send a number of the usual size, or null") from None
    except ValueError:  # what is left: Python's bound on the digits of an integer
        raise _malformed("", "invalid JSON: an integer has thousands of digits", "send it as a text") from None
    if may_be_too_deep and (deep := _deeper_than(max_depth, value)) is not None:
        raise _too_deep(deep, max_depth)
    if b"\\u" in body and (broken := _lone_surrogate(value)) is not None:
        raise _malformed(broken, "a lone surrogate is not a character", "send the whole pair, or the character itself")
    return value


class _BadNumberError(ValueError):
    """NaN, an infinity, or a number that no double can hold."""


class _DuplicateName(ValueError):
    """An object contains a name twice."""


class _ObjectWithDuplicates(dict[str, JsonValue]):
    """An object that contains a name twice."""

    duplicate = ""


def _decoded(body: bytes) -> str:
    try:
        return body.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise _malformed("", f"invalid UTF-8 at byte {error.start}", "send text in UTF-8") from None


def _is_certainly_shallow(body: bytes, max_depth: int) -> bool:
    """Whether the brackets alone prove that no value is deeper. Each step removes the innermost pairs."""
    outline = body.translate(_ONE_KIND, _OTHERS)
    for _ in range(max_depth):
        if not outline:
            return True
        outline = outline.replace(b"()", b"")
    return not outline


def _object_with_unique_names(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DuplicateName
    return found


def _object_with_duplicates(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    found = _ObjectWithDuplicates(pairs)
    if len(found) != len(pairs):
        found.duplicate = _first_repeated(name for name, _ in pairs)
    return found


def _first_repeated(names: Iterable[str]) -> str:
    """Return the first repeated name. An attacker may send many names: each is examined once."""
    seen: set[str] = set()
    return next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise _BadNumberError(f"{text[:40]} is out of range")
    return number


def _no_constant(text: str) -> NoReturn:
    raise _BadNumberError(f"{text} is not a JSON number")


_STRICT = json.JSONDecoder(
    object_pairs_hook=_object_with_unique_names, parse_float=_finite, parse_constant=_no_constant
)
_LENIENT = json.JSONDecoder(object_pairs_hook=_object_with_duplicates)


class _Position(NamedTuple):
    """The position of a value: its last step only, because full pointers could take a million times the body."""

    step: str | int = ""
    depth: int = 0
    above: "_Position | None" = None

    @property
    def pointer(self) -> str:
        """RFC 6901."""
        steps, position = [], self
        while position.above is not None:
            steps.append(escape_pointer(str(position.step)))
            position = position.above
        return "".join(f"/{step}" for step in reversed(steps))


def _walk(value: JsonValue) -> Iterator[tuple[_Position, JsonValue]]:
    """Yield every value with its position, without recursion."""
    waiting: list[tuple[_Position, JsonValue]] = [(_Position(), value)]
    while waiting:
        position, value = waiting.pop()
        yield position, value
        steps: Iterable[tuple[str | int, JsonValue]] = ()
        if isinstance(value, dict):
            steps = value.items()
        elif isinstance(value, list):
            steps = enumerate(value)
        waiting += [(_Position(step, position.depth + 1, position), each) for step, each in steps]


def escape_pointer(name: str) -> str:
    """Escape a name for use in a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _first_position(value: JsonValue, holds: Callable[[int, JsonValue], bool]) -> str | None:
    return next((position.pointer for position, each in _walk(value) if holds(position.depth, each)), None)


def _deeper_than(most: int, value: JsonValue) -> str | None:
    level: list[JsonObject | list[JsonValue]] = [value] if isinstance(value, dict | list) else []
    for _ in range(most + 1):
        if not level:
            return None
        children = (each for one in level for each in (one.values() if isinstance(one, dict) else one))
        level = [each for each in children if isinstance(each, dict | list)]
    return _first_position(value, lambda depth, each: depth >= most and isinstance(each, dict | list))


def _lone_surrogate(value: JsonValue) -> str | None:
    try:
        msgspec.json.encode(value)  # finds out whether, much faster than the search for the position
    except UnicodeEncodeError:
        return _position_of_surrogate(value)
    return None


def _position_of_surrogate(value: JsonValue) -> str | None:
    def is_broken(_: int, each: JsonValue) -> bool:
        texts = each if isinstance(each, dict) else (each,)
        return any(isinstance(text, str) and not _is_encodable(text) for text in texts)

    return _first_position(value, is_broken)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _duplicate_in(value: JsonValue) -> tuple[str, str, str]:
    for position, each in _walk(value):
        if isinstance(each, _ObjectWithDuplicates) and each.duplicate:
            return position.pointer, f"the name {each.duplicate[:80]!r} occurs twice", "remove one"
    raise AssertionError("the strict decoder found a duplicate name")


def _too_deep(path: str, most: int) -> Problem:
    return _malformed(path[:200], f"deeper than {most} levels", "send the inner part on its own")


def _malformed(path: str, detail: str, fix: str) -> Problem:
    path = path.encode(errors="replace").decode()  # the response must not contain lone surrogates
    detail = detail.encode(errors="replace").decode()
    return Problem("malformed", detail, errors=[FieldError(path, detail, fix)])
