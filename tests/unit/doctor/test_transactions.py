"""What is said about the coordinators by which streams claims its partitions."""

from dataclasses import replace

import pytest
from aiokafka.errors import CoordinatorNotAvailableError, TransactionalIdAuthorizationFailed
from confluent_kafka import KafkaError

from streams.engine.fencing import RENEW_AFTER
from workers.doctor.topics import Copies, ObservedTopic
from workers.doctor.transactions import (
    BROKERS,
    COPIES,
    RENEWED_SECONDS,
    STATE,
    evaluate,
    evaluate_expirations,
    evaluate_state,
    has_enough_brokers,
)

WELL = {"leadloop-changelog-0": None, "leadloop-changelog-1": None}
OF_STATE = ObservedTopic(STATE, 50, Copies(3, 3, 0, 2))


def test_coordinators_of_all_partitions_are_one_line() -> None:
    (finding,) = evaluate(WELL)
    assert (finding.verdict, finding.todo) == ("ok", "")


def test_a_partition_without_a_coordinator_fails_and_is_named() -> None:
    (finding,) = evaluate({**WELL, "leadloop-changelog-1": CoordinatorNotAvailableError()})
    assert finding.verdict == "fail"
    assert "leadloop-changelog-1" in finding.found
    assert "leadloop-changelog-0" not in finding.found
    assert "transaction.state.log.replication.factor" in finding.todo


def test_a_cluster_that_is_asked_for_the_first_time_only_needs_a_moment() -> None:
    (finding,) = evaluate({**WELL, "leadloop-changelog-1": CoordinatorNotAvailableError()}, is_created_now=True)
    assert (finding.verdict, finding.todo) == ("warn", "run this again in a minute")


@pytest.mark.parametrize(
    ("config", "is_enough"),
    [({COPIES: "3", BROKERS: "3"}, True), ({COPIES: "3", BROKERS: "1"}, False), ({BROKERS: "3"}, False), ({}, False)],
)
def test_a_cluster_can_create_its_coordinators_with_as_many_brokers_as_copies(
    config: dict[str, str | None], is_enough: bool
) -> None:
    assert has_enough_brokers(config) == is_enough


def test_ids_that_may_not_be_seen_are_a_matter_of_rights() -> None:
    (finding,) = evaluate({**WELL, "leadloop-changelog-1": TransactionalIdAuthorizationFailed()})
    assert (finding.about, finding.verdict) == ("rights", "warn")
    assert "deploy/acls.yml" in finding.todo


@pytest.mark.parametrize(
    ("copies", "verdict", "words"),
    [
        (Copies(3, 1, 0, 2), "fail", "1 copies in sync, but min.insync.replicas=2"),
        (Copies(1, 1, 0, 1), "warn", "one copy only"),
        (Copies(3, 3, 0, 1), "warn", "min.insync.replicas=1"),
    ],
)
def test_a_topic_of_the_coordinators_that_cannot_be_relied_on_is_reported(
    copies: Copies, verdict: str, words: str
) -> None:
    (finding,) = evaluate_state(replace(OF_STATE, copies=copies))
    assert (finding.verdict, words in finding.found) == (verdict, True)


@pytest.mark.parametrize(
    "state", [OF_STATE, ObservedTopic(STATE, error=KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))]
)
def test_a_topic_of_the_coordinators_that_is_well_or_hidden_is_no_finding(state: ObservedTopic) -> None:
    assert evaluate_state(state) == []


def test_a_cluster_that_forgets_epochs_before_they_are_renewed_is_reported() -> None:
    (finding,) = evaluate_expirations({"producer.id.expiration.ms": "3600000"})
    assert finding.verdict == "warn"
    assert "producer.id.expiration.ms=3600000" in finding.found
    assert evaluate_expirations({"producer.id.expiration.ms": "86400000"}) == []
    assert evaluate_expirations({}) == []
    assert RENEWED_SECONDS == RENEW_AFTER
