"""Write the dashboards: `python -m deploy.grafana.generate`. A test compares the files with the output of this module."""

from collections.abc import Mapping
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from . import delivery, loop, overview, pipeline

FOLDER = Path(__file__).parent / "dashboards"


def made() -> Mapping[Path, str]:
    """Return the expected content of each file."""
    boards = {
        "overview": overview.dashboard(),
        "pipeline": pipeline.dashboard(),
        "delivery": delivery.dashboard(),
        "loop": loop.dashboard(),
    }
    encoder = JSONEncoder(sort_keys=True, indent=2)
    return {FOLDER / f"{name}.json": encoder.encode(built.build()) + "\n" for name, built in boards.items()}


def main() -> None:
    """Write all dashboards."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
