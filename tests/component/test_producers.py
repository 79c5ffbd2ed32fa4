"""Producers in four languages, and a consumer, by the contract alone: the bytes, keys and partitions of Leadloop."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from schemas.events import DealClosed, FactRecord, LeadContacted, LeadCreated, LeadStalled, LeadUpdated
from schemas.topics import TOPICS, partition_of
from tests.as_user import environment, output_of, run
from tests.builders import T0
from tests.toolchains import TOOLCHAINS, built_consumer, built_producer, is_installed
from tests.waiting import wait_for
from tests.world import CODEC, TOPIC_OF, World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from tests.kafka import Broker
    from tests.toolchains import BuiltProject
    from tests.world import Streams

LEADS = 4
"""Of each story and producer."""
HOUR = 3_600_000
END = T0 + 10 * HOUR
SHOWN = ("action", "recycle_id", "lead_id", "occurred_at", "reason", "track", "touches", "not_before")
UPSTREAM = [name for name, topic in TOPICS.items() if "upstream" in topic.written_by]
STAGES = {"won": "won", "lost": "nurture", "stalled": "nurture", "corrected": "new"}
"""Of each story at its end."""
# What clients do by default, or did, and streams does not share.
OTHER_PARTITIONERS = {"python": "consistent_random", "node": "kafkajs-legacy", "go": "sarama"}

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def world(real_kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Topics with the facts of all producers, processed by streams."""
    folder = tmp_path_factory.mktemp("producers")
    world = World.on_real(real_kafka.bootstrap, folder)
    run(environment(), folder, "schemas", "export", "schemas")
    try:
        worker = world.streams()
        publish_all(world, {language: {} for language in available()})
        world.heartbeat(END)
        worker.wait_ready()
        world.settle()
        yield world
    finally:
        world.close()


def available() -> list[str]:
    """The languages whose toolchain is installed."""
    return [language for language in TOOLCHAINS if is_installed(language)]


def publish_all(world: World, settings: Mapping[str, Mapping[str, str]]) -> None:
    """Run the examples of these languages at the same time, each with its environment."""
    producers = {language: built_producer(language) for language in settings}
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(publish, producers[name], world, name, **settings[name]) for name in settings]
        for one in runs:
            one.result()


def stories(producer: str) -> list[FactRecord]:
    """Facts of leads, in the order of their times: each lead is created and called, and then its story ends."""
    facts = [
        fact for number in range(LEADS) for story in STAGES for fact in _story(story, f"{producer}-{story}-{number}")
    ]
    return sorted(facts, key=lambda fact: fact.occurred_at)


def _story(story: str, lead_id: str) -> Iterator[FactRecord]:
    def known(what: str, at: int) -> dict[str, Any]:
        return {"event_id": f"{lead_id}:{what}", "lead_id": lead_id, "occurred_at": at, "source": "example"}

    yield LeadCreated(**known("created", T0), origin="webinar", consent_expires_at=T0 + 10**10, expected_amount=125_000)
    yield LeadContacted(**known("called", T0 + HOUR), by="sales", activity="call", outcome="no_answer", owner_id="ann")
    end = known(story, T0 + 2 * HOUR)
    match story:
        case "won":
            yield DealClosed(**end, outcome="won", amount=118_000, currency="EUR")
        case "lost":
            yield DealClosed(**end, outcome="lost", reason="price")
        case "stalled":
            yield LeadStalled(**end, reason="bad_timing", note="Ünïcode 𝄞", resume_at=T0 + 10**9)
        case _:
            yield LeadUpdated(**end, do_not_contact="yes", retracts=f"{lead_id}:called")


def publish(producer: BuiltProject, world: World, name: str, **env: str) -> None:
    """Run an example on its stories; each record has only the fields that are given."""
    path = world.folder / f"{name}.jsonl"
    rows = [
        json.dumps({"topic": TOPIC_OF[type(fact)], "record": given(fact)}, ensure_ascii=False) for fact in stories(name)
    ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    env |= {"LEADLOOP_SCHEMAS": str(world.folder / "schemas"), "LEADLOOP_TOPIC_PREFIX": world.prefix}
    said = producer.run(str(path), KAFKA_BOOTSTRAP_SERVERS=world.bootstrap, **env)
    assert f"published {len(rows)} facts" in said


def given(fact: FactRecord) -> dict[str, Any]:
    defaults = msgspec.structs.asdict(type(fact)())
    return {name: value for name, value in msgspec.structs.asdict(fact).items() if value != defaults[name]}


def written(world: World, language: str) -> list[tuple[str, Any]]:
    """Every message of a producer on the topics of facts, with its topic; what streams rerouted is among them."""
    messages = [(topic, message) for topic in UPSTREAM for message in world.read(topic)]
    return [(topic, message) for topic, message in messages if message.key().startswith(f"{language}-".encode())]


def expected_stages(languages: Iterable[str]) -> dict[str, str]:
    return {
        f"{language}-{story}-{number}": stage
        for language in languages
        for story, stage in STAGES.items()
        for number in range(LEADS)
    }


def rerouted(worker: Streams) -> int:
    (count,) = re.findall(r"^leadloop_rerouted_total (\S+)", worker.metrics(), re.MULTILINE)
    return int(float(count))


@pytest.mark.parametrize("language", TOOLCHAINS)
def test_a_producer_writes_the_bytes_keys_and_partitions_of_the_contract(language: str, world: World) -> None:
    built_producer(language)
    wanted = sorted(
        (TOPIC_OF[type(fact)], key := fact.lead_id.encode(), CODEC.encode(fact), partition_of(key, world.partitions))
        for fact in stories(language)
    )
    messages = written(world, language)
    assert sorted((topic, each.key(), each.value(), each.partition()) for topic, each in messages) == wanted
    assert {name for _, message in messages for name, _ in message.headers()} == {"content-type"}


def test_streams_folds_what_producers_of_all_languages_publish(world: World) -> None:
    assert world.published().stage_of == expected_stages(available())
    assert world.dead_letters() == []
    assert rerouted(world.workers[0]) == 0


def test_a_consumer_generated_from_the_asyncapi_document_reads_every_recycle(world: World, tmp_path: Path) -> None:
    folder = built_consumer(tmp_path / "consumer")
    env = {
        "LEADLOOP_SCHEMAS": str(world.folder / "schemas"),
        "LEADLOOP_TOPIC_PREFIX": world.prefix,
        "KAFKA_BOOTSTRAP_SERVERS": world.bootstrap,
        "GROUP": f"{world.prefix}consumer",
    }
    wanted = sorted(world.decoded("lead-recycled"), key=lambda event: event.recycle_id)
    assert wanted
    assert "LeadRecycled" in output_of(["node", "generate.js"], folder, **env)
    printed = output_of(["node", "consume.js", str(len(wanted))], folder, **env)
    events = sorted(map(json.loads, printed.splitlines()), key=lambda event: event["recycle_id"])
    assert [{name: event[name] for name in SHOWN} for event in events] == [
        {name: getattr(event, name) for name in SHOWN} for event in wanted
    ]


def test_streams_corrects_what_other_partitioners_do(world: World) -> None:
    others = World.on_real(world.bootstrap, world.folder)
    languages = [language for language in available() if language in OTHER_PARTITIONERS]
    try:
        publish_all(others, {language: {"PARTITIONER": OTHER_PARTITIONERS[language]} for language in languages})
        wrong = 0
        for language in languages:
            messages = [message for _, message in written(others, language)]
            own = sum(each.partition() != partition_of(each.key(), others.partitions) for each in messages)
            assert own > len(messages) / 4, f"{OTHER_PARTITIONERS[language]} has become murmur2"
            wrong += own
        others.heartbeat(END)
        worker = others.streams()
        worker.wait_ready()
        wait_for(lambda: rerouted(worker) >= wrong, 60, "every misplaced record is rerouted")
        others.settle()
        assert rerouted(worker) == wrong
        assert others.published().stage_of == expected_stages(languages)
        assert others.dead_letters() == []
    finally:
        others.close()
