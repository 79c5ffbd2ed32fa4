"""Workers that miss responses or are suspended: they stop on SIGTERM, and send nothing that they no longer own."""

import asyncio
import signal

import pytest

from tests.component.delivery.harness import World, a_recycle, of, stopped, until
from tests.component.delivery.job import NO_RESPONSE
from tests.simulators.receiver import Behaviour
from tests.waiting import TIMEOUT


@pytest.mark.parametrize("is_known", [True, False])
async def test_an_error_while_endpoint_states_are_read_ends_the_process(world: World, is_known: bool) -> None:
    await world.endpoint("nurture")
    if is_known:
        world.set_state("nurture", "active")  # it is then read before anything else is done
    worker = world.start(world.job(crash=("bug", "follow", 1)))
    assert await asyncio.to_thread(worker.wait, TIMEOUT) == 70
    assert "a bug" in world.logs()


async def test_a_worker_that_never_receives_endpoint_states_stops_on_sigterm(world: World) -> None:
    await world.endpoint("nurture")
    world.set_state("nurture", "paused")
    worker = world.start(world.job(unresponsive_modules=("endpoint_states",)))
    world.start()
    await until(lambda: world.members() == 1 and NO_RESPONSE in world.logs())  # the other worker has started meanwhile
    assert worker.poll() is None
    assert await stopped(worker) == 0


async def test_a_worker_that_never_receives_results_stops_on_sigterm(world: World) -> None:
    nurture = await world.endpoint("nurture")
    events = [a_recycle(number) for number in range(6)]
    world.publish(events)
    first = world.start()
    await world.wait_finished(of(["nurture"], events))
    assert await stopped(first) == 0
    second = world.start(world.job(unresponsive_modules=("recovery",)))
    world.publish([a_recycle(9)])
    await until(lambda: world.members() == 1)
    await until(lambda: world.logs().count(NO_RESPONSE) >= 20)  # it has polled the results for seconds
    assert len(nurture.tries) == len(events)  # nothing is sent before all results are known
    assert await stopped(second) == 0


async def test_a_worker_that_was_suspended_sends_no_delivery_of_a_partition_that_it_lost(world: World) -> None:
    nurture = await world.endpoint("nurture", limits="{per_second: 10, burst: 2, concurrency: 4}")
    paused = world.start()
    first = [a_recycle(number) for number in range(60)]
    world.publish(first)
    await nurture.wait_for(10, seconds=30)
    paused.send_signal(signal.SIGSTOP)
    try:
        world.start()
        await world.wait_finished(of(["nurture"], first), within=60)
        await until(lambda: world.members() == 1)
        count = len(nurture.tries)
    finally:
        paused.send_signal(signal.SIGCONT)
    await until(lambda: world.members() == 2 or paused.poll() is not None)  # it has heard that it had nothing any more
    assert len(nurture.tries) == count
    later = [a_recycle(number) for number in range(100, 120)]
    world.publish(later)
    await world.wait_finished(of(["nurture"], later), within=40)
    sent = [one.message_id for one in nurture.tries]
    under_way = 4  # calls that were cut off, and are repeated
    assert len(sent) <= len(first) + len(later) + under_way
    assert await stopped(paused) in (0, 70)  # it is back in the group, or ended


async def test_the_revoke_of_a_filtered_recycle_is_not_sent_even_after_a_restart(world: World) -> None:
    nurture = await world.endpoint("nurture", only="{tracks: [nurture]}")
    other = await world.endpoint("other", only="{tracks: [other]}")
    first = world.start()
    world.publish([a_recycle(1)])
    await world.wait_finished(of(["nurture", "other"], [a_recycle(1)]))
    assert await stopped(first) == 0
    world.start()
    world.publish([a_recycle(1, "REVOKE", track="")])
    await world.wait_finished(of(["nurture", "other"], [a_recycle(1, "REVOKE")]))
    assert world.finished()["other", "recycle1", "REVOKE"] == ["no_op"]
    assert [one.message_id for one in nurture.tries] == ["recycle1_recycle", "recycle1_revoke"]
    assert not other.tries


async def test_a_revoke_is_sent_where_its_recycle_was_sent_even_if_the_segment_has_changed(world: World) -> None:
    nurture = await world.endpoint("nurture", only="{segments: [small]}")
    world.start()
    world.publish([a_recycle(1, segment="small")])
    await nurture.wait_for(1)
    world.publish([a_recycle(1, "REVOKE", segment="big"), a_recycle(2, "REVOKE", segment="big")])
    await nurture.wait_for(2)
    assert [one.message_id for one in nurture.tries] == ["recycle1_recycle", "recycle1_revoke"]


async def test_an_endpoint_for_revokes_only_receives_them(world: World) -> None:
    nurture = await world.endpoint("nurture", only="{actions: [REVOKE]}")
    world.start()
    world.publish([a_recycle(1), a_recycle(1, "REVOKE")])
    await nurture.wait_for(1)
    await until(lambda: world.finished() == {("nurture", "recycle1", "REVOKE"): ["accepted"]})


async def test_a_late_revoke_does_not_undo_the_next_recycle_of_its_lead(world: World) -> None:
    nurture = await world.endpoint("nurture")
    world.start(world.job(delays=(0.0, 4.0, 4.0)))
    world.publish([a_recycle(1)])
    await nurture.wait_for(1)
    nurture.behave(Behaviour("status", 503, times=1))
    world.publish([a_recycle(1, "REVOKE")])
    await nurture.wait_for(2, messages=False)
    again = a_recycle(2, lead_id="lead-1")
    world.publish([again])
    await world.wait_finished(of(["nurture"], [a_recycle(1, "REVOKE"), again]))
    taken = [one.message_id for one in nurture.tries if one.status == 200]
    assert taken == ["recycle1_recycle", "recycle1_revoke", "recycle2_recycle"]
    assert world.finished()["nurture", "recycle2", "RECYCLE"] == ["accepted"]
