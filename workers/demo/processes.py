"""The processes of the demo: a broker, a Redis, a marketing tool and Leadloop's own, all in parallel."""

import base64
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from schemas.topics import TOPICS, changelog_of
from workers.http.keys import digest_of, new_key

from .broker import EmbeddedBroker
from .child_process import ChildProcess

APP_ID = "leadloop-demo"
PARTITIONS = 4
ENDPOINT = "marketing"
SESSION_SECONDS = 10
_LEADLOOP = ("ingest", "deliver", "project", "report")


@dataclass(frozen=True)
class DemoFiles:
    """The files of the demo: keys, secrets and endpoints in one folder; the key may ingest and read."""

    folder: Path
    key: str
    secret_file: Path
    keys_file: Path
    endpoints_file: Path
    policy_file: Path

    @classmethod
    def create(cls, folder: Path) -> "DemoFiles":
        names = ("marketing.secret", "keys.yml", "endpoints.yml", "policy.yml")
        files = cls(folder, new_key(), *(folder / name for name in names))
        files.policy_file.write_text('version: "1"\n', encoding="utf-8")  # the default policy: report shows it
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        files.secret_file.write_text(secret, encoding="utf-8")
        source = f"  curl: {{keys: [{digest_of(files.key)}], scopes: [ingest, read, operate]}}"
        files.keys_file.write_text(f"sources:\n{source}\n", encoding="utf-8")
        return files

    def name_endpoint(self, address: str) -> None:
        """Write endpoints.yml with the marketing tool as the only endpoint, with high limits."""
        self.endpoints_file.write_text(
            "allow_networks: [127.0.0.0/8]\n"
            "endpoints:\n"
            f"  {ENDPOINT}:\n"
            "    kind: webhook\n"
            f"    url: {address}\n"
            "    allow_http: true\n"
            f"    ports: [{address.rpartition(':')[2]}]\n"
            f"    secrets: [{{file: {self.secret_file}}}]\n"
            "    limits: {per_second: 5000, burst: 1000, concurrency: 32}\n",
            encoding="utf-8",
        )


class DemoProcesses:
    """All running processes. `go_live` replaces `streams` by one with the wall clock."""

    def __init__(self, files: DemoFiles, env: dict[str, str], marketing: ChildProcess, stack: ExitStack) -> None:
        self.files = files
        self.marketing = marketing
        self.env = env
        self._stack = stack
        self.streams = self._streams("events")
        self.ingest, self.deliver, self.project, self.report = (self._leadloop(name) for name in _LEADLOOP)

    @property
    def bootstrap(self) -> str:
        return self.env["KAFKA_BOOTSTRAP_SERVERS"]

    @property
    def all(self) -> tuple[ChildProcess, ...]:
        return (self.streams, self.ingest, self.deliver, self.project, self.report, self.marketing)

    def check(self) -> None:
        """Raises DemoFailed if one of them has ended."""
        for process in self.all:
            process.check()

    def terminate(self) -> None:
        """Send SIGTERM to all at once; `end` then waits for each."""
        for process in self.all:
            process.terminate()

    def go_live(self) -> None:
        """Replace `streams` after the history: stream time follows the wall clock from now on."""
        self.streams.end()
        self.streams = self._streams("wall")
        for process in self.all[:-1]:
            process.wait_ready()

    def _streams(self, clock: str) -> ChildProcess:
        env = self.env | {
            "LEADLOOP_CLOCK": clock,
            "LEADLOOP_DATA_DIR": str(self.files.folder / "streams"),
            # This broker does not support leaving a group: it waits so long for the process that was replaced.
            "LEADLOOP_SESSION_SECONDS": str(SESSION_SECONDS),
        }
        return self._ended_with_demo(ChildProcess(f"streams-{clock}", self.files.folder, ("streams",), env))

    def _leadloop(self, command: str) -> ChildProcess:
        return self._ended_with_demo(ChildProcess(command, self.files.folder, ("workers.cli", command), self.env))

    def _ended_with_demo(self, process: ChildProcess) -> ChildProcess:
        self._stack.callback(process.end)
        return process


@contextmanager
def demo_processes(folder: Path, policy: Path | None, *, is_staying: bool) -> Iterator[DemoProcesses]:
    """Start all processes in parallel. On exit they end, each before those that it reads from.

    Args:
        folder: For the files and logs of the demo.
        policy: The policy file; None for the default policy.
        is_staying: Whether `go_live` will be called.

    Raises:
        DemoFailed: A process does not become ready.
        NoEmbeddedBroker: The broker did not start.
    """
    files = DemoFiles.create(folder)
    topics = {**dict.fromkeys(TOPICS, PARTITIONS), changelog_of(APP_ID).name: PARTITIONS}
    with ExitStack() as stack:
        tool = ("workers.demo.marketing", "--secret-file", str(files.secret_file))
        redis, marketing = (
            ChildProcess("redis", folder, ("workers.demo.redis_server",), {}),
            ChildProcess("marketing", folder, tool, {}),
        )
        for process in (redis, marketing):
            stack.callback(process.end)
        broker = stack.enter_context(EmbeddedBroker(topics))
        files.name_endpoint(marketing.wait_for_address())
        env = _settings(files, broker.bootstrap, redis.wait_for_address(), policy, is_staying=is_staying)
        processes = DemoProcesses(files, env, marketing, stack)
        stack.callback(processes.terminate)
        yield processes


def _settings(files: DemoFiles, bootstrap: str, redis: str, policy: Path | None, *, is_staying: bool) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "REDIS_URL": f"{redis}/0",
        "LEADLOOP_APP_ID": APP_ID,
        "LEADLOOP_PARTITIONS": str(PARTITIONS),
        # The broker keeps only a part of the changelog: a process that is restarted needs its own state.
        "LEADLOOP_STORE": "rocks" if is_staying else "memory",
        "LEADLOOP_TICK_SECONDS": "0.5",
        "LEADLOOP_METRICS_PORT": "0",
        "LEADLOOP_INGEST_PORT": "0",
        "LEADLOOP_REPORT_PORT": "0",
        "LEADLOOP_KEYS_FILE": str(files.keys_file),
        "LEADLOOP_ENDPOINTS_FILE": str(files.endpoints_file),
        "LEADLOOP_POLICY_FILE": str(policy.resolve() if policy else files.policy_file),
    }
