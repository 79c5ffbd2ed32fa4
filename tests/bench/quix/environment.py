"""An environment of Quix Streams' own: it asks for another confluent-kafka and another pydantic than Leadloop."""

import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

LOCK = Path(__file__).with_name("requirements.lock")


class NoQuix(Exception):
    """Its environment cannot be made on this machine."""


def python() -> Path:
    """Its interpreter; at first use, and after a change of the lock, uv makes the environment in the user's cache.

    Raises:
        NoQuix: uv is missing, or could not fetch the packages.
    """
    digest = sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leadloop"
    home = cache / f"quix-{digest}"
    if not (home / "installed").exists():
        _make(home)
    return home / "bin" / "python"


def _make(home: Path) -> None:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv is None:
        raise NoQuix("uv is not installed")
    home.parent.mkdir(parents=True, exist_ok=True)
    _run(uv, "venv", "--clear", "--python", sys.executable, str(home))
    _run(uv, "pip", "install", "--python", str(home / "bin" / "python"), "--require-hashes", "-r", str(LOCK))
    (home / "installed").touch()


def _run(*command: str) -> None:
    done = subprocess.run([*command, "--quiet"], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise NoQuix(f"uv could not make its environment: {done.stderr[-500:]}")
