"""Generations of the read model: filled again where Redis was changed, and read only when they are whole."""

import random
from typing import Any

from tests.projected import MemoryLog, a_log, a_worker, content, project, work
from workers.projection.store import ModelStore
from workers.read_model.redis_keys import Keys


def test_a_redis_that_was_emptied_is_filled_again(redis: Any, app_id: str) -> None:
    log, dice = a_log(random.Random(7), leads=20), random.Random(7)
    memory = MemoryLog(log.records, dice)
    worker = a_worker(memory, redis, app_id)
    for _ in range(10):
        worker.step()
    _empty(redis, app_id)
    project(log.records, redis, f"{app_id}-clean", dice)
    work(worker, memory)
    assert content(redis, app_id) == content(redis, f"{app_id}-clean")


def test_a_redis_restored_from_an_old_dump_goes_on_from_there(redis: Any, app_id: str) -> None:
    log, dice = a_log(random.Random(8), leads=20), random.Random(8)
    memory = MemoryLog(log.records, dice)
    worker = a_worker(memory, redis, app_id)
    for _ in range(6):
        worker.step()
    dump = {key: redis.dump(key) for key in redis.scan_iter(match=f"leadloop:{app_id}:*")}
    for _ in range(6):
        worker.step()
    _empty(redis, app_id)
    for key, value in dump.items():
        redis.restore(key, 0, value)
    work(worker, memory)
    project(log.records, redis, f"{app_id}-clean", dice)
    assert content(redis, app_id) == content(redis, f"{app_id}-clean")


def test_a_rebuild_is_read_only_when_it_is_whole_and_what_was_before_goes_later(redis: Any, app_id: str) -> None:
    log, dice = a_log(random.Random(9), leads=20), random.Random(9)
    project(log.records, redis, app_id, dice)
    before, keys = content(redis, app_id), Keys(app_id)
    assert redis.get(keys.current) == b"1"
    worker = a_worker(MemoryLog(log.records, dice), redis, app_id, is_rebuilding=True)
    for _ in range(3):
        worker.step()
    assert (redis.get(keys.current), redis.get(keys.building)) == (b"1", b"2")
    assert content(redis, app_id) == before
    project(log.records, redis, app_id, dice)  # another worker goes on with what is being filled
    assert (redis.get(keys.current), redis.get(keys.building)) == (b"2", None)
    assert content(redis, app_id) == before
    assert [number for number, _ in redis.zrange(keys.retired, 0, -1, withscores=True)] == [b"1"]
    worker._store.sweep(now=4e9)  # noqa: SLF001  # much later
    assert not list(redis.scan_iter(match=f"leadloop:{app_id}:g1:*"))
    assert content(redis, app_id) == before


def test_a_generation_of_another_format_is_filled_anew_beside_it(redis: Any, app_id: str) -> None:
    log, dice = a_log(random.Random(9), leads=5), random.Random(9)
    project(log.records, redis, app_id, dice)
    before, keys = content(redis, app_id), Keys(app_id)
    redis.set(keys.generation(1).meta, b'{"format":99,"cluster":"cluster"}')
    project(log.records, redis, app_id, dice)
    assert redis.get(keys.current) == b"2"
    assert content(redis, app_id) == before


def test_a_log_that_is_shorter_than_what_was_read_of_it_makes_a_new_generation(redis: Any, app_id: str) -> None:
    project(a_log(random.Random(1), leads=20).records, redis, app_id, random.Random(1))
    other = a_log(random.Random(2), leads=3).records
    project(other, redis, app_id, random.Random(1))
    assert redis.get(Keys(app_id).current) == b"2"
    project(other, redis, f"{app_id}-clean", random.Random(1))
    assert content(redis, app_id) == content(redis, f"{app_id}-clean")


def test_pointers_that_somebody_else_has_written_are_none(redis: Any, app_id: str) -> None:
    log, dice, keys = a_log(random.Random(9), leads=5), random.Random(9), Keys(app_id)
    project(log.records, redis, app_id, dice)
    before = content(redis, app_id)
    redis.set(keys.current, "abc")
    project(log.records, redis, app_id, dice)
    assert content(redis, app_id) == before
    redis.delete(keys.current)
    redis.lpush(keys.current, "a list")
    project(log.records, redis, app_id, dice)
    assert content(redis, app_id) == before
    redis.zadd(keys.retired, {"abc": 0})
    ModelStore(redis, app_id).sweep(1e12)
    assert redis.zcard(keys.retired) == 0
    assert content(redis, app_id) == before


def _empty(redis: Any, app_id: str) -> None:
    for key in list(redis.scan_iter(match=f"leadloop:{app_id}:*")):
        redis.delete(key)
