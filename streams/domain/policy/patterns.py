"""What rules compare a lead's dimensions with: a word, or one with `*` (any text) and `?` (any character).

Upper and lower case are the same: both sides are compared after Unicode case folding.
"""

from fnmatch import fnmatchcase

ANYTHING = "*"


def is_exact(pattern: str) -> bool:
    """Whether only one word is like this pattern."""
    return not set(pattern) & set("*?")


def is_like(value: str, pattern: str) -> bool:
    """Whether the pattern is for this value."""
    if pattern == ANYTHING:
        return True
    value, pattern = value.casefold(), pattern.casefold()
    return value == pattern if is_exact(pattern) else fnmatchcase(value, pattern.replace("[", "[[]"))


def covers(wide: str, narrow: str) -> bool:
    """Whether everything that is like `narrow` is for certain also like `wide`."""
    wide, narrow = wide.casefold(), narrow.casefold()
    if wide in (narrow, ANYTHING):
        return True
    if is_exact(narrow):
        return is_like(narrow, wide)
    prefix = wide.removesuffix("*")
    return wide.endswith("*") and is_exact(prefix) and narrow.startswith(prefix)
