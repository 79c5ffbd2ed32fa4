"""Write the generated files of deploy/: `python -m deploy.generate`. A test compares them with its output.

Generated from deploy/acls.yml and schemas/topics.py: access lists and Strimzi's objects. Copied into the chart, which
has to be self-contained: the rules of Prometheus and the dashboards of Grafana.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy import acl_script, strimzi_objects

HERE = Path(__file__).parent
CHART_FILES = HERE / "helm" / "leadloop" / "files"
COPIED = (
    (HERE / "prometheus" / "rules", CHART_FILES / "rules", "*.yml"),
    (HERE / "grafana" / "dashboards", CHART_FILES / "dashboards", "*.json"),
)
_MADE = "# Made by `make manifests` out of deploy/acls.yml and schemas/topics.py.\n"
_TOPICS = _MADE + (
    "# Strimzi 0.49 or newer (before it: v1beta2). Use these or `leadloop topics create`, not both. Adapt the name\n"
    "# of the cluster; and the partitions before anything is written: later they cannot change without moving leads.\n"
)
_USERS = (
    _MADE
    + "# What each process needs, and no more. A user's Secret holds its password: name it in the chart's values.\n"
)


def made() -> dict[Path, str]:
    """Return the expected content of each generated file."""
    access = yaml.safe_load((HERE / "acls.yml").read_text(encoding="utf-8"))
    return {
        HERE / "kafka-acls.sh": acl_script.script(access),
        HERE / "strimzi" / "topics.yml": _TOPICS + _documents(strimzi_objects.topics()),
        HERE / "strimzi" / "users.yml": _USERS + _documents(strimzi_objects.users(access)),
        **dict(_copies()),
    }


def stray() -> list[Path]:
    """Return the chart's copies whose original no longer exists."""
    wanted = made()
    return [path for _, target, pattern in COPIED for path in target.glob(pattern) if path not in wanted]


def _copies() -> Iterator[tuple[Path, str]]:
    for source, target, pattern in COPIED:
        for path in sorted(source.glob(pattern)):
            yield target / path.name, path.read_text(encoding="utf-8")


def _documents(objects: Iterable[Mapping[str, Any]]) -> str:
    return "".join("---\n" + yaml.safe_dump(dict(one), sort_keys=False, width=120) for one in objects)


def main() -> None:
    """Write all generated files, and delete copies whose original no longer exists."""
    for path in stray():
        path.unlink()
    for path, text in made().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (HERE / "kafka-acls.sh").chmod(0o755)


if __name__ == "__main__":
    main()
