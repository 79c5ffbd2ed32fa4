"""Access lists and Strimzi's objects: made out of one table, and held to the table of topics."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.access import UPSTREAM
from deploy.generate import generated, stray
from schemas.policy_versions import TOPIC as POLICIES
from schemas.topics import INPUTS, TOPICS, changelog_of
from streams.app import OUTPUTS
from streams.runtime.settings import Settings
from tests.waiting import TIMEOUT

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
KNOWN = {**TOPICS, "leadloop-changelog": changelog_of("leadloop")}

KINDS = {"--topic": "topic", "--group": "group", "--transactional-id": "transactionalId"}
"""Options of Kafka's tool, and what Strimzi calls their kind."""

Rule = tuple[str, str, str, str, str]
"""Who, kind, name, pattern, operation."""


def test_the_committed_files_are_those_that_generate_writes() -> None:
    for path, text in generated().items():
        assert path.is_file(), f"{path} is not there: `make manifests`"
        assert path.read_text(encoding="utf-8") == text, f"{path} is old: `make manifests`"
    assert stray() == []


def by_strimzi() -> set[Rule]:
    users = yaml.safe_load_all((DEPLOY / "strimzi" / "users.yml").read_text(encoding="utf-8"))
    return {rule for user in users if user for rule in _rules(user)}


def _rules(user: dict[str, Any]) -> set[Rule]:
    who = user["metadata"]["name"].removeprefix("leadloop-")
    return {
        (who, one["resource"]["type"], one["resource"]["name"], one["resource"]["patternType"], operation)
        for one in user["spec"]["authorization"]["acls"]
        for operation in one["operations"]
    }


def by_script(tmp_path: Path, **env: str) -> set[Rule]:
    """What the script would ask of Kafka's tool, which is replaced by one that writes down how it was called."""
    tool = tmp_path / "kafka-acls.sh"
    tool.write_text('#!/bin/sh\necho "$@" >> "$0.log"\n')
    tool.chmod(0o755)
    subprocess.run(
        [DEPLOY / "kafka-acls.sh"],
        env={"PATH": os.environ["PATH"], "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092", "KAFKA_ACLS": str(tool), **env},
        check=True,
        timeout=TIMEOUT,
    )
    calls = (tmp_path / "kafka-acls.sh.log").read_text().splitlines()
    return {rule for call in calls for rule in _called(call.split())}


def _called(words: list[str]) -> set[Rule]:
    assert words[:3] == ["--bootstrap-server", "kafka:9092", "--add"]
    pairs = list(zip(words[3::2], words[4::2], strict=True))
    who = dict(pairs)["--allow-principal"].removeprefix("User:leadloop-")
    pattern = "prefix" if ("--resource-pattern-type", "prefixed") in pairs else "literal"
    operations = [value for name, value in pairs if name == "--operation"]
    return {
        (who, KINDS[name], value, pattern, operation)
        for name, value in pairs
        if name in KINDS
        for operation in operations
    }


def test_the_acl_script_grants_the_same_as_strimzi(tmp_path: Path) -> None:
    assert by_script(tmp_path) == by_strimzi()


def test_the_acl_script_uses_the_topic_prefix_and_the_application_id(tmp_path: Path) -> None:
    rules = by_script(tmp_path, LEADLOOP_TOPIC_PREFIX="sales.", LEADLOOP_APP_ID="loop")
    assert {name for _, kind, name, _, _ in rules if kind == "topic"} == {
        *(f"sales.{name}" for name in TOPICS),
        "sales.loop-changelog",
    }
    assert ("streams", "group", "loop", "literal", "Read") in rules
    assert ("streams", "transactionalId", "sales.loop-changelog-", "prefix", "Write") in rules


@pytest.mark.parametrize("name", KNOWN)
def test_only_the_writers_of_a_topic_may_write_to_it(name: str) -> None:
    writers = {
        who for who, kind, topic, _, operation in by_strimzi() if (kind, topic, operation) == ("topic", name, "Write")
    }
    listed = set(KNOWN[name].written_by)
    listed = (listed - {"upstream"}) | (set(UPSTREAM) if "upstream" in listed else set())
    # Beyond the table: streams sends a record of an input to its right partition, people replay and pause.
    by_operators = {"endpoint-states": {"operate", "report"}, "delivery-wait-1s": {"operate", "report"}}
    beyond = {"streams", "operate"} if name in INPUTS else by_operators.get(name, set())
    if name == "lead-dead-letters":  # the mark of a replay
        beyond = {"operate"}
    assert writers == listed | beyond


def test_streams_may_write_its_outputs_and_read_its_changelog() -> None:
    own = {(topic, operation) for who, kind, topic, _, operation in by_strimzi() if (who, kind) == ("streams", "topic")}
    changelog = changelog_of(Settings().app_id).name
    assert {topic for topic, operation in own if operation == "Write"} == {*OUTPUTS, POLICIES, changelog}
    assert {topic for topic, operation in own if operation == "Read"} == {*INPUTS, POLICIES, changelog}


def test_no_right_is_granted_that_no_process_uses() -> None:
    operations = {operation for _, _, _, _, operation in by_strimzi()}
    assert operations == {"Read", "Write", "Create", "Describe", "DescribeConfigs"}
    assert {who for who, _, _, _, operation in by_strimzi() if operation == "Create"} == {"topics"}
    assert {pattern for _, kind, _, pattern, _ in by_strimzi() if kind == "topic"} == {"literal"}


def test_strimzi_creates_the_same_topics_as_leadloop() -> None:
    objects = yaml.safe_load_all((DEPLOY / "strimzi" / "topics.yml").read_text(encoding="utf-8"))
    made_there = {one["spec"]["topicName"]: one["spec"] for one in objects if one}
    assert set(made_there) == set(KNOWN)
    for name, topic in KNOWN.items():
        assert made_there[name]["partitions"] == (topic.partitions or Settings().partitions)
        assert topic.config.items() <= made_there[name]["config"].items()
