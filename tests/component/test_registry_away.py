"""A worker whose schema registry is away."""

from pathlib import Path

from schemas.catalogue import schema_of
from schemas.codec import Codec
from schemas.connect import open_catalogue
from schemas.events import Heartbeat, LeadCreated
from schemas.registry import RegistryConf
from tests.builders import DAY, T0, a_created
from tests.kafka import Broker
from tests.registry import a_registry
from tests.waiting import wait_for
from tests.world import World
from workers.admin import push_schemas

BUG = 70


def test_a_record_whose_schema_is_unavailable_is_retried_and_not_a_dead_letter(kafka: Broker, tmp_path: Path) -> None:
    """The worker ends before the ack; started again, it goes on once the registry answers."""
    with a_registry() as registry:
        world, conf = World.on_real(kafka.bootstrap, tmp_path, 1), RegistryConf(url=registry.url)
        try:
            push_schemas(conf, world.prefix)
            codec = Codec(open_catalogue(conf, world.prefix))
            newer = registry.add({**schema_of(LeadCreated), "doc": "what a newer writer says of it"})
            worker = world.streams(SCHEMA_REGISTRY_URL=registry.url)
            worker.wait_ready()
            registry.out_of_order = 503
            world.send_raw("lead-created", "ada", b"\0" + newer.to_bytes(4, "big") + codec.encode(a_created("ada"))[5:])
            world.flush()
            wait_for(lambda: not worker.is_alive(), 60, "the end of the worker")
            assert worker.process.returncode == BUG
            registry.out_of_order, worker.is_expected_dead = None, True
            world.streams(SCHEMA_REGISTRY_URL=registry.url)
            beat = codec.encode(Heartbeat(occurred_at=T0 + DAY, source="test", says="complete"))
            world.send_raw("stream-heartbeats", None, beat, partition=0)
            world.flush()
            world.settle()
            assert [message.key() for message in world.read("lead-snapshots")] == [b"ada"]
            assert world.dead_letters() == []
        finally:
            world.close()
