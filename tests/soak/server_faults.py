"""Faults of the broker, of Redis, of connections, of the receiver, and a change of the policy."""

from __future__ import annotations

import re
import signal
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from tests.kafka import NoKafka
from tests.simulators.receiver import Behaviour
from tests.soak.scene import READY_SECONDS, Scene, lock_of, wait_until
from tests.soak.services import NotNow
from tests.soak.system import SESSION_SECONDS
from tests.waiting import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.faulty_network import Link
    from tests.kafka import RealKafka
    from tests.redis import RealRedis
    from tests.soak.system import SoakSystem

SERVER, RECEIVER, POLICY = threading.Lock(), threading.Lock(), threading.Lock()
"""Only one fault at a time of the broker or of Redis; of the receiver; of the policy file."""

# -- servers ---------------------------------------------------------------------------------------


def kill_broker(scene: Scene, _: str) -> None:
    with SERVER:
        kafka = scene.system.kafka
        _check_written(scene.system)
        kafka.kill()
        time.sleep(scene.dice.uniform(0, 5))
        _restart(kafka)


def _restart(kafka: RealKafka) -> None:
    try:
        kafka.start(TIMEOUT)
    except NoKafka:  # it found a port that the killed process still held
        kafka.kill()
        kafka.start(TIMEOUT)


def hang_broker(scene: Scene, _: str) -> None:
    with SERVER:
        _check_written(scene.system)
        _hang(scene.system.kafka, scene.dice.uniform(3, 15))


def _check_written(system: SoakSystem) -> None:
    """The broker is being written to."""
    connections = sum(link.connections for name, link in system.network.links.items() if name.startswith("kafka"))
    if not connections:
        raise NotNow("nobody is connected to the broker")


def empty_redis(scene: Scene, _: str) -> None:
    with SERVER, scene.system.redis.client() as client:
        if not client.dbsize():
            raise NotNow("Redis is empty")
        client.flushall()


def kill_redis(scene: Scene, _: str) -> None:
    with SERVER:
        redis = scene.system.redis
        with redis.client() as client:
            if not client.dbsize():
                raise NotNow("Redis is empty")
        redis.kill()
        time.sleep(scene.dice.uniform(0, 8))
        redis.start(TIMEOUT)


def hang_redis(scene: Scene, _: str) -> None:
    with SERVER:
        _hang(scene.system.redis, scene.dice.uniform(2, 10))


def _hang(server: RealKafka | RealRedis, seconds: float) -> None:
    server.signal(signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        server.signal(signal.SIGCONT)


# -- connections -----------------------------------------------------------------------------------


def cut(scene: Scene, to: str) -> None:
    _on_link(scene, to, lambda link: link.cut(refuse=scene.dice.random() < 0.5), scene.dice.uniform(0, 6))


def delay(scene: Scene, to: str) -> None:
    def slow(link: Link) -> None:
        link.latency = scene.dice.uniform(0.05, 1)

    _on_link(scene, to, slow, scene.dice.uniform(3, 15))


def half_open(scene: Scene, to: str) -> None:
    _on_link(scene, to, lambda link: link.swallow(), scene.dice.uniform(3, 20))


def hold(scene: Scene, to: str) -> None:
    _on_link(scene, to, lambda link: link.hold(), scene.dice.uniform(2, 2 * SESSION_SECONDS))


def _on_link(scene: Scene, to: str, begin: Callable[[Link], None], seconds: float) -> None:
    """The fault counts if it touched bytes or connections."""
    names = [name for name in scene.system.network.links if name.startswith(to)]
    link = scene.system.network.links[scene.dice.choice(names)]
    with lock_of(link.name):
        if not link.connections and to not in {"ingest", "receiver"}:  # those are connected for each request
            raise NotNow(f"nobody is connected: {link.name}")
        touched = link.touched
        begin(link)
        try:
            time.sleep(seconds)
        finally:
            link.heal()
        if link.touched == touched:
            raise NotNow(f"nothing was sent: {link.name}")


# -- the receiver and the policy -------------------------------------------------------------------

MISBEHAVIOURS: Mapping[str, Behaviour] = {
    "fails": Behaviour("status", 500),
    "throttles": Behaviour("status", 429, "2"),
    "hangs": Behaviour("hang"),
    "cuts": Behaviour("cut"),
    "lies": Behaviour("lie", 500),
}


def misbehave(scene: Scene, how: str) -> None:
    """The receiver answers so, until at least one request was answered so and some seconds have passed."""
    system, behaviour = scene.system, MISBEHAVIOURS[how]
    with RECEIVER:
        before = system.treated(behaviour.mode)
        system.behave(behaviour)
        try:
            time.sleep(scene.dice.uniform(3, 12))
            wait_until(lambda: system.treated(behaviour.mode) > before, 60, "a request comes")
        finally:
            system.behave(Behaviour())


def reload_policy(scene: Scene, _: str) -> None:
    """The policy file changes, and a worker that goes on reports the new version; later it changes back."""
    system = scene.system
    with POLICY:
        for version in ("two", "one"):
            system.write_policy(version)
            wait_until(partial(_has_policy, system, version), READY_SECONDS, "a worker has the policy")


def _has_policy(system: SoakSystem, version: str) -> bool:
    texts = [service.metrics() for service in system.of("streams")]
    return any(re.search(rf'leadloop_streams_info\{{.*policy="{version}"', text) for text in texts)
