"""Batches in a running worker: each delivery of a call has its own outcome."""

import asyncio
from collections import Counter
from pathlib import Path

from tests.component.delivery.harness import SECRET, World, a_recycle, of, stopped
from tests.kafka import Broker
from tests.redis import RealRedis
from tests.simulators.hubspot import HubSpot
from tests.waiting import TIMEOUT
from workers.delivery.runtime.assignment import MAX_OPEN

LIST = "31"
MARKETO_BATCH = 300
UNRESPONSIVE = "http://127.0.0.1:9"


async def test_deliveries_of_one_call_have_their_own_outcomes_and_are_revoked(world: World) -> None:
    async with HubSpot(SECRET) as hubspot:
        hubspot.records = {str(number) for number in range(1, 41)}
        hubspot.lists[LIST] = {"3"}
        world.others["list"] = {
            "kind": "hubspot-list",
            "url": hubspot.url,
            "allow_http": True,
            "ports": [hubspot.port],
            "token": {"env": "LEADLOOP_TEST_SECRET"},
            "lists": {"*": int(LIST)},
            "batch_milliseconds": 1000,
        }
        known = [a_recycle(number, lead_id=str(number)) for number in range(1, 41)]
        strange = [a_recycle(98, lead_id="98"), a_recycle(99, lead_id="not-a-number")]
        world.publish([*known, *strange])
        worker = world.start()
        await world.wait_finished(of(["list"], [*known, *strange]))
        ended = world.finished()
        assert Counter(ended["list", one.recycle_id, "RECYCLE"][0] for one in known) == {"accepted": 39, "no_op": 1}
        assert ended["list", "recycle3", "RECYCLE"] == ["no_op"]
        assert {ended["list", one.recycle_id, "RECYCLE"][0] for one in strange} == {"refused"}
        assert len(hubspot.joined) == 39
        assert len(hubspot.calls) <= 4  # and not 42
        back = [a_recycle(number, "REVOKE", lead_id=str(number)) for number in range(1, 11)]
        world.publish(back)
        await world.wait_finished(of(["list"], back))
        assert hubspot.lists[LIST] == {str(number) for number in range(11, 41)}
        assert await stopped(worker) == 0


async def test_a_batch_cut_off_by_a_crash_is_repeated_and_every_delivery_finishes_once(world: World) -> None:
    async with HubSpot(SECRET) as hubspot:
        hubspot.records = {str(number) for number in range(1, 21)}
        hubspot.lists[LIST] = set()
        world.others["list"] = {
            "kind": "hubspot-list",
            "url": hubspot.url,
            "allow_http": True,
            "ports": [hubspot.port],
            "token": {"env": "LEADLOOP_TEST_SECRET"},
            "lists": {"*": int(LIST)},
        }
        events = [a_recycle(number, lead_id=str(number)) for number in range(1, 21)]
        world.publish(events)
        crashed = world.start(world.job(crash=("after", "result", 3)))
        assert await asyncio.to_thread(crashed.wait, TIMEOUT) == 99
        world.start()
        await world.wait_finished(of(["list"], events))
        assert {len(ends) for ends in world.finished().values()} == {1}
        assert hubspot.lists[LIST] == hubspot.records
        assert len(hubspot.joined) == len(events)  # nobody joined twice


async def test_large_batches_of_an_unresponsive_endpoint_do_not_block_another_endpoint(
    real_kafka: Broker, redis: RealRedis, tmp_path: Path
) -> None:
    """In-flight deliveries of one endpoint exceed the open records for which the source would pause otherwise."""
    concurrency, count = MAX_OPEN // MARKETO_BATCH + 1, MAX_OPEN + 500
    async with World(real_kafka, tmp_path, redis.url, partitions=1) as world:
        secret = {"env": "LEADLOOP_TEST_SECRET"}
        world.others["marketo"] = {
            "kind": "marketo-list",
            "url": UNRESPONSIVE,
            "allow_http": True,
            "ports": [9],
            "client_id": secret,
            "client_secret": secret,
            "lists": {"*": 1},
            "limits": {"per_second": 10, "burst": 10, "concurrency": concurrency},
        }
        good = await world.endpoint("good", limits="{per_second: 2000, burst: 200, concurrency: 50}")
        world.publish([a_recycle(number, lead_id=str(number + 1)) for number in range(count)])
        world.start(world.job(unresponsive=UNRESPONSIVE))
        await good.wait_for(count, seconds=40)
