"""The Kafka of docker-compose.yml: what its image would make of the variables starts, and answers on both listeners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient

from tests.contract.deploy.compose_file import services
from tests.kafka import REQUIRED, NoKafka, RealKafka, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class ComposedKafka(RealKafka):
    """A Kafka of the properties of docker-compose.yml, on ports that are free, under names of this machine."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        plain, internal, controller = free_ports(3)
        self.bootstrap, self.internal = f"localhost:{plain}", f"localhost:{internal}"
        self.properties = properties()
        text = "".join(f"{name}={value}\n" for name, value in self.properties.items())
        for old, new in {
            ":19092": f":{internal}",
            ":9092": f":{plain}",
            ":9093": f":{controller}",
            "//kafka:": "//localhost:",
            self.properties["log.dirs"]: str(directory / "data"),
        }.items():
            text = text.replace(old, new)
        self._properties.write_text(text)


def properties() -> dict[str, str]:
    """As the image reads them: `_` is a dot, `__` an underscore, `___` a dash."""
    env = services()["kafka"]["environment"]
    return {name.removeprefix("KAFKA_").lower().replace("_", "."): str(value) for name, value in env.items()}


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposedKafka]:
    try:
        kafka = ComposedKafka(tmp_path_factory.mktemp("composed"))
        kafka.start()
    except NoKafka as missing:
        if REQUIRED or "did not start" in str(missing):
            raise
        pytest.skip(f"needs a real Kafka of its own: {missing}")
    yield kafka
    kafka.kill()


@pytest.mark.kafka
def test_each_listener_advertises_an_address_that_its_clients_can_reach(composed: ComposedKafka) -> None:
    for address in (composed.bootstrap, composed.internal):
        (broker,) = AdminClient({"bootstrap.servers": address}).list_topics(timeout=20).brokers.values()
        assert f"{broker.host}:{broker.port}" == address


def test_every_kafka_variable_of_compose_becomes_a_property_of_the_broker() -> None:
    assert all("__" not in name for name in services()["kafka"]["environment"])
    assert properties()["group.initial.rebalance.delay.ms"] == "0"
