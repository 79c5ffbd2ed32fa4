"""The software bill of materials of the container image: every package of its lock file, with version and hashes."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.observability import ROOT

LOCK = ROOT / "deploy/requirements-runtime.lock"


def written(target: Path) -> dict[str, Any]:
    """What `make sbom` writes, by the command in the Makefile."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", "")
    (line,) = re.findall(r"^\t\$\(BIN\)/cyclonedx-py (.+) -o dist/leadloop\.cdx\.json$", text, re.MULTILINE)
    command = [sys.executable, "-m", "cyclonedx_py", *shlex.split(line), "-o", str(target)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120, capture_output=True)
    found: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    return found


def test_the_sbom_has_every_package_of_the_image_with_its_version_and_hashes(tmp_path: Path) -> None:
    pinned = dict(re.findall(r"^([\w.-]+)==([^ ;\\]+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    sbom = written(tmp_path / "leadloop.cdx.json")
    assert sbom["bomFormat"] == "CycloneDX"
    assert sbom["metadata"]["component"]["name"] == "leadloop"
    assert {one["name"]: one["version"] for one in sbom["components"]} == pinned
    for one in sbom["components"]:
        assert one["purl"].startswith(f"pkg:pypi/{one['name'].lower()}@{one['version']}")
        assert any(reference.get("hashes") for reference in one["externalReferences"]), one["name"]
