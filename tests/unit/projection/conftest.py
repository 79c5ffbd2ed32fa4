"""A Redis, and an app of the test's own in it."""

from typing import Any
from uuid import uuid4

import pytest
from redis import Redis


@pytest.fixture
def redis(redis_url: str) -> Any:
    return Redis.from_url(redis_url)


@pytest.fixture
def app_id() -> str:
    return f"t{uuid4().hex[:8]}"
