"""An import-linter contract: no two files import each other, directly or through others.

`acyclic_siblings` of import-linter compares packages, and does not see a cycle between a package's `__init__` and a
module inside of it. This one looks at files. Imports under TYPE_CHECKING count: a reader follows them as well.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

import grimp
from importlinter import Contract, ContractCheck, fields, output
from importlinter.application import contract_utils

Cycle = tuple[str, ...]


class AcyclicFiles(Contract):
    """`ignore_imports`: cycles that are known, as "importer -> imported"."""

    type_name = "acyclic_files"

    ignore_imports = fields.SetField(subfield=fields.ImportExpressionField(), required=False)

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002  import-linter's signature
        removal = contract_utils.remove_ignored_imports_and_report(
            graph=graph,
            ignore_imports=self.ignore_imports,  # type: ignore[arg-type]  # its value, on an instance
            unmatched_alerting=contract_utils.AlertLevel.ERROR,
        )
        imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
        cycles = sorted(cycles_of(imports))
        return ContractCheck(kept=not cycles, warnings=list(removal.warnings), metadata={"cycles": cycles})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for cycle in check.metadata["cycles"]:
            output.print_error(f"These files import each other: {', '.join(cycle)}")


def cycles_of(imports: Mapping[str, AbstractSet[str]]) -> Iterator[Cycle]:
    """Every largest set of two or more files of which each reaches each other by imports.

    Args:
        imports: The files that each file imports.
    """
    reached = {file: _reached(imports, file) for file in imports}
    seen: set[str] = set()
    for file in sorted(imports):
        if file not in seen and file in reached[file]:
            cycle = tuple(sorted(other for other in reached[file] if file in reached.get(other, ())))
            seen.update(cycle)
            yield cycle


def _reached(imports: Mapping[str, AbstractSet[str]], start: str) -> set[str]:
    reached: set[str] = set()
    todo = [start]
    while todo:
        new = imports.get(todo.pop(), set()) - reached
        reached |= new
        todo += new
    return reached
