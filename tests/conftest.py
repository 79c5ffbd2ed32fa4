"""Fixtures that all tests share: a broker, found or started once per run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kafka import REQUIRED, Broker, NoKafka, RealKafka, found_broker

if TYPE_CHECKING:
    from collections.abc import Iterator

BROKERS = {"kafka", "real_kafka", "own_kafka"}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: long; runs only when asked for by -m soak")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a broker, so that nobody can forget it; leave out what is long."""
    for item in items:
        if BROKERS & set(getattr(item, "fixturenames", ())):
            item.add_marker("kafka")
    if "soak" not in config.option.markexpr:
        long = [item for item in items if item.get_closest_marker("soak")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The best broker that can be had; shared, so name topics and groups uniquely."""
    with found_broker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture
def real_kafka(kafka: Broker) -> Broker:
    """A real Kafka, for what the mock does not do."""
    if kafka.kind == "mock":
        pytest.skip("needs a real Kafka: install java and mvn, or set KAFKA_BOOTSTRAP_SERVERS")
    return kafka


@pytest.fixture
def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKafka]:
    """A real Kafka of the test's own, to stop and to kill."""
    try:
        broker = RealKafka(tmp_path_factory.mktemp("own"))
        broker.start()
    except NoKafka as missing:
        if REQUIRED:
            raise
        pytest.skip(f"needs a real Kafka of its own: {missing}")
    yield broker
    broker.kill()
