from dataclasses import replace

import pytest
from confluent_kafka import KafkaError

from streams.runtime.settings import Settings
from workers.doctor.groups import Group, evaluate, processes

STREAMS, DELIVER, PROJECT = processes(Settings(topic_prefix="p."))
HERE = frozenset({("t", 0), ("t", 1)})
WELL = Group(2, "STABLE", HERE, {("t", 0): 10, ("t", 1): 5}, {("t", 0): 10, ("t", 1): 9})


def test_groups_are_called_as_the_processes_call_them() -> None:
    assert [one.group for one in (STREAMS, DELIVER, PROJECT)] == ["leadloop", "p.leadloop-deliver", "leadloop-project"]


def test_a_group_that_works_says_how_far_it_is_behind() -> None:
    finding = evaluate(STREAMS, WELL)
    assert (finding.verdict, finding.found) == ("ok", "2 members, 4 records behind")


@pytest.mark.parametrize(
    ("group", "verdict", "found", "todo"),
    [
        (Group(), "warn", "never run", "start `leadloop deliver`"),
        (replace(WELL, members=0, state="EMPTY"), "fail", "no members; 4 records wait", "start `leadloop deliver`"),
        (replace(WELL, committed={}), "warn", "no commit yet", "log"),
        (replace(WELL, committed={("t", 0): -1001}), "warn", "no commit yet", "log"),
        (replace(WELL, assigned=frozenset({("t", 0)})), "fail", "1 partitions have no owner", "restart"),
        (replace(WELL, state="PREPARING_REBALANCING"), "warn", "giving out", "leadlooprebalancestorm"),
        (replace(WELL, ends={("t", 0): 10_000}), "warn", "9990 records behind", "start more"),
        (replace(WELL, versions={"1.0": 1, "1.1": 1}), "warn", "1 of version 1.0, 1 of version 1.1", "upgrade"),
        (Group(error=KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED)), "warn", "authorization", "acls.yml"),
        (Group(error=KafkaError(KafkaError.COORDINATOR_NOT_AVAILABLE)), "fail", "oordinator", "Kafka"),
        (
            Group(error=KafkaError(KafkaError.COORDINATOR_NOT_AVAILABLE), is_first=True),
            "warn",
            "it has never run",
            "again in a minute",
        ),
        (
            Group(error=KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED), is_first=True),
            "warn",
            "authorization",
            "acls.yml",
        ),
    ],
)
def test_a_group_that_does_not_work_says_what_to_do(group: Group, verdict: str, found: str, todo: str) -> None:
    finding = evaluate(DELIVER, group)
    assert finding.verdict == verdict
    assert found in finding.found
    assert todo in finding.todo
