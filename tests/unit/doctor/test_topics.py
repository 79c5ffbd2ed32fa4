from dataclasses import replace

import pytest
from confluent_kafka import KafkaError

from streams.runtime.settings import Settings
from workers.admin import topics_of
from workers.doctor.findings import Finding
from workers.doctor.topics import Copies, ObservedTopic, evaluate

SETTINGS = Settings(partitions=4, topic_prefix="p.")
CREATED = "p.lead-created"
WELL = {
    name: ObservedTopic(topic, topic.partitions or 4, Copies(3, 3, 0, 2), topic.config)
    for name, topic in topics_of("leadloop", "p.").items()
}


def _evaluated(**changes: object) -> list[Finding]:
    """The findings where lead-created is seen with these changes, and all else is well."""
    return evaluate({**WELL, CREATED: replace(WELL[CREATED], **changes)}, SETTINGS)  # type: ignore[arg-type]


def test_topics_as_they_must_be_are_one_line() -> None:
    (finding,) = evaluate(WELL, SETTINGS)
    assert (finding.verdict, finding.todo) == ("ok", "")


@pytest.mark.parametrize(
    ("copies", "words"),
    [
        (Copies(1, 1, 0, 1), "one copy only"),
        (Copies(3, 2, 0, 2), "out of sync"),
        (Copies(3, 3, 0, 3), "as high as the copies"),
        (Copies(3, 3, 0, 1), "min.insync.replicas=1"),
    ],
)
def test_too_few_copies_are_warned_of(copies: Copies, words: str) -> None:
    (finding,) = [one for one in _evaluated(copies=copies) if one.about == "replication"]
    assert finding.verdict == "warn"
    assert words in finding.found
    assert CREATED in finding.found


def test_a_partition_without_a_leader_fails() -> None:
    assert _evaluated(copies=Copies(3, 3, 1, 2))[0].verdict == "fail"


def test_an_input_with_other_partitions_fails_and_a_mere_output_is_warned_of() -> None:
    assert (_evaluated(partitions=3)[0].about, _evaluated(partitions=3)[0].verdict) == (CREATED, "fail")
    decisions = "p.lead-decisions"
    (finding, *_) = evaluate({**WELL, decisions: replace(WELL[decisions], partitions=3)}, SETTINGS)
    assert (finding.about, finding.verdict) == (decisions, "warn")


def test_where_all_have_another_number_the_setting_is_what_is_wrong() -> None:
    (finding, *_) = evaluate(WELL, replace(SETTINGS, partitions=12))
    assert finding.verdict == "fail"
    assert "LEADLOOP_PARTITIONS=4" in finding.todo


def test_a_policy_that_differs_comes_with_the_command_that_mends_it() -> None:
    (finding,) = _evaluated(config=dict(WELL[CREATED].config or {}) | {"cleanup.policy": "compact"})
    assert (finding.about, finding.verdict) == (CREATED, "fail")
    assert finding.todo.startswith("run kafka-configs --alter")


def test_a_topic_that_is_not_there_fails() -> None:
    (finding,) = _evaluated(error=KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    assert (finding.verdict, finding.todo) == ("fail", "run `leadloop topics create`")


def test_what_one_user_may_not_see_is_a_remark_and_to_see_nothing_a_fault() -> None:
    denied = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    assert [one.verdict for one in _evaluated(error=denied) if one.about == "rights"] == ["warn"]
    nothing = {name: replace(one, error=denied) for name, one in WELL.items()}
    assert [one.verdict for one in evaluate(nothing, SETTINGS)] == ["fail"]


def test_policies_that_may_not_be_seen_are_not_said_to_be_well() -> None:
    well, rights = _evaluated(config=None)
    assert "policies" not in well.found
    assert (rights.about, rights.verdict) == ("rights", "warn")
