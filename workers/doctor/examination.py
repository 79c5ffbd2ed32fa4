"""The whole examination: first what stands for itself, then what needs the first to be there."""

from collections.abc import Sequence
from functools import partial

from streams.runtime.settings import Settings
from workers.outbound.client import addresses_of

from . import clocks, destinations, documents, groups, heartbeats, machine, registry, topics
from .broker import Broker
from .checks import Check, looked
from .findings import Finding, ok, warn
from .read_model import Server

ROUND_SECONDS = 8.0


def examined(settings: Settings, probes: Sequence[str] = (), seconds: float = ROUND_SECONDS) -> list[Finding]:
    """Everything that was found, in two rounds of at most so many seconds each. Nothing is written anywhere."""
    broker, server = Broker(settings.kafka), Server(settings)
    named, endpoints = documents.endpoints(settings)
    files = [*documents.policy(settings), *documents.keys(settings), *documents.webhooks(settings), *named]
    found = looked(_standing_alone(settings, broker, server, probes), seconds)
    following: dict[str, Check] = {
        **(_of_kafka(settings, broker) if broker.is_there else {}),
        **({"read model": server.read_model} if server.is_there else {}),
        **{
            f"endpoint {one.name}": partial(destinations.look, one, endpoints.allowed, addresses_of)
            for one in endpoints.endpoints
        },
    }
    clock = [clocks.judged(server.clock)] if server.clock else []
    left_out = _left_out(broker, server)
    return [ok("settings", "they fit"), *files, *found, *looked(following, seconds), *clock, *left_out]


def _standing_alone(settings: Settings, broker: Broker, server: Server, probes: Sequence[str]) -> dict[str, Check]:
    conf = settings.registry
    checks: dict[str, Check] = {"kafka": broker.look, "redis": server.look}
    if conf is not None:
        checks["registry"] = partial(registry.look, conf, settings.topic_prefix)
        checks["clock of the registry"] = partial(registry.clock_judged, conf)
    checks["data dir"] = partial(machine.data_dir, settings)
    return checks | {f"probe {url}": partial(machine.probe, url) for url in probes}


def _of_kafka(settings: Settings, broker: Broker) -> dict[str, Check]:
    beats = f"{settings.topic_prefix}stream-heartbeats"
    return {
        "topics": partial(topics.look, broker.admin, settings),
        **{one.about: partial(groups.look, broker.admin, one) for one in groups.processes(settings)},
        "heartbeats": partial(heartbeats.look, settings.kafka.librdkafka(), beats),
    }


def _left_out(broker: Broker, server: Server) -> list[Finding]:
    kafka = "topics, rights, groups and heartbeats were not checked"
    model = "the read model was not checked"
    return [
        *([] if broker.is_there else [warn("left out", kafka, "fix kafka above, then run this again")]),
        *([] if server.is_there else [warn("left out", model, "fix redis above, then run this again")]),
    ]
