"""Matches the names of files and webhook items with the patterns of `files:` and `ignore:`.

`*` is any text and `?` any character; every other character, also `[`, stands for itself. Case is ignored.
"""

from collections.abc import Iterable

from streams.domain.policy.patterns import is_like

_PACKED = ".gz"


def matches_any(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns matches the name."""
    return any(is_like(name, pattern) for pattern in patterns)


def matches_file(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns matches the name of a file, with or without `.gz` at its end."""
    return matches_any(name, patterns) or (is_packed(name) and matches_any(unpacked_name(name), patterns))


def is_packed(name: str) -> bool:
    """Whether the name is of a gzip file."""
    return name.lower().endswith(_PACKED)


def unpacked_name(name: str) -> str:
    """Return the name of what a gzip file contains; other names unchanged."""
    return name[: -len(_PACKED)] if is_packed(name) else name
