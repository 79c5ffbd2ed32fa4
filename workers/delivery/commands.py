"""`leadloop deliver` and `leadloop endpoints`."""

import asyncio
import time
from pathlib import Path
from typing import assert_never

import typer

from streams.runtime.logs import set_up_logging
from streams.runtime.probes import Probes
from streams.runtime.process import process_registry
from streams.runtime.settings import DeliverSettings
from workers.console import codec_of, err, explained, out, settings_with_broker
from workers.kafka import AsyncProducer
from workers.outbound import Client

from .attempts import Accepted, Gone, NoOp, Outcome, Retry, Unverified
from .attempts import Rejected as SaidNo
from .configuration import connecting, endpoints_of, worker_config
from .endpoints import Document
from .operations import SetByHand, named, set_endpoint_state
from .operator_actions import who
from .runtime.worker import Worker, serve
from .sample import a_sample
from .target import Endpoint


@explained
def deliver() -> None:
    """Bring recycle events and escalations to the endpoints, until SIGTERM."""
    settings = settings_with_broker(DeliverSettings)
    document, endpoints = endpoints_of(settings)
    set_up_logging(settings)
    raise typer.Exit(asyncio.run(_deliver(settings, document, endpoints)))


async def _deliver(settings: DeliverSettings, document: Document, endpoints: tuple[Endpoint, ...]) -> int:
    client, registry = Client(document.allow_networks), process_registry()
    worker = Worker(worker_config(settings, endpoints, client), registry)
    probes = Probes(
        settings.metrics_host,
        settings.metrics_port,
        registry,
        lambda: "" if worker.is_ready else "partitions are being taken over",
        lambda: worker.is_turning,
    )
    try:
        with probes:
            told = (
                f"leadloop deliver: {len(endpoints)} endpoints; metrics at http://{settings.metrics_host}:{probes.port}"
            )
            err.print(f"{told}/metrics", markup=False)
            return await serve(worker)
    finally:
        await client.close()


@explained
def check(file: Path | None) -> None:
    """Read endpoints.yml and name every fault."""
    settings = DeliverSettings.from_env()
    document, endpoints = endpoints_of(settings, file)
    for one in endpoints:
        limits = one.limits
        told = f"{limits.per_second:g} a second, {limits.burst} at once, {limits.concurrency} under way"
        if limits.per_day is not None:
            told += f", {limits.per_day} a day ({limits.timezone.key})"
        kind, actions = document.endpoints[one.name].kind, ", ".join(one.target.actions)
        out.print(f"{one.name}: {kind} for {actions}, at most {told}", markup=False)
    out.print(f"{file or settings.endpoints_file}: {len(endpoints)} endpoints, fine", markup=False)


@explained
def tested(name: str, lead: str, track: str) -> None:
    """Send a sample, once."""
    settings = settings_with_broker(DeliverSettings)
    document, endpoints = endpoints_of(settings)
    outcome = asyncio.run(_test(settings, document, named(endpoints, name), lead, track))
    out.print(f"{name}: {_told(outcome)}", markup=False)
    if not isinstance(outcome, Accepted | Unverified | NoOp):
        raise typer.Exit(1)


async def _test(settings: DeliverSettings, document: Document, endpoint: Endpoint, lead: str, track: str) -> Outcome:
    client = Client(document.allow_networks)
    producer = AsyncProducer(settings.kafka.librdkafka())
    producer.start()
    connector = connecting(client, codec_of(settings))(endpoint, producer)
    try:
        (outcome,) = await connector.deliver([a_sample(endpoint.target, lead, track, int(time.time() * 1000))])
        return outcome
    finally:
        await connector.close()
        await client.close()
        await producer.close()


@explained
def stand(name: str, state: SetByHand, why: str) -> None:
    """Say how an endpoint stands from now on, to all workers."""
    set_endpoint_state(settings_with_broker(DeliverSettings), name, state, by=who(), why=why)
    out.print(f"{name} is {state}", markup=False)


def _told(outcome: Outcome) -> str:
    match outcome:
        case Accepted(status, detail):
            word = "accepted"
        case Unverified(status, detail):
            word = "unverified: it said yes, and whether it did anything cannot be known"
        case NoOp(status, detail):
            word = "no_op: there was nothing to do"
        case SaidNo(status, detail):
            word = "refused"
        case Gone(status, detail):
            word = "gone: deliver would disable it"
        case Retry(detail, status):
            word = "failed: deliver would try again"
        case never:
            assert_never(never)
    return ", ".join(filter(None, (word, f"status {status}" if status else "", detail)))
