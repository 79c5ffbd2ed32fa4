"""kubeconform, built by Go from its module, with the schemas that kubernetes-validate brings."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import kubernetes_validate
import yaml

from tests.waiting import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

VERSION = "v0.7.0"
SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"


class NoKubeconform(Exception):
    """It cannot be had on this machine."""


def kubeconform() -> Path:
    """The program; built once, into the user's cache.

    Raises:
        NoKubeconform: there is no Go, or its modules cannot be fetched.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leadloop"
    found = cache / f"kubeconform-{VERSION}" / "kubeconform"
    if not found.exists():
        _build(found.parent)
    return found


def _build(target: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise NoKubeconform("go is not installed")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        command = [go, "install", f"github.com/yannh/kubeconform/cmd/kubeconform@{VERSION}"]
        env = {**os.environ, "GOBIN": scratch}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            raise NoKubeconform(f"go could not build kubeconform: {done.stderr[-500:]}")
        with suppress(OSError):  # another run was faster
            shutil.copytree(scratch, target)


def faults(objects: Sequence[Mapping[str, Any]], version: str, folder: Path) -> list[str]:
    """What kubeconform has against these objects; `version` of Kubernetes, as in 1.37; schemas go into the folder."""
    schemas = max(SCHEMAS.glob(f"v{version}.*-strict"))
    for one in objects:
        name = _schema_of(one)
        if not (folder / name).exists():
            (folder / name).write_text(_standing_alone(schemas, name), encoding="utf-8")
    location = f"{folder}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    command = [str(kubeconform()), "-strict", "-output", "json", "-schema-location", location, "-"]
    given = yaml.safe_dump_all(objects)
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    said = json.loads(done.stdout)["resources"]
    return [f"{one['kind']} {one['name']}: {one['msg']}" for one in said if one["status"] != "statusValid"]


def _schema_of(one: Mapping[str, Any]) -> str:
    """Where kubeconform looks for it: `deployment-apps-v1.json`, `service-v1.json`."""
    group, _, version = one["apiVersion"].rpartition("/")
    return "-".join(filter(None, (one["kind"].lower(), group.partition(".")[0], version))) + ".json"


def _standing_alone(schemas: Path, name: str) -> str:
    """A schema with the definitions that it refers to: kubeconform does not follow it into another file."""
    schema, definitions = (
        json.loads((schemas / one).read_text(encoding="utf-8").replace("/api/_definitions.json#", "#"))
        for one in (name, "_definitions.json")
    )
    return json.dumps({**schema, "$defs": definitions["$defs"]})
