"""Sizes of functions and files: `python -m tests.code_sizes` prints them, test_code_sizes.py limits them.

The length of a function is its number of lines without its docstring, so that documentation costs nothing.
"""

from __future__ import annotations

import ast
import os
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[1]
PRODUCT = ("schemas", "streams", "workers")
ALL = (*PRODUCT, "deploy", "tests")
LONGEST_FILE = 300


class Function(NamedTuple):
    """A function or method, and the number of its lines."""

    lines: int
    place: str


class Sizes(NamedTuple):
    """Lengths of functions: their number, median, 95th percentile, and the longest."""

    functions: int
    median: float
    p95: int
    longest: Function

    def __str__(self) -> str:
        lines, place = self.longest
        return f"{self.functions} functions: median {self.median:g}, p95 {self.p95}, longest {lines} ({place})"


def files(packages: Iterable[str] = ALL) -> Iterator[Path]:
    for package in packages:
        yield from sorted((ROOT / package).rglob("*.py"))


def sizes(packages: Iterable[str] = PRODUCT) -> Sizes:
    """Measure all functions of these packages."""
    found = sorted(function for path in files(packages) for function in functions_of(path))
    lengths = [one.lines for one in found]
    return Sizes(len(found), statistics.median(lengths), lengths[int(0.95 * len(lengths))], found[-1])


def functions_above(lines: int, packages: Iterable[str] = ALL) -> list[Function]:
    return [one for path in files(packages) for one in functions_of(path) if one.lines > lines]


def files_above(lines: int = LONGEST_FILE, packages: Iterable[str] = ALL) -> dict[str, int]:
    """The files that are longer, with the number of their lines."""
    counted = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files(packages)}
    return {str(path.relative_to(ROOT)): count for path, count in counted.items() if count > lines}


def functions_of(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(_length(node), f"{os.path.relpath(path, ROOT)}:{node.lineno} {node.name}")


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    match node.body:
        case [ast.Expr(value=ast.Constant(value=str())) as docstring, _, *_]:
            undocumented = docstring.lineno - (docstring.end_lineno or docstring.lineno) - 1
        case _:
            undocumented = 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 + undocumented


def main() -> None:
    """Print sizes by package, and the files that are too long."""
    for packages in (PRODUCT, *((package,) for package in ALL)):
        print(f"{' '.join(packages):24} {sizes(packages)}")  # noqa: T201
    for name, count in files_above().items():
        print(f"above {LONGEST_FILE} lines: {name} ({count})")  # noqa: T201


if __name__ == "__main__":
    main()
