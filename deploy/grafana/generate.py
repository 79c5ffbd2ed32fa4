"""Writes the dashboards: `python -m deploy.grafana.generate`. A test holds the files to what this would write."""

from collections.abc import Mapping
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from . import delivery, loop, overview, pipeline

FOLDER = Path(__file__).parent / "dashboards"


def made() -> Mapping[Path, str]:
    """Each file, and what it should hold."""
    boards = {
        "overview": overview.dashboard(),
        "pipeline": pipeline.dashboard(),
        "delivery": delivery.dashboard(),
        "loop": loop.dashboard(),
    }
    encoder = JSONEncoder(sort_keys=True, indent=2)
    return {FOLDER / f"{name}.json": encoder.encode(built.build()) + "\n" for name, built in boards.items()}


def main() -> None:
    """Write them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
