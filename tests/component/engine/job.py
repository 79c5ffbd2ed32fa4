"""A small job for the engine's component tests, run as a process: settings are JSON in the variable JOB.

State of a key: its event ids in the order they were taken. One output for each id.
"""

import asyncio
import json
import logging
import os
import random
from collections.abc import AsyncIterable
from pathlib import Path
from typing import Any

import msgspec

from streams.engine import Chunk, FetchedRecord, Job, MemoryStore, RecoveredPartition, RocksStore, Store
from streams.engine.faust_driver import FaustDriver
from streams.engine.kafka_clients import ClientSettings
from tests.component.engine import crash, network, owners

SETTINGS: dict[str, Any] = json.loads(os.environ["JOB"])
NAME, DATA = SETTINGS["name"], Path(SETTINGS["data"])


class Event(msgspec.Struct):
    at: int
    id: str = ""


DECODER = msgspec.json.Decoder(Event)
ON_ITS_WAY = 500  # ms that a record may take from its producer into Kafka
STATE = msgspec.json.Decoder(list[str])


def decode(record: FetchedRecord) -> tuple[int, Event | None]:
    try:
        event = DECODER.decode(record.value or b"")
    except msgspec.MsgspecError:
        return 0, None
    return event.at, event


def store(number: int) -> Store:
    return RocksStore(DATA, number, SETTINGS["max_age"]) if SETTINGS["rocks"] else MemoryStore(number)


clocks: dict[int, int] = {}
complete: dict[int, int] = {}


async def recovered(partition: RecoveredPartition) -> int:
    kept = partition.store
    clocks[partition.number] = int(kept.get(b"\0now") or 0)
    keys = sum(1 for _ in kept.items())
    with (DATA.parent / "recovered.jsonl").open("a") as seen:
        seen.write(json.dumps({"partition": partition.number, "keys": keys, "worker": DATA.name}) + "\n")
    return clocks[partition.number]


async def revoked(number: int) -> None:
    del clocks[number]


async def ledger(chunks: AsyncIterable[Chunk[Event | None]]) -> None:
    async for chunk in chunks:
        async with chunk:
            take(chunk)
            if SETTINGS["slow"]:
                await asyncio.sleep(SETTINGS["slow"] * random.random())


def take(chunk: Chunk[Event | None]) -> None:
    states: dict[bytes, list[str]] = {}
    for item in chunk.records:
        chunk.current, record = item, item.record
        if item.value is None:
            chunk.send(f"{NAME}-out", record.key, b"dead", partition=chunk.partition)
        elif item.value.id == "BOOM":
            raise ValueError("a bug")
        elif item.value.id:
            publish(chunk, states, record.key or b"", item.value.id)
        clocks[chunk.partition] = max(clocks[chunk.partition], item.at)
        if record.timestamp + ON_ITS_WAY < complete.get(chunk.partition, 0):
            chunk.send(f"{NAME}-out", record.key, b"overtaken", partition=chunk.partition)
    for key, ids in states.items():
        chunk.put(key, msgspec.json.encode(ids))
    complete[chunk.partition] = max(complete.get(chunk.partition, 0), chunk.complete_until)
    if not chunk.records:
        chunk.put(b"\0complete", b"%d" % complete[chunk.partition])
        chunk.put(b"\0ticks", b"%d" % (int(chunk.get(b"\0ticks") or 0) + 1))
    chunk.put(b"\0now", b"%d" % clocks[chunk.partition])


def publish(chunk: Chunk[Event | None], states: dict[bytes, list[str]], key: bytes, event_id: str) -> None:
    ids = states.get(key)
    if ids is None:
        ids = states[key] = STATE.decode(chunk.get(key) or b"[]")
    if event_id not in ids:
        ids.append(event_id)
    chunk.send(f"{NAME}-out", key, event_id.encode(), partition=chunk.partition, headers=[("h", b"1")])


JOB = Job(
    name="ledger",
    inputs=(f"{NAME}-a", f"{NAME}-b", f"{NAME}-heartbeats"),
    outputs=(f"{NAME}-out",),
    changelog=f"{NAME}-changelog",
    partitions=SETTINGS["partitions"],
    store=store,
    decode=decode,
    agent=ledger,
    on_recovered=recovered,
    on_revoked=revoked,
    bounded_by=f"{NAME}-heartbeats" if SETTINGS["bounded"] else None,
    tick=SETTINGS["tick"],
    max_records=SETTINGS["max_records"],
)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    crash.install(SETTINGS["crash"])
    owners.install(fenced=SETTINGS["fenced"], renew_after=SETTINGS["renew_after"])
    if SETTINGS["proxy"]:
        network.redirect(SETTINGS["bootstrap"], SETTINGS["proxy"])
    session = SETTINGS["session"]
    clients = ClientSettings(
        connection={"bootstrap_servers": SETTINGS["bootstrap"]}, group=NAME, session=session, heartbeat=session / 6
    )
    FaustDriver(JOB, clients, data_dir=DATA / "faust", commit_seconds=SETTINGS["commit"]).run()
