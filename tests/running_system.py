"""All processes of Leadloop as a user runs them, on a real Kafka and a real Redis, and a scripted day of events."""

from __future__ import annotations

import json
import re
import time
from base64 import b64encode
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import yaml

from tests.builders import a_contact, a_created, a_reply, a_win
from tests.component.projection.harness import Process
from tests.kafka import free_ports
from tests.observability import ROOT, RULES
from tests.redis import RealRedis
from tests.waiting import TIMEOUT, wait_for
from tests.world import World
from workers.http.keys import digest_of, new_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PROMISED_SECONDS = 4
POLICY = f"""
version: seconds
promises: {{never_contacted: {PROMISED_SECONDS} seconds, no_follow_up: {PROMISED_SECONDS} seconds}}
rules:
  - when: {{segment: history}}
    promises: {{never_contacted: off, no_follow_up: off, no_progress: off, max_attempts: off}}
limits: {{cooldown: 0 days}}
"""
SECRET = f"whsec_{b64encode(bytes(range(32))).decode()}"
TRACE_ID = "ab" * 16
TRACE = f"00-{TRACE_ID}-{'cd' * 8}-01"
MAPPINGS = ROOT / "deploy/config/mappings"
COMMANDS: dict[str, tuple[str, ...]] = {
    **{name: ("workers.cli", name) for name in ("ingest", "deliver", "project", "report")},
    "audit": ("workers.cli", "audit", "--every", "1m"),
}


class RunningSystem:
    """All processes, each with its own port."""

    def __init__(self, world: World, folder: Path, redis: RealRedis) -> None:
        self.world = world
        self.folder = folder
        self.redis = redis
        self.key = new_key()
        self.refusing_port = free_ports(1)[0]
        """Of the endpoint `gone`: nobody listens there."""
        self.processes: dict[str, Process] = {}
        self._ports: dict[str, str] = {}
        self.receiver = Process(folder / "receiver.log", {"PYTHONUNBUFFERED": "1"}, *_receiver())
        wait_for(lambda: "ready" in self.receiver.said(), 90, "the receiver is ready")
        self._write()

    def _write(self) -> None:
        (self.folder / "policy.yml").write_text(POLICY, encoding="utf-8")
        source = {"keys": [digest_of(self.key)], "scopes": ["ingest", "read"]}
        (self.folder / "keys.yml").write_text(yaml.safe_dump({"sources": {"crm": source}}), encoding="utf-8")
        found = re.search(r"ready (\d+)", self.receiver.said())
        assert found
        endpoints = {
            "nurture": {**_webhook(int(found[1])), "limits": {"per_day": 100_000}},
            "gone": {**_webhook(self.refusing_port), "timeout_seconds": 1},
            "sales": {**_webhook(int(found[1])), "only": {"actions": ["ESCALATE", "AT_RISK"]}},
        }
        systems = {"pipedrive": {"dialect": "pipedrive", "mapping": str(MAPPINGS / "pipedrive.yml")}}
        (self.folder / "webhooks.yml").write_text(yaml.safe_dump({"systems": systems}), encoding="utf-8")
        document = {"allow_networks": ["127.0.0.0/8"], "endpoints": endpoints}
        (self.folder / "endpoints.yml").write_text(yaml.safe_dump(document), encoding="utf-8")

    def env(self, **more: str) -> dict[str, str]:
        return self.world.env(
            LEADLOOP_CLOCK="wall",
            LEADLOOP_GRACE_SECONDS="0.5",
            LEADLOOP_POLICY_FILE=str(self.folder / "policy.yml"),
            LEADLOOP_KEYS_FILE=str(self.folder / "keys.yml"),
            LEADLOOP_WEBHOOKS_FILE=str(self.folder / "webhooks.yml"),
            LEADLOOP_ENDPOINTS_FILE=str(self.folder / "endpoints.yml"),
            LEADLOOP_TEST_SECRET=SECRET,
            LEADLOOP_INGEST_PORT="0",
            LEADLOOP_REPORT_PORT="0",
            LEADLOOP_REPORT_OWNERS="5",
            REDIS_URL=self.redis.url,
            **more,
        )

    def start(self, name: str, *command: str, **more: str) -> Process:
        """Start a process under this name; a former one of the same name must have ended."""
        self.processes[name] = Process(self.folder / f"{name}.log", self.env(**more), *command)
        return self.processes[name]

    def start_streams(self, name: str) -> Process:
        """Start a streams worker on the port that it had before: Prometheus scrapes it there."""
        port = self._ports.setdefault(name, str(free_ports(1)[0]))
        return self.start(name, "streams", LEADLOOP_DATA_DIR=str(self.folder / name), LEADLOOP_METRICS_PORT=port)

    def start_all(self) -> None:
        """Start two streams workers, and one process of each other command, and wait until they are ready."""
        for name in ("streams-1", "streams-2"):
            self.start_streams(name)
        for name, command in COMMANDS.items():
            self.start(name, *command)
        for process in self.processes.values():
            process.wait_ready(90)

    def start_refusing(self) -> Process:
        """Start a receiver for the endpoint `gone`: it is back."""
        command = (*_receiver(), "--port", str(self.refusing_port))
        back = Process(self.folder / "back.log", {"PYTHONUNBUFFERED": "1"}, *command)
        self.processes["back"] = back
        return back

    def run(self, *command: str) -> None:
        """Run a command of `leadloop` to its end, as an operator would."""
        done = Process(self.folder / "commands.log", self.env(), "workers.cli", *command)
        assert done.process.wait(TIMEOUT) == 0, done.said()

    def metrics(self) -> dict[str, str]:
        """The metrics of each process, as Prometheus scrapes them."""
        return {name: process.get("/metrics")[1] for name, process in self.processes.items()}

    def post(self, *events: Mapping[str, Any]) -> int:
        """Post events to ingest; returns the status."""
        request = Request(  # noqa: S310  our own, on this machine
            f"{self.processes['ingest'].address()}/v1/events",
            data=json.dumps(events).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", "traceparent": TRACE},
        )
        with urlopen(request, timeout=20) as answer:  # noqa: S310
            return int(answer.status)

    def scrapes(self, *, every: str = "1s", alertmanager: str = "") -> str:
        """Prometheus' configuration for these processes, with the job names that rules and dashboards use."""
        jobs: dict[str, list[str]] = {}
        for name, process in self.processes.items():
            jobs.setdefault(name.split("-")[0], []).append(process.address().removeprefix("http://"))
        configuration: dict[str, Any] = {
            "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
            "rule_files": ["rules/*.yml"],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": targets}]} for job, targets in jobs.items()
            ],
        }
        if alertmanager:
            targets = [{"static_configs": [{"targets": [alertmanager]}]}]
            configuration["alerting"] = {"alertmanagers": targets}
        return yaml.safe_dump(configuration)

    def close(self) -> None:
        for process in (*self.processes.values(), self.receiver):
            process.kill()
        self.redis.kill()


@contextmanager
def running_system(bootstrap: str, folder: Path) -> Iterator[RunningSystem]:
    """All processes, started."""
    with ExitStack() as stack:
        world = World.on_real(bootstrap, folder, partitions=2)
        redis = RealRedis(folder / "redis", "--maxmemory-policy", "noeviction")
        redis.start()
        system = RunningSystem(world, folder, redis)
        stack.callback(system.close)
        system.start_all()
        yield system


def copy_rules(folder: Path, change: Any = str) -> None:
    """Copy the rules for Prometheus, without intervals of their own; `change` is applied to the text of each file."""
    (folder / "rules").mkdir()
    for path in RULES:
        text = re.sub(r"^ +interval: \w+\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        (folder / "rules" / path.name).write_text(change(text), encoding="utf-8")


def _webhook(port: int) -> dict[str, Any]:
    return {
        "kind": "webhook",
        "url": f"http://127.0.0.1:{port}/",
        "allow_http": True,
        "ports": [port],
        "secrets": [{"env": "LEADLOOP_TEST_SECRET"}],
    }


def _receiver() -> tuple[str, ...]:
    return ("tests.simulators.receiver", "--secret", SECRET)


# -- a scripted day --------------------------------------------------------------------------------


def scripted_day(system: RunningSystem) -> None:
    """Leads that are worked, stall and progress again; an invalid event and an undecodable record."""
    posted = [_posted("lead-created", f"posted-{n}", origin=("webinar", "website")[n % 2]) for n in range(20)]
    assert system.post(*posted) in {200, 202, 207}
    assert system.post(posted[0], {"kind": "lead-created", "lead_id": "odd"}) in {200, 202, 207}
    system.world.send_raw("lead-created", "poison", b"\x00no record at all")
    now = _now()
    system.world.send(*(a_created(f"lead-{n}", now, event_id=f"c{n}", origin="webinar") for n in range(20)))
    system.world.send(*(a_contact(f"lead-{n}", now + 1, event_id=f"t{n}") for n in range(10)))
    system.world.send(*(a_win(f"lead-{n}", now + 2, event_id=f"w{n}") for n in range(3)))
    wait_for(lambda: _streams_metric(system, "decisions_total", 'action="RECYCLE"') >= 30, 60, "leads are recycled")
    _revive_leads(system)
    system.processes["report"].get("/v1/funnel", system.key)
    system.processes["report"].get("/v1/leads/nobody", system.key)


def _revive_leads(system: RunningSystem) -> None:
    """Some recycled leads reply, some are created again."""
    now = _now()
    system.world.send(*(a_reply(f"lead-{n}", now, event_id=f"r{n}") for n in range(10, 15)))
    system.world.send(*(a_created(f"lead-{n}", now, event_id=f"a{n}", origin="webinar") for n in range(15, 20)))
    wait_for(lambda: _streams_metric(system, "decisions_total", 'action="REVOKE"') >= 3, 60, "recycles are revoked")
    wait_for(
        lambda: _of_deliver(system, "deliveries_total", 'outcome="accepted"', 'endpoint="nurture"') >= 10,
        60,
        "delivered",
    )


def kill_a_streams_worker(system: RunningSystem) -> None:
    """Kill one streams worker and wait until the other has its partitions."""
    system.processes["streams-1"].kill()
    survivor = system.processes["streams-2"]
    wait_for(lambda: _sum(survivor.get("/metrics")[1], "partition_ready") == 2, 60, "the other has all partitions")


def created(lead_id: str) -> dict[str, Any]:
    """An event as it is posted: a lead is created now."""
    return _posted("lead-created", lead_id, origin="web", owner_id="ann")


def _posted(kind: str, lead_id: str, **fields: Any) -> dict[str, Any]:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"kind": kind, "lead_id": lead_id, "occurred_at": at, **fields}


def _now() -> int:
    return time.time_ns() // 1_000_000


def _streams_metric(system: RunningSystem, name: str, *labels: str) -> float:
    texts = [process.get("/metrics")[1] for name_, process in system.processes.items() if "streams" in name_]
    return sum(_sum(text, name, *labels) for text in texts)


def _of_deliver(system: RunningSystem, name: str, *labels: str) -> float:
    return _sum(system.processes["deliver"].get("/metrics")[1], name, *labels)


def _sum(text: str, name: str, *labels: str) -> float:
    lines = [line for line in text.splitlines() if re.match(rf"leadloop_{name}[ {{]", line)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(label in line for label in labels))
