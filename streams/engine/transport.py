"""Transport: where Faust meets the chunk consumer, by its own extension points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faust.tables import TableManager
from faust.transport.base import Transport
from mode import Service

from .consumer import ChunkConsumer

if TYPE_CHECKING:
    from .engine import Engine


class _NoFetcher(Service):
    """Faust starts and stops a fetcher; the partitions pull by themselves."""

    def __init__(self, app: Any, **kwargs: Any) -> None:
        del app
        super().__init__(**kwargs)


class NoTables(TableManager):
    """State is the engine's: a start need not wait a second for tables that somebody may still add."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class ChunkTransport(Transport):
    """The chunk consumer, and Faust's base producer, which connects to nothing: chunks do all the sending."""

    Consumer = ChunkConsumer
    Fetcher = _NoFetcher
    driver_version = "leadloop chunks"

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        super().__init__([], engine.app)
