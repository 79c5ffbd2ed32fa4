"""What the command line says when something does not fit: in words, what to do, and an exit code; never a traceback."""

import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.kafka import Broker
from tests.waiting import TIMEOUT
from tests.world import World

NOBODY = "127.0.0.1:9"


def run(*command: str, folder: Path, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LEADLOOP_", "KAFKA_", "SCHEMA_"))}
    return subprocess.run(
        [sys.executable, "-m", *command],
        env={**clean, **(env or {})},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


CASES: dict[str, tuple[tuple[str, ...], dict[str, str], int, str]] = {
    "broker away": (("workers.cli", "topics", "create"), {"KAFKA_BOOTSTRAP_SERVERS": NOBODY}, 2, "does not answer"),
    "no broker named": (("workers.cli", "tail"), {}, 2, "KAFKA_BOOTSTRAP_SERVERS is not set"),
    "bad settings": (
        ("workers.cli", "tail"),
        {"KAFKA_BOOTSTRAP_SERVERS": NOBODY, "LEADLOOP_TOPIC_PREFIX": "no spaces"},
        2,
        "LEADLOOP_TOPIC_PREFIX=no spaces",
    ),
    "unknown topic": (("workers.cli", "tail", "leads"), {"KAFKA_BOOTSTRAP_SERVERS": NOBODY}, 2, "no such topic: leads"),
    "no such policy": (("workers.cli", "policy", "check", "nope.yml"), {}, 2, "nope.yml cannot be read"),
    "bad policy": (("workers.cli", "policy", "check", "bad.yml"), {}, 2, "bad.yml:1"),
    "no such mapping": (("workers.cli", "demo", "--data", ".", "--mapping", "nope.yml"), {}, 2, "nope.yml"),
    "no time": (
        ("workers.cli", "import", "--until", "tomorrow"),
        {"KAFKA_BOOTSTRAP_SERVERS": NOBODY},
        2,
        "--until tomorrow is not a time",
    ),
    "before time": (
        ("workers.cli", "import", "--until", "1969-01-01"),
        {"KAFKA_BOOTSTRAP_SERVERS": NOBODY},
        2,
        "before 1970",
    ),
    "nothing to push to": (("workers.cli", "schemas", "push"), {}, 2, "SCHEMA_REGISTRY_URL is not set"),
    "no registry": (
        ("workers.cli", "schemas", "push"),
        {"SCHEMA_REGISTRY_URL": "nonsense"},
        2,
        "no http:// or https:// address",
    ),
    "worker without broker": (("streams",), {}, 2, "KAFKA_BOOTSTRAP_SERVERS is not set"),
    "worker with a bad policy": (
        ("streams",),
        {"KAFKA_BOOTSTRAP_SERVERS": NOBODY, "LEADLOOP_POLICY_FILE": "bad.yml"},
        2,
        "bad.yml:1",
    ),
    "worker with a policy that is no text": (
        ("streams",),
        {"KAFKA_BOOTSTRAP_SERVERS": NOBODY, "LEADLOOP_POLICY_FILE": "binary.yml"},
        2,
        "binary.yml cannot be read",
    ),
    "certificates that are none": (
        ("streams",),
        {
            "KAFKA_BOOTSTRAP_SERVERS": NOBODY,
            "KAFKA_SECURITY_PROTOCOL": "SSL",
            "KAFKA_SSL_CA_LOCATION": "bad.yml",
        },
        2,
        "certificates cannot be used",
    ),
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> "dict[str, subprocess.CompletedProcess[str]]":
    """All at once: one of them waits for a broker that is not there."""
    folder = tmp_path_factory.mktemp("said")
    (folder / "bad.yml").write_text("promise: {never_contacted: soon}\n")
    (folder / "binary.yml").write_bytes(b"\xff\xfe\x00")
    with ThreadPoolExecutor(3) as pool:
        begun = {case: pool.submit(run, *CASES[case][0], folder=folder, env=CASES[case][1]) for case in CASES}
        return {case: future.result() for case, future in begun.items()}


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_told_in_words(said: "dict[str, subprocess.CompletedProcess[str]]", case: str) -> None:
    (_, _, code, words), done = CASES[case], said[case]
    assert (done.returncode, words in done.stderr) == (code, True), done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_two_workers_do_not_share_a_directory_nor_a_port(real_kafka: Broker, tmp_path: Path) -> None:
    world = World.on_real(real_kafka.bootstrap, tmp_path)
    try:
        first = world.streams()
        first.wait_ready()
        env = world.env(LEADLOOP_DATA_DIR=str(first.log.parent))
        assert "belongs to a running worker" in run("streams", folder=tmp_path, env=env).stderr
        env = world.env(LEADLOOP_DATA_DIR=str(tmp_path / "b"), LEADLOOP_METRICS_PORT=str(first.port()))
        taken = run("streams", folder=tmp_path, env=env)
        assert (taken.returncode, "LEADLOOP_METRICS_PORT" in taken.stderr) == (2, True), taken.stderr
        assert (tmp_path / "b").stat().st_mode & 0o777 == 0o700, "a new directory with leads is the worker's own"
    finally:
        world.close()


def test_topics_that_are_not_there_are_named_with_what_to_do(real_kafka: Broker, tmp_path: Path) -> None:
    world = World(real_kafka.bootstrap, tmp_path)
    done = run("workers.cli", "tail", "lead-created", folder=tmp_path, env=world.env())
    assert done.returncode == 2
    assert "leadloop topics create" in done.stderr


def test_only_a_strict_import_minds_rejected_rows(real_kafka: Broker, tmp_path: Path) -> None:
    world = World.on_real(real_kafka.bootstrap, tmp_path)
    (tmp_path / "rows.csv").write_text("lead,when\nada,2026-03-02\n,2026-03-02\n")
    (tmp_path / "m.yml").write_text(
        "source: x\ntables:\n  t:\n    files: '*.csv'\n    facts:\n"
        "      - {kind: lead-created, lead_id: lead, occurred_at: when}\n"
    )
    command = ("workers.cli", "import", "rows.csv", "--mapping", "m.yml")
    assert run(*command, folder=tmp_path, env=world.env()).returncode == 0
    strict = run(*command, "--strict", folder=tmp_path, env=world.env())
    assert strict.returncode == 1
    assert "1 rows rejected" in strict.stdout
    assert (tmp_path / "rejects.jsonl").exists()
