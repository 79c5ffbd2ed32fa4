"""The whole examination: first the checks that need nothing else, then those that need Kafka or Redis."""

from collections.abc import Sequence
from functools import partial

from schemas import dead_letters as dl
from streams.runtime.settings import Settings
from workers.delivery.target import Endpoint
from workers.outbound.client import addresses_of

from . import (
    alerts,
    clocks,
    dead_letter_counts,
    deliveries,
    destinations,
    documents,
    groups,
    heartbeats,
    machine,
    registry,
    topics,
    transactions,
)
from .broker import Broker
from .checks import Check, run_checks
from .findings import Finding, ok, warn
from .read_model import Server

ROUND_SECONDS = 8.0


def examine(
    settings: Settings, probes: Sequence[str] = (), prometheus: str = "", seconds: float = ROUND_SECONDS
) -> list[Finding]:
    """Run all checks in two rounds. Nothing is written anywhere.

    Args:
        settings: Of every process.
        probes: URLs of processes whose readiness is checked.
        prometheus: URL of a Prometheus whose firing alerts are findings; none if empty.
        seconds: The limit of each round.
    """
    broker, server = Broker(settings.kafka), Server(settings)
    named, endpoints = documents.endpoints(settings)
    about_policy, policy = documents.policy(settings, endpoints.endpoints)
    files = [*about_policy, *documents.keys(settings), *documents.webhooks(settings), *named]
    found = run_checks(_independent_checks(settings, broker, server, probes, prometheus), seconds)
    following: dict[str, Check] = {
        **(_kafka_checks(settings, broker, endpoints.endpoints) if broker.is_there else {}),
        **({"read model": partial(server.read_model, policy)} if server.is_there else {}),
        **{
            f"endpoint {one.name}": partial(destinations.check, one, endpoints.allowed, addresses_of)
            for one in endpoints.endpoints
        },
    }
    clock = [clocks.evaluate(server.clock)] if server.clock else []
    skipped = _skipped(broker, server)
    return [ok("settings", "they fit"), *files, *found, *run_checks(following, seconds), *clock, *skipped]


def _independent_checks(
    settings: Settings, broker: Broker, server: Server, probes: Sequence[str], prometheus: str
) -> dict[str, Check]:
    conf = settings.registry
    checks: dict[str, Check] = {"kafka": broker.check, "redis": server.check}
    if conf is not None:
        checks["registry"] = partial(registry.check, conf, settings.topic_prefix)
        checks["clock of the registry"] = partial(registry.check_clock, conf)
    checks["data dir"] = partial(machine.data_dir, settings)
    if prometheus:
        checks[alerts.ABOUT] = partial(alerts.check, prometheus)
    return checks | {f"probe {url}": partial(machine.probe, url) for url in probes}


def _kafka_checks(settings: Settings, broker: Broker, endpoints: Sequence[Endpoint]) -> dict[str, Check]:
    conf, beats = settings.kafka.librdkafka(), f"{settings.topic_prefix}stream-heartbeats"
    return {
        "topics": partial(topics.check, broker.admin, settings),
        transactions.ABOUT: partial(transactions.check, broker.admin, settings, broker.topics),
        **{
            one.about: partial(groups.check, conf, broker.admin, one, broker.topics)
            for one in groups.processes(settings)
        },
        "heartbeats": partial(heartbeats.check, conf, beats),
        dead_letter_counts.ABOUT: partial(dead_letter_counts.check, conf, settings.topic_prefix + dl.TOPIC),
        **({deliveries.ABOUT: partial(deliveries.check, settings, endpoints)} if endpoints else {}),
    }


def _skipped(broker: Broker, server: Server) -> list[Finding]:
    kafka = "topics, rights, transactions, groups, heartbeats, deliveries and dead letters were not checked"
    model = "the read model was not checked"
    return [
        *([] if broker.is_there else [warn("left out", kafka, "fix kafka above, then run this again")]),
        *([] if server.is_there else [warn("left out", model, "fix redis above, then run this again")]),
    ]
