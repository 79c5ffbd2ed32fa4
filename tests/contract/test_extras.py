"""What is optional is not needed: every process starts without the client of a schema registry."""

import subprocess
import sys

from tests.waiting import TIMEOUT

ENTRIES = (
    "workers.mcp_server.commands",
    "workers.cli",
    "streams.__main__",
    "workers.ingest.run",
    "workers.delivery.configuration",
    "workers.projection.run",
    "workers.report.run",
    "workers.doctor.examination",
    "workers.imports.run",
)
EXTRAS = ("httpx", "authlib", "cachetools", "mcp", "opentelemetry.sdk", "opentelemetry.exporter")
WITHOUT = f"import importlib, sys; sys.modules |= dict.fromkeys({EXTRAS}); "


def _run(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=TIMEOUT, check=False)


def test_every_process_starts_without_the_registry_extra() -> None:
    done = _run(f"{WITHOUT}[importlib.import_module(name) for name in {ENTRIES}]")
    assert done.returncode == 0, done.stderr


def test_a_registry_without_its_client_names_what_to_install() -> None:
    made = "from schemas.registry import RegistryConf; from schemas.connect import open_catalogue; "
    done = _run(f"{WITHOUT}{made}open_catalogue(RegistryConf(url='http://127.0.0.1:9'))")
    assert "RegistryUnavailable: a schema registry needs the package httpx: install leadloop[registry]" in done.stderr


def test_the_server_for_agents_names_what_to_install() -> None:
    done = _run(f"{WITHOUT}import workers.cli; sys.argv[1:] = ['mcp']; workers.cli.cli()")
    assert "leadloop mcp needs the package mcp: install leadloop[mcp]" in done.stderr


def test_traces_name_what_to_install() -> None:
    opened = "import os; os.environ['OTEL_EXPORTER_OTLP_ENDPOINT'] = 'http://127.0.0.1:9'; "
    done = _run(f"{WITHOUT}{opened}from streams.runtime.tracing_setup import open_tracing; open_tracing('ingest')")
    assert "UserError: traces need OpenTelemetry's SDK and its exporter: install leadloop[tracing]" in done.stderr
