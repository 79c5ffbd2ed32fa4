"""What is optional is not needed: every process starts without the client of a schema registry."""

import subprocess
import sys

from tests.patience import STUCK

ENTRIES = (
    "workers.cli",
    "streams.__main__",
    "workers.ingest.run",
    "workers.delivery.wiring",
    "workers.projection.run",
    "workers.report.run",
    "workers.doctor.examination",
    "workers.imports.run",
)
WITHOUT = "import importlib, sys; sys.modules |= dict.fromkeys(('httpx', 'authlib', 'cachetools')); "


def _run(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=STUCK, check=False)


def test_without_the_extra_every_process_can_be_started() -> None:
    done = _run(f"{WITHOUT}[importlib.import_module(name) for name in {ENTRIES}]")
    assert done.returncode == 0, done.stderr


def test_who_names_a_registry_then_is_told_what_to_install() -> None:
    made = "from schemas.registry import RegistryConf; from schemas.catalogue import Catalogue; "
    done = _run(f"{WITHOUT}{made}Catalogue.from_registry(RegistryConf(url='http://127.0.0.1:9'))")
    assert "RegistryUnavailable: a registry is asked through httpx: install leadloop[registry]" in done.stderr
