"""This machine: disk space for the state, and the probes of the named processes."""

import os
import shutil
from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from streams.runtime.settings import Settings

from .findings import Finding, fail, ok, warn

PROBE_SECONDS = 3.0
LITTLE_BYTES = 2_000_000_000  # as LeadloopStoreFilling has it
LEAST_BYTES = 200_000_000


def data_dir(settings: Settings) -> list[Finding]:
    """Check the directory of streams' state; if it does not exist yet, the directory that it will be created in."""
    if settings.store == "memory":
        return [ok("data dir", "none is needed: LEADLOOP_STORE=memory")]
    wanted = settings.data_dir.absolute()
    there = next(path for path in (wanted, *wanted.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        todo = "let the user of streams write there, or set LEADLOOP_DATA_DIR"
        return [fail("data dir", f"{there} is no directory that this user may write to", todo)]
    return [room(wanted, shutil.disk_usage(there).free)]


def room(path: Path, free: int) -> Finding:
    found = f"{free / 1e9:.1f} GB free for {path}"
    todo = "enlarge the volume, or clear the directory while its worker is stopped: it recovers from Kafka"
    if free < LEAST_BYTES:
        return fail("data dir", found, todo)
    return warn("data dir", found, todo) if free < LITTLE_BYTES else ok("data dir", found)


def probe(url: str) -> list[Finding]:
    """The probe of one process; the default path is `/readyz`."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    address = parts._replace(path=parts.path.rstrip("/") or "/readyz").geturl()
    about = f"probe {parts.hostname}:{parts.port or parts.scheme}"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return [fail(about, "no http:// address", "write --probe http://host:8001")]
    try:
        with urlopen(address, timeout=PROBE_SECONDS) as answer:  # noqa: S310  http(s) only
            return [_response_finding(about, answer.status, answer.read(500))]
    except HTTPError as error:
        with error:
            return [_response_finding(about, error.code, error.read(500))]
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return [fail(about, f"no answer: {reason}", "start the process, or name the address that its log shows")]


def _response_finding(about: str, status: int, body: bytes) -> Finding:
    text = " ".join(body.decode(errors="replace").split())[:200]
    if status == HTTPStatus.OK:
        return ok(about, text)
    todo = "it is not ready: see its log, and docs/runbooks.md"
    return fail(about, f"{status} {text}", todo)
