"""A server that answers, and a client that may call it."""

from collections.abc import AsyncIterator

import pytest

from tests.component.outbound.harness import LOOPBACK, Server
from workers.outbound import Client


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = await Server().start("127.0.0.1")
    yield server
    await server.runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with Client(LOOPBACK) as client:
        yield client
