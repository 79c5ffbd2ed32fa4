"""The wheel holds everything: unpacked elsewhere, it works without the tree it was built from."""

import sys
import zipfile
from pathlib import Path

from tests.as_user import output_of

ROOT = Path(__file__).parents[2]


def test_the_wheel_works_outside_of_the_source_tree(tmp_path: Path) -> None:
    output_of([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    away = tmp_path / "away"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(away)
    where = "import schemas.codec; print(schemas.codec.__file__)"
    assert output_of([sys.executable, "-c", where], away, PYTHONPATH=str(away)).startswith(str(away))
    demo = [sys.executable, "-m", "workers.cli", "demo", "--leads", "20", "--speed", "0"]
    said = output_of(demo, away, PYTHONPATH=str(away))
    assert "What happened until" in said
