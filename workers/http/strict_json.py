"""JSON with one meaning only: UTF-8, no name twice, no NaN or Infinity, no half characters, not deep.

Readers differ in what they make of the rest, so that one would check what another does not see.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, NoReturn

import msgspec

from .problems import FieldError, Problem

MAX_DEPTH = 32

_OTHERS = bytes(set(range(256)) - set(b"[]{}"))
_ONE_KIND = bytes.maketrans(b"[]{}", b"()()")


def parse_json(body: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """The value that a body says.

    Raises:
        Problem: 400, with the position.
    """
    text = _decoded(body)
    # The outline is exact unless brackets stand in texts: then the value itself is asked.
    may_be_too_deep = not _is_certainly_shallow(body, max_depth)
    try:
        value = _STRICT.decode(text)
    except _DuplicateName:
        raise _malformed(*_duplicate_in(_LENIENT.decode(text))) from None
    except json.JSONDecodeError as fault:
        where = f"line {fault.lineno}, column {fault.colno}"
        raise _malformed("", f"no JSON at {where}: {fault.msg}", "send one JSON value") from None
    except RecursionError:
        raise _too_deep("", max_depth) from None
    except ValueError as fault:  # NaN and the like, and integers of thousands of digits
        raise _malformed("", f"no JSON: {fault}", "send a number of the usual size, or null") from None
    if may_be_too_deep and (deep := _deeper_than(max_depth, value)) is not None:
        raise _too_deep(deep, max_depth)
    if b"\\u" in body and (broken := _lone_surrogate(value)) is not None:
        raise _malformed(broken, "half a surrogate pair is no character", "send both halves, or the character itself")
    return value


class _DuplicateName(ValueError):
    """A name stands twice in one object."""


class _ObjectWithDuplicates(dict[str, Any]):
    """An object in which a name stands twice."""

    duplicate = ""


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as fault:
        raise _malformed("", f"no UTF-8 at byte {fault.start}", "send text in UTF-8") from None


def _is_certainly_shallow(body: bytes, max_depth: int) -> bool:
    """Whether the brackets, and nothing else, show that no value is deeper. Each turn takes the innermost pairs out."""
    outline = body.translate(_ONE_KIND, _OTHERS)
    for _ in range(max_depth):
        if not outline:
            return True
        outline = outline.replace(b"()", b"")
    return not outline


def _object_with_unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DuplicateName
    return found


def _object_with_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = _ObjectWithDuplicates(pairs)
    if len(found) != len(pairs):
        found.duplicate = _first_repeated(name for name, _ in pairs)
    return found


def _first_repeated(names: Iterable[str]) -> str:
    """The first name that has stood before. Names are many where somebody means harm: each is looked at once."""
    seen: set[str] = set()
    return next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"{text[:40]} is no number that fits")
    return number


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


_STRICT = json.JSONDecoder(
    object_pairs_hook=_object_with_unique_names, parse_float=_finite, parse_constant=_no_constant
)
_LENIENT = json.JSONDecoder(object_pairs_hook=_object_with_duplicates)


class _Position(NamedTuple):
    """Where a value stands. Only its last step: whole pointers of all values could be a million times the body."""

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


def _walk(value: Any) -> Iterator[tuple[_Position, Any]]:
    """Every value with its position, without recursion."""
    waiting: list[tuple[_Position, Any]] = [(_Position(), value)]
    while waiting:
        position, value = waiting.pop()
        yield position, value
        steps: Iterable[tuple[str | int, Any]] = ()
        if isinstance(value, dict):
            steps = value.items()
        elif isinstance(value, list):
            steps = enumerate(value)
        waiting += [(_Position(step, position.depth + 1, position), each) for step, each in steps]


def escape_pointer(name: str) -> str:
    """A name as a step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _first_position(value: Any, holds: Callable[[int, Any], bool]) -> str | None:
    return next((position.pointer for position, each in _walk(value) if holds(position.depth, each)), None)


def _deeper_than(most: int, value: Any) -> str | None:
    level = [value]
    for _ in range(most + 1):
        level = [each for each in level if isinstance(each, dict | list)]
        if not level:
            return None
        level = [each for one in level for each in (one.values() if isinstance(one, dict) else one)]
    return _first_position(value, lambda depth, each: depth >= most and isinstance(each, dict | list))


def _lone_surrogate(value: Any) -> str | None:
    try:
        msgspec.json.encode(value)  # says whether, much sooner than looking for the position
    except UnicodeEncodeError:
        return _position_of_surrogate(value)
    return None


def _position_of_surrogate(value: Any) -> str | None:
    def is_broken(_: int, each: Any) -> bool:
        texts = each if isinstance(each, dict) else (each,)
        return any(isinstance(text, str) and not _is_encodable(text) for text in texts)

    return _first_position(value, is_broken)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _duplicate_in(value: Any) -> tuple[str, str, str]:
    for position, each in _walk(value):
        if isinstance(each, _ObjectWithDuplicates) and each.duplicate:
            return position.pointer, f"the name {each.duplicate[:80]!r} stands here twice", "leave one out"
    raise AssertionError("the strict reader found a name twice")


def _too_deep(path: str, most: int) -> Problem:
    return _malformed(path[:200], f"deeper than {most} levels", "send what lies so deep on its own")


def _malformed(path: str, detail: str, fix: str) -> Problem:
    shown = path.encode(errors="replace").decode()  # what is no character must not stand in the answer
    detail = detail.encode(errors="replace").decode()
    return Problem("malformed", detail, errors=[FieldError(shown, detail, fix)])
