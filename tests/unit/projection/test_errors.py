"""What Redis says no with, and what passes."""

from typing import Any

import pytest
from redis.exceptions import RedisError, ResponseError

from tests.redis import RealRedis
from workers.projection.errors import Unavailable, unavailable_reason
from workers.projection.store import ModelStore
from workers.read_model.generation import PartitionFreshness, PartitionId
from workers.read_model.redis_keys import Generation


@pytest.mark.parametrize(
    "text",
    [
        "MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.",
        "NOREPLICAS Not enough good replicas to write.",
        "Command # 1 (HSET x) of pipeline caused error: NOREPLICAS Not enough good replicas to write.",
        "Command # 2 (MSET a 1) of pipeline caused error: MISCONF Redis is configured to save RDB snapshots",
        "Command # 2 (MSET a 1) of pipeline caused error: OOM command not allowed",
    ],
)
def test_what_passes_is_waited_for(text: str) -> None:
    assert isinstance(unavailable_reason(ResponseError(text)), Unavailable)


@pytest.mark.parametrize("fault", [ResponseError("WRONGTYPE not a hash, NOREPLICAS"), RedisError("a bug")])
def test_what_does_not_pass_is_told(fault: RedisError) -> None:
    assert unavailable_reason(fault) is None


def test_a_redis_without_its_replicas_is_waited_for(own_redis: RealRedis) -> None:
    client: Any = own_redis.client()
    store, generation = ModelStore(client, "a"), Generation(1, "leadloop:a:g1:")
    client.set(generation.meta, b"{}")
    client.config_set("min-replicas-to-write", 3)
    with pytest.raises(Unavailable):
        store.write_freshness(generation, {PartitionId("lead-created", 0): PartitionFreshness(0, 1)})
