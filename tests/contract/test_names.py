"""One name stands for one thing: class names and module names over schemas, streams and workers.

A name that is defined twice is listed here with the reason why it is one concept in each place.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "streams", "workers")

CLASSES: dict[str, str] = {
    "Headers": "the headers of a Kafka record, read-only on the hot path and a list elsewhere",
    "PassSummary": "the summary of a pass: as the state holds it, and as the API shows it",
    "Row": "the cells of one row of a file",
}
"""Public classes and type aliases that are defined in several modules, and why."""

_PER_PACKAGE = "one a package, the same duty in each"
MODULES: dict[str, str] = {
    "app": _PER_PACKAGE + ": builds the application",
    "commandline": _PER_PACKAGE + ": the options of its commands",
    "commands": _PER_PACKAGE + ": what its commands do",
    "errors": _PER_PACKAGE + ": its errors, drawn as a tree",
    "metrics": _PER_PACKAGE + ": every series stands once in it",
    "relied_on": _PER_PACKAGE + ": undocumented behaviour that it relies on",
    "render": _PER_PACKAGE + ": text for terminals",
    "run": _PER_PACKAGE + ": wires and runs its process",
    "store": _PER_PACKAGE + ": where its state is kept",
    "worker": _PER_PACKAGE + ": its loop",
    "records": _PER_PACKAGE + ": makes the records that it publishes",
    "recovery": _PER_PACKAGE + ": reads its state back from Kafka",
    "hubspot": "the vendor: its webhooks come in, its API is called",
    "broker": "Kafka: the demo's own, and doctor's check of one",
    "destinations": "addresses that others chose: vetted, and checked by doctor",
    "documents": "YAML documents: read, and checked by doctor",
    "registry": "the schema registry: its interface, and doctor's check of it",
    "topics": "the table of topics, and doctor's check of it",
    "events": "the records, and events over HTTP that become them",
}
"""Module names that occur in several packages, and why."""


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def types_of(tree: ast.Module) -> Iterator[str]:
    """The public classes and type aliases of a module."""
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript() | ast.BinOp()) if name[:1].isupper():
                if not name.isupper():
                    yield name


def repeated_types() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for path in sources():
        for name in types_of(ast.parse(path.read_text(encoding="utf-8"))):
            if not name.startswith("_"):
                found[name].append(str(path.relative_to(ROOT)))
    return {name: places for name, places in found.items() if len(places) > 1}


def repeated_modules() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for path in sources():
        if path.stem not in {"__init__", "__main__"}:
            found[path.stem].append(str(path.relative_to(ROOT)))
    return {name: places for name, places in found.items() if len(places) > 1}


def test_no_class_name_is_defined_twice_without_a_reason() -> None:
    found = repeated_types()
    assert {name: places for name, places in found.items() if name not in CLASSES} == {}
    assert sorted(set(CLASSES) - set(found)) == [], "no longer repeated: remove the reason"


def test_no_module_name_is_used_twice_without_a_reason() -> None:
    found = repeated_modules()
    assert {name: places for name, places in found.items() if name not in MODULES} == {}
    assert sorted(set(MODULES) - set(found)) == [], "no longer repeated: remove the reason"
