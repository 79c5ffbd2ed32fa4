"""How the processes of a test run share the tests (pytest-xdist).

Most component and end-to-end tests wait (for sessions to end, outages, time limits of calls), so there are more
processes than cores. The slowest tests start first: one that starts last leaves the other processes idle. A file is the
unit of distribution, except where each of its tests takes long.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    import pytest

HERE = Path(__file__).parent
FOLDERS = ("e2e", "component", "simulation", "contract", "unit")
"""By the time that their files take: unit tests fill the gaps."""
ONE_BY_ONE = (
    "e2e/test_demo.py",
    "e2e/test_olist.py",
    "e2e/test_walk.py",
    "component/test_live.py",
    "component/test_workers.py",
    "component/engine/test_churn.py",
    "component/engine/test_faults.py",
    "component/delivery/test_crash.py",
    "component/delivery/test_hardships.py",
    "component/scenarios/test_generated_history.py",
    "simulation/test_mutants.py",
    "simulation/test_simulation.py",
)
"""Files whose tests are distributed one by one: each takes long, and they share no fixture of the module."""

TOGETHER = tuple(f"component/page/test_{name}.py" for name in ("chromium", "counted", "security"))
"""Files that share a read model and a browser: one process runs them."""


class SlowTestsApart(LoadFileScheduling):  # type: ignore[misc]  # xdist is untyped
    """Distributes whole files, the tests of slow files one by one, and some files together."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0].removeprefix(f"{HERE.name}/")
        if file in TOGETHER:
            return "page"
        return nodeid if file in ONE_BY_ONE else str(super()._split_scope(nodeid))


def start_order(item: pytest.Item) -> tuple[bool, int]:
    """Sort key of tests: slow files first."""
    path = item.path.relative_to(HERE)
    folder = path.parts[0]
    return path.as_posix() not in ONE_BY_ONE, FOLDERS.index(folder) if folder in FOLDERS else len(FOLDERS)
