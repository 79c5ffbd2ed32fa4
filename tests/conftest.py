"""Fixtures of all tests (a broker, found or started once per run), and the ids of parameters."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import HealthCheck, settings

from tests.kafka import Broker, RealKafka, found_broker
from tests.redis import RealRedis
from tests.scheduling import SlowTestsApart, start_order
from tests.started import started

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.remote import Producer

BROKERS = {"kafka", "real_kafka", "own_kafka"}
ID_LENGTH = 60

# How long an example takes says something about the machine only. In CI the same examples are drawn for the same test:
# a change is judged by what it changes. By hand each run draws new ones.
settings.register_profile(
    "untimed",
    settings(),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("untimed")


def pytest_make_parametrize_id(val: object) -> str | None:
    """Readable ids of parameters for which pytest itself would only count the values; the same in every process."""
    if not isinstance(val, dict | list | tuple | set | frozenset | msgspec.Struct | bytes):
        return None
    text = _id_of(val)
    return None if " at 0x" in text else text[:ID_LENGTH] or "empty"


def _id_of(value: object) -> str:
    match value:
        case dict():
            return ", ".join(f"{key}={_id_of(one)}" for key, one in value.items())
        case list() | tuple():
            return " ".join(map(_id_of, value))
        case set() | frozenset():
            return " ".join(sorted(map(_id_of, value)))
        case msgspec.Struct():
            return type(value).__name__
        case bytes():
            return ascii(value)[2:-1] if len(value) <= ID_LENGTH else f"{len(value)} bytes"
        case _:
            return str(value)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: endurance test; runs only with -m soak")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests that need a broker, deselect endurance tests, and put the slowest files first."""
    items.sort(key=start_order)  # stable
    for item in items:
        if BROKERS & set(getattr(item, "fixturenames", ())):
            item.add_marker("kafka")
    if "soak" not in config.option.markexpr:
        long = [item for item in items if item.get_closest_marker("soak")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SlowTestsApart | None:
    """Replace `--dist loadfile`; any other choice stays."""
    return SlowTestsApart(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The best broker that can be had; shared, so name topics and groups uniquely."""
    with found_broker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture(scope="session")
def real_kafka(kafka: Broker) -> Broker:
    """A real Kafka, for what the mock does not do."""
    if kafka.kind == "mock":
        pytest.skip("needs a real Kafka: install java and mvn, or set KAFKA_BOOTSTRAP_SERVERS")
    return kafka


@pytest.fixture
def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKafka]:
    """A real Kafka of the test's own, to stop and to kill."""
    broker = started(lambda: RealKafka(tmp_path_factory.mktemp("own")))
    yield broker
    broker.kill()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis that all tests share, so name your keys uniquely: an app_id of your own."""
    if given := os.environ.get("REDIS_URL"):
        yield given
        return
    server = started(lambda: RealRedis(tmp_path_factory.mktemp("redis")))
    yield server.url
    server.kill()


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRedis]:
    """A real Redis of the test's own, to kill and to empty."""
    server = started(lambda: RealRedis(tmp_path_factory.mktemp("own_redis")))
    yield server
    server.kill()
