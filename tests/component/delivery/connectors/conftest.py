"""A client that may dial loopback, and connectors handed out with it."""

from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.component.delivery.connectors.harness import ConnectorHarness, Delivered
from workers.outbound import Client


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with Client([ip_network("127.0.0.0/8")]) as client:
        yield client


@pytest.fixture
def handing(client: Client, tmp_path: Path) -> ConnectorHarness:
    return lambda simulator: Delivered(client, simulator, tmp_path)
