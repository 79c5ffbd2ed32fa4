"""The parts of the demo as processes: they say where they are, why they ended, and end with whoever started them."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from tests.waiting import TIMEOUT, wait_for
from workers.demo import supervised
from workers.demo.child_process import ChildProcess, DemoFailed, get
from workers.demo.marketing import main

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(99)"
ORPHAN = """
import os, signal, sys
from pathlib import Path
from workers.demo.child_process import ChildProcess
part = ChildProcess("redis", Path(sys.argv[1]), ("workers.demo.redis_server",), {})
print(part.wait_for_address(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def a_part(folder: Path, *module: str) -> ChildProcess:
    return ChildProcess("part", folder, module, {})


def test_the_redis_of_the_demo_keeps_what_is_written(tmp_path: Path) -> None:
    part = a_part(tmp_path, "workers.demo.redis_server")
    try:
        with Redis.from_url(f"{part.wait_for_address()}/0") as client, client.pipeline() as pipe:
            pipe.watch("a")
            pipe.multi()
            pipe.set("a", "b")
            pipe.execute()
            assert client.get("a") == b"b"
    finally:
        part.end()


def test_a_part_ends_with_whoever_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ORPHAN, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    port = int(ended.stdout.rpartition(":")[2])
    wait_for(lambda: not _listens(port), within=30)


def test_a_part_that_has_ended_says_so_with_its_log(tmp_path: Path) -> None:
    part = a_part(tmp_path, "workers.demo.marketing", "--secret-file", str(tmp_path / "none"))
    with pytest.raises(DemoFailed, match=r"part ended with 2; its log ends:\n.*none"):
        part.wait_for_address()
    part.end()


def test_a_part_gets_none_of_our_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADLOOP_APP_ID", "ours")
    (tmp_path / "probe.py").write_text("import os; print([n for n in os.environ if n.startswith('LEADLOOP')])")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    part = a_part(tmp_path, "probe")
    wait_for(lambda: part.log.read_text() == "[]\n", within=20)
    part.end()


def test_who_will_not_end_is_made_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "GRACE_SECONDS", 0.2)
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        assert supervised.end(process) == -signal.SIGKILL


def test_the_marketing_tool_says_what_it_cannot_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    assert main(["--secret-file", str(secret)]) == 2
    assert "hunter2" not in capsys.readouterr().err


def test_who_does_not_answer_says_nothing() -> None:
    assert get("http://127.0.0.1:1/") is None


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
