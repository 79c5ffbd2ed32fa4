"""Expands a fact whose kind stands in a column into one fact per kind, each with a condition on that column."""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping

from streams.runtime.documents import violation

Facts = list[object]


def expand_kinds(facts: object, fields_of: Mapping[str, Collection[str]]) -> object:
    """Return the facts of a table with one fact for each kind that a column may name.

    Args:
        facts: As the document has them.
        fields_of: The fields of each kind of fact; a fact that is made keeps those of its kind.
    """
    if not isinstance(facts, list):
        return facts
    expanded: Facts = []
    added: Facts = []  # at the end, so that errors name the right line of all others
    for fact in facts:
        first, *others = _expand(fact, fields_of)
        expanded.append(first)
        added += others
    return expanded + added


def _expand(fact: object, fields_of: Mapping[str, Collection[str]]) -> Facts:
    if not isinstance(fact, dict) or not isinstance(kind := fact.get("kind"), dict):
        return [fact]
    column, when = kind.get("column"), fact.get("when", {})
    if set(kind) - {"column", "values"} or not isinstance(column, str) or not isinstance(when, dict):
        raise violation("the kind of a fact is one word, or in a column", "write `kind: {column: …, values: {…}}`")
    if column in when:
        raise violation(f"{column!r} names the kind and is also a condition", "leave it out of `when:`")
    texts = _texts(kind.get("values"), fields_of)
    known = {field for fields in fields_of.values() for field in fields}
    unknown = {name: value for name, value in fact.items() if name not in known}  # only in the first: one error
    made: Facts = []
    for each, spelled in texts.items():
        fields = {name: value for name, value in fact.items() if name in fields_of.get(each, known)}
        made.append({**({} if made else unknown), **fields, "kind": each, "when": {**when, column: spelled}})
    return made


def _texts(values: object, kinds: Collection[str]) -> dict[str, list[str]]:
    """The texts of the column by kind; without `values`, the usual spellings of the kinds."""
    if values is None:
        return {kind: _spellings(kind) for kind in kinds}
    if not isinstance(values, dict) or not values:
        raise violation(
            "the values of a kind are texts with the kind of each", "write `values: {call: lead-contacted}`"
        )
    texts = defaultdict(list)
    for text, kind in values.items():
        texts[str(kind)].append(str(text))
    return texts


def _spellings(kind: str) -> list[str]:
    joined = re.sub("-", "", kind)  # case is ignored
    return [kind, kind.replace("-", "_"), kind.replace("-", "."), joined, f"leadloop.v1.{joined}"]
