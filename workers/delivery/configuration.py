"""DeliverSettings and endpoints.yml into what a worker, or a command about endpoints, works with."""

import time
from collections.abc import Callable
from pathlib import Path

from schemas.codec import Codec
from schemas.errors import UserError
from schemas.headers import Headers
from streams.runtime.settings import DeliverSettings
from streams.runtime.tracing_setup import open_tracing
from workers.console import codec_of, text_of
from workers.kafka import Outgoing, Sender
from workers.outbound import Client

from .attempts import Connector
from .connectors import connector_of
from .endpoints import Document, parse_endpoints
from .events import DeliveredEvent
from .runtime.config import WorkerConfig
from .target import Endpoint

NO_FILE = (
    "LEADLOOP_ENDPOINTS_FILE is not set: name a file that says where events go. deploy/config/endpoints.yml is "
    "an example, docs/delivery.md explains it, and `leadloop endpoints check FILE` checks one"
)


def endpoints_of(settings: DeliverSettings, file: Path | None = None) -> tuple[Document, tuple[Endpoint, ...]]:
    """Read endpoints.yml: the file that is named, else that of the settings.

    Raises:
        UserError: there is none, or it cannot be read.
        DocumentError: it is not as it must be.
    """
    path = file or settings.endpoints_file
    if path is None:
        raise UserError(NO_FILE)
    return parse_endpoints(text_of(path), str(path), settings.topic_prefix)


class EventProducer:
    """Hands events to topics, for endpoints that are topics."""

    def __init__(self, sender: Sender, codec: Codec) -> None:
        self._sender = sender
        self._codec = codec

    async def __call__(self, topic: str, event: DeliveredEvent, headers: Headers) -> None:
        record = Outgoing(topic, event.lead_id.encode(), self._codec.encode(event), headers)
        await self._sender.send_all([record])


def connecting(client: Client, codec: Codec) -> Callable[[Endpoint, Sender], Connector]:
    """What makes the connectors of a process: they share one client."""
    return lambda endpoint, sender: connector_of(endpoint, client, time.time, EventProducer(sender, codec))


def worker_config(settings: DeliverSettings, endpoints: tuple[Endpoint, ...], client: Client) -> WorkerConfig:
    """What a worker needs to know."""
    codec = codec_of(settings)
    return WorkerConfig(
        kafka=settings.kafka.librdkafka(),
        codec=codec,
        endpoints=endpoints,
        connector_of=connecting(client, codec),
        redis_url=settings.redis_url,
        app_id=settings.app_id,
        prefix=settings.topic_prefix,
        session_seconds=settings.session_seconds,
        commit_seconds=settings.commit_seconds,
        tracing=open_tracing("deliver"),
    )
