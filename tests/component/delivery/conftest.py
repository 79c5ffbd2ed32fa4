"""A world of its own for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.component.delivery.harness import World
from tests.kafka import Broker
from tests.redis import RealRedis


@pytest.fixture
def redis(own_redis: RealRedis) -> RealRedis:
    return own_redis


@pytest.fixture
async def world(real_kafka: Broker, redis: RealRedis, tmp_path: Path) -> AsyncIterator[World]:
    async with World(real_kafka, tmp_path, redis.url) as made:
        yield made
