"""The example producers of docs/contract, built once per content into the user's cache.

Each needs the toolchain of its language; a test that needs one that is not installed is skipped, with that reason; with
CI set it fails. The downloads are in the caches of npm, Go and Maven.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.as_user import output_of

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leadloop"
BUILD_SECONDS = 600
NPM = ("npm", "ci", "--no-audit", "--no-fund", "--silent")
# The example must run without Leadloop, which is installed beside it here: an import of it fails.
WITHOUT_LEADLOOP = (
    "import runpy, sys; sys.modules |= dict.fromkeys(('schemas', 'streams', 'workers')); "
    "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
)


@dataclass(frozen=True)
class Toolchain:
    """How a project is built and run. `needs`: commands. `build` is empty if there is nothing to build."""

    needs: tuple[str, ...]
    build: tuple[str, ...]
    run: tuple[str, ...]


TOOLCHAINS: Mapping[str, Toolchain] = {
    "node": Toolchain(("node", "npm"), NPM, ("node", "produce.js")),
    "go": Toolchain(("go",), ("go", "build", "-o", "produce", "."), ("./produce",)),
    "java": Toolchain(
        ("java", "javac", "mvn"),
        (
            *("mvn", "-q", "-B", "compile", "dependency:copy-dependencies"),
            *("-DincludeScope=runtime", "-DoutputDirectory=target/lib"),
        ),
        ("java", "-XX:TieredStopAtLevel=1", "-cp", "target/classes:target/lib/*", "Produce"),
    ),
    "python": Toolchain((), (), (sys.executable, "-c", WITHOUT_LEADLOOP, "produce.py")),
}


@dataclass(frozen=True)
class BuiltProject:
    """A project that is ready to run."""

    folder: Path
    command: tuple[str, ...]

    def run(self, *arguments: str, **env: str) -> str:
        """Run it to its end, which must be exit code 0; returns its standard output."""
        return output_of([*self.command, *arguments], self.folder, **env)


def is_installed(language: str) -> bool:
    """Whether the toolchain of a language is."""
    return all(shutil.which(name) for name in TOOLCHAINS[language].needs)


def built_producer(language: str) -> BuiltProject:
    """The example producer of a language; skips the test if its toolchain is missing, and fails it in CI."""
    toolchain = TOOLCHAINS[language]
    folder = built(ROOT / "docs" / "contract" / "producers" / language, toolchain.needs, toolchain.build)
    return BuiltProject(folder, toolchain.run)


def built_consumer(folder: Path) -> Path:
    """The example consumer in a folder of its own, in which it may generate; its packages are in the cache."""
    source = ROOT / "docs" / "contract" / "consumers" / "node"
    shutil.copytree(source, folder)
    (folder / "node_modules").symlink_to(built(source, ("node", "npm"), NPM) / "node_modules")
    return folder


def built(source: Path, needs: tuple[str, ...], build: tuple[str, ...]) -> Path:
    """A copy of a project in the cache, with what `build` makes there; the same content is built once."""
    if missing := [name for name in needs if shutil.which(name) is None]:
        stop = pytest.fail if os.environ.get("CI") else pytest.skip
        stop(f"{source.relative_to(ROOT)} needs {', '.join(missing)}, which is not installed")
    target = CACHE / f"{source.parent.name}-{source.name}-{_digest(source)}"
    if target.is_dir():
        return target
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        copy = Path(scratch) / source.name
        shutil.copytree(source, copy)
        if build:
            done = subprocess.run(build, cwd=copy, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
            assert done.returncode == 0, f"{' '.join(build)} in {source}: {(done.stdout + done.stderr)[-2000:]}"
        with suppress(OSError):  # another test run has built it meanwhile
            copy.rename(target)
    return target


def _digest(source: Path) -> str:
    content = hashlib.sha256()
    for path in sorted(source.rglob("*")):
        if path.is_file():
            content.update(f"{path.relative_to(source)}\0".encode() + path.read_bytes())
    return content.hexdigest()[:16]
