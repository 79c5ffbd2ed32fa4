"""Everything that takes part in a run: the processes of the product, real servers, and a link for each connection."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self
from urllib.request import Request, urlopen

import yaml

from tests.component.projection.harness import Process
from tests.faulty_network import Network
from tests.kafka import RealKafka, free_ports
from tests.redis import RealRedis
from tests.soak.imports import Imported
from tests.soak.services import Service, Supervisor
from tests.waiting import wait_for
from tests.world import World
from workers.http.keys import digest_of, new_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from tests.simulators.receiver import Behaviour
    from tests.soak.options import Options

PARTITIONS = 4
SESSION_SECONDS = 10
IMPATIENT = Path(__file__).with_name("impatient_deliver.py")
SECRET = f"whsec_{b64encode(bytes(range(32))).decode()}"
POLICY = """
version: "{version}"
promises: {{never_contacted: {{within: 6 seconds, warn: 2 seconds before}}, no_follow_up: {follow_up} seconds,
  no_progress: 40 seconds, max_attempts: 5}}
reasons:
  never_contacted: {{track: introduce-again, escalate: 12 seconds}}
  no_follow_up: {{track: keep-warm}}
  no_progress: {{track: re-engage, delay: 2 seconds}}
  attempts_exhausted: {{track: re-engage}}
  bad_timing: {{track: right-time}}
  price: {{track: offer, delay: 3 seconds, cooldown: 5 seconds}}
  competitor: {{track: switch, disposition: triggered}}
  poor_fit: never
  invalid: never
  duplicate: never
limits: {{cooldown: 0 days, max_recycles: 5}}
"""
VERSIONS: Mapping[str, str] = MappingProxyType(
    {version: POLICY.format(version=version, follow_up=seconds) for version, seconds in (("one", 15), ("two", 20))}
)


class SoakSystem:
    """A context: all servers and processes, started; what was started is ended when it is left."""

    def __init__(self, folder: Path, options: Options) -> None:
        self.folder, self.options = folder, options
        self.services: dict[str, Service] = {}
        self.policy_file = folder / "policy.yml"
        self.key = new_key()
        self.imported = Imported()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:  # closed by itself if the start fails
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    # -- starting ------------------------------------------------------------------------------

    def _start(self, stack: ExitStack) -> None:
        self.network = Network()
        stack.callback(self.network.close)
        self._start_servers(stack)
        self._write_files()
        stack.callback(self._kill_services)
        for name in self._names():
            self.services[name] = self._service(name)
            self.services[name].begin()
        self.supervisor = Supervisor(self.services)
        self.supervisor.start()
        stack.callback(self.supervisor.stop)
        for name in self._names():
            wait_for(lambda name=name: self.services[name].has_served, 120, f"{name} is ready")  # type: ignore[misc]

    def _names(self) -> list[str]:
        names = ["ingest", "streams-1", "streams-2", "deliver-1", "project"]
        return names if self.options.is_small else [*names, "deliver-2", "report"]

    def _start_servers(self, stack: ExitStack) -> None:
        clients = [*self._names(), "import"]
        broker, controller, *listeners = free_ports(2 + len(clients))
        for name, port in zip(clients, listeners, strict=True):
            self.network.link(f"kafka of {name}", port)
        self.kafka = RealKafka(
            self.folder / "kafka", (broker, controller), self._listeners(clients, broker, controller, listeners), "320m"
        )
        stack.callback(self.kafka.kill)
        self.kafka.start()
        self.world = World.on_real(self.kafka.bootstrap, self.folder, PARTITIONS)
        self.redis = RealRedis(self.folder / "redis", "--maxmemory-policy", "noeviction")
        stack.callback(self.redis.kill)
        self.redis.start()
        self._receiver = Process(self.folder / "receiver.log", {}, "tests.simulators.receiver", "--secret", SECRET)
        stack.callback(self._receiver.kill)
        [port] = wait_for(lambda: re.findall(r"ready (\d+)", self._receiver.said()), 90, "the receiver is ready")
        self._receiver_port = int(port)
        [self.ingest_port] = free_ports(1)
        self.network.link("receiver", self._receiver_port)
        self.network.link("ingest", self.ingest_port)
        for name in self._names():
            if name.startswith(("deliver", "project", "report")):
                self.network.link(f"redis of {name}", self.redis.port)

    def _listeners(self, clients: list[str], broker: int, controller: int, listeners: list[int]) -> dict[str, str]:
        """A listener of its own for each process, whose address is that of its link."""
        named = {f"L{number}": name for number, name in enumerate(clients)}
        bound = [f"L{number}://127.0.0.1:{port}" for number, port in enumerate(listeners)]
        shown = [f"{one}://127.0.0.1:{self.network.links[f'kafka of {name}'].port}" for one, name in named.items()]
        own = f"PLAINTEXT://127.0.0.1:{broker}"
        kinds = [f"{one}:PLAINTEXT" for one in ("CONTROLLER", "PLAINTEXT", *named)]
        return {
            "listeners": ",".join([own, f"CONTROLLER://127.0.0.1:{controller}", *bound]),
            "advertised.listeners": ",".join([own, *shown]),
            "listener.security.protocol.map": ",".join(kinds),
            "inter.broker.listener.name": "PLAINTEXT",
            "num.network.threads": "1",
            "num.io.threads": "4",
        }

    def _write_files(self) -> None:
        self.write_policy("one")
        source = {"keys": [digest_of(self.key)], "scopes": ["ingest", "read"]}
        (self.folder / "keys.yml").write_text(yaml.safe_dump({"sources": {"crm": source}}), encoding="utf-8")
        port = self.network.links["receiver"].port
        webhook = {"kind": "webhook", "allow_http": True, "ports": [port], "secrets": [{"env": "LEADLOOP_SOAK_SECRET"}]}
        webhook |= {"timeout_seconds": 5, "limits": {"per_second": 500, "burst": 100, "concurrency": 20}}
        endpoints = {
            "marketing": {**webhook, "url": f"http://127.0.0.1:{port}/marketing"},
            "sales": {
                **webhook,
                "url": f"http://127.0.0.1:{port}/sales",
                "only": {"actions": ["ESCALATE", "AT_RISK"]},
            },
        }
        document = {"allow_networks": ["127.0.0.0/8"], "endpoints": endpoints}
        (self.folder / "endpoints.yml").write_text(yaml.safe_dump(document), encoding="utf-8")

    def write_policy(self, version: str) -> None:
        """Replace the policy file as a whole."""
        new = self.folder / "policy.new"
        new.write_text(VERSIONS[version], encoding="utf-8")
        new.replace(self.policy_file)

    def env(self, name: str = "", **more: str) -> dict[str, str]:
        """The environment of a process; without a name that of the judge, whose connections no fault touches."""
        links = self.network.links
        kafka = f"127.0.0.1:{links[f'kafka of {name}'].port}" if name else self.kafka.bootstrap
        redis = f"redis://127.0.0.1:{link.port}/0" if (link := links.get(f"redis of {name}")) else self.redis.url
        return self.world.env(
            KAFKA_BOOTSTRAP_SERVERS=kafka,
            REDIS_URL=redis,
            LEADLOOP_CLOCK="wall",
            LEADLOOP_GRACE_SECONDS="1",
            LEADLOOP_SESSION_SECONDS=str(SESSION_SECONDS),
            LEADLOOP_POLICY_FILE=str(self.policy_file),
            LEADLOOP_POLICY_SECONDS="1",
            LEADLOOP_KEYS_FILE=str(self.folder / "keys.yml"),
            LEADLOOP_ENDPOINTS_FILE=str(self.folder / "endpoints.yml"),
            LEADLOOP_SOAK_SECRET=SECRET,
            LEADLOOP_REPORT_PORT="0",
            LEADLOOP_INGEST_PORT=str(self.ingest_port),
            PYTHONUNBUFFERED="1",
            **more,
        )

    def _service(self, name: str) -> Service:
        group = name.partition("-")[0]
        log = self.folder / f"{name}.log"
        match group:
            case "streams":
                more = {"LEADLOOP_DATA_DIR": str(self.folder / name), "LEADLOOP_INSTANCE_ID": name}
                return Service(name, log, self.env(name, **more), "streams", trees=self.options.trees)
            case "deliver":
                return Service(name, log, self.env(name), str(IMPATIENT), trees=self.options.trees)
            case _:
                return Service(name, log, self.env(name), "workers", group, trees=self.options.trees)

    def one_more(self, group: str) -> Service:
        """One more worker, for a rebalance; it shares the links of the first one."""
        name, log = f"{group}-extra", self.folder / f"{group}-extra.log"
        env = self.env(f"{group}-1", LEADLOOP_DATA_DIR=str(self.folder / name))
        command = "streams" if group == "streams" else str(IMPATIENT)
        return Service(name, log, env, command, trees=self.options.trees)

    def of(self, group: str) -> list[Service]:
        return [service for service in self.services.values() if service.group == group]

    # -- the receiver --------------------------------------------------------------------------

    def behave(self, behaviour: Behaviour) -> None:
        """Tell the receiver how to answer from now on."""
        body = json.dumps({"mode": behaviour.mode, "status": behaviour.status, "retry_after": behaviour.retry_after})
        url = f"http://127.0.0.1:{self._receiver_port}/_behave"
        urlopen(Request(url, body.encode()), timeout=60).close()

    def treated(self, mode: str) -> int:
        """How many requests the receiver treated so."""
        with urlopen(f"http://127.0.0.1:{self._receiver_port}/_counts", timeout=60) as answer:
            return int(json.load(answer).get(mode, 0))

    def received(self) -> dict[str, Any]:
        """The log of the receiver: `messages` that it took, and all `tries`."""
        with urlopen(f"http://127.0.0.1:{self._receiver_port}/_seen", timeout=300) as answer:
            seen: dict[str, Any] = json.load(answer)
        return seen

    def _kill_services(self) -> None:
        for service in self.services.values():
            service.kill()
