"""What rules compare a lead's dimensions with: a word, or one with `*` (any text) and `?` (any character)."""

from fnmatch import fnmatchcase

ANYTHING = "*"


def is_like(value: str, pattern: str) -> bool:
    """Whether the pattern is for this value, in this very spelling."""
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def covers(wide: str, narrow: str) -> bool:
    """Whether everything that is like `narrow` is for certain also like `wide`."""
    if wide in (narrow, ANYTHING):
        return True
    if not set(narrow) & set("*?"):
        return is_like(narrow, wide)
    prefix = wide.removesuffix("*")
    return wide.endswith("*") and not set(prefix) & set("*?") and narrow.startswith(prefix)
