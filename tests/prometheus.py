"""Prometheus for tests: finds its programs or fetches them, runs one, and asks it.

promtool, prometheus, amtool and alertmanager come out of PATH, else out of Debian's packages, fetched once by apt-get
into the user's cache and unpacked there: no root, nothing installed. With LEADLOOP_REQUIRE_KAFKA=1 they must be had.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from tests.kafka import free_ports
from tests.waiting import TIMEOUT, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PACKAGES = ("prometheus", "prometheus-alertmanager")
TEMPLATES = "/usr/share/prometheus/alertmanager"
OTHER_NAMES = {"alertmanager": "prometheus-alertmanager"}  # as Debian calls it


class NoPrometheus(Exception):
    """Prometheus' programs cannot be had on this machine."""


def program(name: str) -> str:
    """The path of promtool, prometheus, amtool or alertmanager.

    Raises:
        NoPrometheus: it is not installed, and there is no apt-get to fetch it, or it could not.
    """
    names = (name, OTHER_NAMES.get(name, name))
    cached = _cache() / "prometheus" / "usr" / "bin"
    path = os.pathsep.join((os.environ.get("PATH", ""), str(cached)))
    found = next(filter(None, (shutil.which(one, path=path) for one in names)), None)
    if found is None:
        _fetch(_cache() / "prometheus")
        found = next(filter(None, (shutil.which(one, path=path) for one in names)), None)
    if found is None:
        raise NoPrometheus(f"{name} is not in Debian's packages {', '.join(PACKAGES)}")
    return found


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leadloop"


def _fetch(target: Path) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise NoPrometheus(
            "install Prometheus and Alertmanager (promtool and amtool among them): no apt-get to fetch them"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        _download(Path(scratch))
        for package in Path(scratch).glob("*.deb"):
            _run(["dpkg-deb", "-x", str(package), f"{scratch}/root"])
        with suppress(OSError):  # another run was faster
            (Path(scratch) / "root").rename(target)


def _download(folder: Path) -> None:
    """Lists and cache of its own: those of the system may be empty, and are root's."""
    (folder / "lists" / "partial").mkdir(parents=True)
    (folder / "cache" / "archives" / "partial").mkdir(parents=True)
    own = {"Dir::State::Lists": "lists", "Dir::Cache": "cache"}
    options = [f"-o{name}={folder / place}" for name, place in own.items()]
    options += ["-oAPT::Sandbox::User=root", "-oDebug::NoLocking=1"]
    _run(["apt-get", "-qq", *options, "update"])
    _run(["apt-get", "-qq", *options, "download", *PACKAGES], folder)


def _run(command: Sequence[str], folder: Path | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False, cwd=folder)
    if done.returncode:
        raise NoPrometheus(f"{' '.join(command[:1])} could not fetch Prometheus: {(done.stdout + done.stderr)[-500:]}")


class Prometheus:
    """A running Prometheus, asked over its API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expression: str, at: float | None = None) -> list[dict[str, Any]]:
        """The series of an instant query.

        Raises:
            ValueError: Prometheus does not understand it; with what it says.
        """
        return self._ask("query", query=expression, time=str(at or time.time()))  # type: ignore[no-any-return]

    def query_range(self, expression: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        """The series of a range query, each with its `values`."""
        return self._ask("query_range", query=expression, start=str(start), end=str(end), step=str(step))  # type: ignore[no-any-return]

    def exemplars(self, series: str, start: float) -> list[dict[str, str]]:
        """The labels of every exemplar of a series since then."""
        found = self._data("query_exemplars", query=series, start=str(start), end=str(time.time()))
        return [one["labels"] for series in found for one in series["exemplars"]]

    def targets(self) -> dict[str, str]:
        """The health of each target: up, down or unknown."""
        active = self._data("targets", state="active")["activeTargets"]
        return {one["scrapeUrl"]: one["health"] for one in active}

    def reload(self) -> None:
        """Read its configuration and its rules anew."""
        with urlopen(Request(f"{self.url}/-/reload", method="POST"), timeout=20):  # noqa: S310  our own, on this machine
            pass

    def alerts(self) -> list[dict[str, Any]]:
        """Every alert that fires or is about to."""
        found: list[dict[str, Any]] = self._data("alerts")["alerts"]
        return found

    def firing(self) -> set[str]:
        """The names of the alerts that fire now."""
        return {one["labels"]["alertname"] for one in self.alerts() if one["state"] == "firing"}

    def _ask(self, what: str, **arguments: str) -> Any:
        return self._data(what, **arguments)["result"]

    def _data(self, what: str, **arguments: str) -> Any:
        request = Request(f"{self.url}/api/v1/{what}?{urlencode(arguments)}")  # noqa: S310  our own, on this machine
        try:
            with urlopen(request, timeout=20) as answer:  # noqa: S310
                return json.load(answer)["data"]
        except HTTPError as error:
            raise ValueError(f"{arguments}: {error.read().decode()[:500]}") from error


@contextmanager
def running_prometheus(folder: Path, configuration: str) -> Iterator[Prometheus]:
    """Prometheus with this configuration, whose paths are relative to `folder`, for as long as the block lasts."""
    (folder / "prometheus.yml").write_text(configuration, encoding="utf-8")
    (port,) = free_ports(1)
    flags = [f"--web.listen-address=127.0.0.1:{port}", f"--config.file={folder}/prometheus.yml"]
    flags += [
        f"--storage.tsdb.path={folder}/data",
        "--enable-feature=exemplar-storage",
        "--web.enable-lifecycle",
        "--rules.alert.resend-delay=1s",
    ]
    with _process([program("prometheus"), *flags], folder / "prometheus.log", f"http://127.0.0.1:{port}/-/ready"):
        yield Prometheus(f"http://127.0.0.1:{port}")


@contextmanager
def running_alertmanager(folder: Path, configuration: str) -> Iterator[str]:
    """Alertmanager with this configuration; gives its address, host:port."""
    (folder / "alertmanager.yml").write_text(configuration, encoding="utf-8")
    (port,) = free_ports(1)
    flags = [f"--web.listen-address=127.0.0.1:{port}", f"--config.file={folder}/alertmanager.yml"]
    flags += [f"--storage.path={folder}/alerts", "--cluster.listen-address="]
    with _process([_standing_alone(folder), *flags], folder / "alertmanager.log", f"http://127.0.0.1:{port}/-/ready"):
        yield f"127.0.0.1:{port}"


def _standing_alone(folder: Path) -> str:
    """Alertmanager; where it was unpacked and not installed, a copy that finds its templates.

    Debian's reads them from a folder that only an installed package has. A name of the same length takes its place.
    """
    found = Path(program("alertmanager"))
    if Path(TEMPLATES).exists() or not found.is_relative_to(_cache()):
        return str(found)
    place = Path(tempfile.mkdtemp(prefix="am", dir="/tmp"))
    place = place / ("t" * (len(TEMPLATES) - len(str(place)) - 1))
    place.symlink_to(_cache() / "prometheus" / TEMPLATES.lstrip("/"))
    copy = folder / "alertmanager"
    copy.write_bytes(found.read_bytes().replace(TEMPLATES.encode(), str(place).encode()))
    copy.chmod(0o755)
    return str(copy)


@contextmanager
def _process(command: Sequence[str], log: Path, ready: str) -> Iterator[None]:
    with log.open("wb") as sink, subprocess.Popen(command, stdout=sink, stderr=sink) as process:
        try:
            wait_for(lambda: process.poll() is not None or _answers(ready), 60)
            assert process.poll() is None, log.read_text(errors="replace")[-2000:]
            yield
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False
