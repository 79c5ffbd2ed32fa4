"""The wheel holds everything: unpacked elsewhere, it works without the tree it was built from."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.waiting import TIMEOUT

ROOT = Path(__file__).parents[2]


def _run(*command: str | Path, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_works_outside_of_the_source_tree(tmp_path: Path) -> None:
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    away = tmp_path / "away"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(away)
    where = "import schemas.codec; print(schemas.codec.__file__)"
    assert _run(sys.executable, "-c", where, cwd=away, PYTHONPATH=str(away)).startswith(str(away))
    said = _run(
        sys.executable, "-m", "workers.cli", "demo", "--leads", "20", "--speed", "0", cwd=away, PYTHONPATH=str(away)
    )
    assert "What happened." in said
