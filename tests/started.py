"""Servers of a test's own: started, or the test is skipped where they cannot be had."""

from collections.abc import Callable
from typing import Protocol, TypeVar

import pytest

from tests.kafka import REQUIRED, NoKafka
from tests.redis import NoRedis


class Server(Protocol):
    def start(self) -> None: ...


S = TypeVar("S", bound=Server)


def started(make: Callable[[], S]) -> S:
    """What is made, and answers. With LEADLOOP_REQUIRE_KAFKA=1 nothing is skipped: raises NoKafka, NoRedis."""
    try:
        server = make()
        server.start()
    except (NoKafka, NoRedis) as missing:
        if REQUIRED:
            raise
        pytest.skip(f"needs a real server: {missing}")
    return server
