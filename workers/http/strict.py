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


def parse(body: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """The value that a body says.

    Raises:
        Problem: 400, with the place.
    """
    text = _decoded(body)
    # The outline is exact unless brackets stand in texts: then the value itself is asked.
    is_suspect = not _is_flat(body, max_depth)
    try:
        value = _STRICT.decode(text)
    except _Twice:
        raise _malformed(*_twice_in(_LENIENT.decode(text))) from None
    except json.JSONDecodeError as fault:
        where = f"line {fault.lineno}, column {fault.colno}"
        raise _malformed("", f"no JSON at {where}: {fault.msg}", "send one JSON value") from None
    except RecursionError:
        raise _too_deep("", max_depth) from None
    except ValueError as fault:  # NaN and the like, and integers of thousands of digits
        raise _malformed("", f"no JSON: {fault}", "send a number of the usual size, or null") from None
    if is_suspect and (deep := _deeper_than(max_depth, value)) is not None:
        raise _too_deep(deep, max_depth)
    if b"\\u" in body and (broken := _half_character(value)) is not None:
        raise _malformed(broken, "half a surrogate pair is no character", "send both halves, or the character itself")
    return value


class _Twice(ValueError):
    """A name stands twice in one object."""


class _Marked(dict[str, Any]):
    """An object in which a name stands twice."""

    twice = ""


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as fault:
        raise _malformed("", f"no UTF-8 at byte {fault.start}", "send text in UTF-8") from None


def _is_flat(body: bytes, max_depth: int) -> bool:
    """Whether the brackets, and nothing else, show that no value is deeper. Each turn takes the innermost pairs out."""
    outline = body.translate(_ONE_KIND, _OTHERS)
    for _ in range(max_depth):
        if not outline:
            return True
        outline = outline.replace(b"()", b"")
    return not outline


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice
    return found


def _marked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = _Marked(pairs)
    if len(found) != len(pairs):
        found.twice = _first_repeated(name for name, _ in pairs)
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


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant)
_LENIENT = json.JSONDecoder(object_pairs_hook=_marked)


class _Place(NamedTuple):
    """Where a value stands. Only its last step: whole pointers of all values could be a million times the body."""

    step: str | int = ""
    depth: int = 0
    above: "_Place | None" = None

    @property
    def pointer(self) -> str:
        """RFC 6901."""
        steps, place = [], self
        while place.above is not None:
            steps.append(pointed(str(place.step)))
            place = place.above
        return "".join(f"/{step}" for step in reversed(steps))


def _places(value: Any) -> Iterator[tuple[_Place, Any]]:
    """Every value with its place, without recursion."""
    waiting: list[tuple[_Place, Any]] = [(_Place(), value)]
    while waiting:
        place, value = waiting.pop()
        yield place, value
        steps: Iterable[tuple[str | int, Any]] = ()
        if isinstance(value, dict):
            steps = value.items()
        elif isinstance(value, list):
            steps = enumerate(value)
        waiting += [(_Place(step, place.depth + 1, place), each) for step, each in steps]


def pointed(name: str) -> str:
    """A name as a step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _first(value: Any, holds: Callable[[int, Any], bool]) -> str | None:
    return next((place.pointer for place, each in _places(value) if holds(place.depth, each)), None)


def _deeper_than(most: int, value: Any) -> str | None:
    level = [value]
    for _ in range(most + 1):
        level = [each for each in level if isinstance(each, dict | list)]
        if not level:
            return None
        level = [each for one in level for each in (one.values() if isinstance(one, dict) else one)]
    return _first(value, lambda depth, each: depth >= most and isinstance(each, dict | list))


def _half_character(value: Any) -> str | None:
    try:
        msgspec.json.encode(value)  # says whether, much sooner than looking for the place
    except UnicodeEncodeError:
        return _place_of_half(value)
    return None


def _place_of_half(value: Any) -> str | None:
    def is_broken(_: int, each: Any) -> bool:
        texts = each if isinstance(each, dict) else (each,)
        return any(isinstance(text, str) and not _is_whole(text) for text in texts)

    return _first(value, is_broken)


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _twice_in(value: Any) -> tuple[str, str, str]:
    for place, each in _places(value):
        if isinstance(each, _Marked) and each.twice:
            return place.pointer, f"the name {each.twice[:80]!r} stands here twice", "leave one out"
    raise AssertionError("the strict reader found a name twice")


def _too_deep(path: str, most: int) -> Problem:
    return _malformed(path[:200], f"deeper than {most} levels", "send what lies so deep on its own")


def _malformed(path: str, detail: str, fix: str) -> Problem:
    shown = path.encode(errors="replace").decode()  # what is no character must not stand in the answer
    detail = detail.encode(errors="replace").decode()
    return Problem("malformed", detail, errors=[FieldError(shown, detail, fix)])
