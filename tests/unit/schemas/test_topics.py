from schemas.events import LeadCreated
from schemas.topics import INPUTS, TOPIC_OF, TOPICS, changelog_of, subject_of


def test_the_order_of_the_inputs_settles_ties() -> None:
    assert INPUTS == (
        "lead-created",
        "lead-updated",
        "lead-contacted",
        "deal-closed",
        "lead-stalled",
        "lead-recycled",
        "stream-heartbeats",
    )


def test_a_dead_letter_may_be_longer_than_the_record_it_holds() -> None:
    longest = max(TOPICS[name].max_message_bytes for name in INPUTS)
    assert TOPICS["lead-dead-letters"].max_message_bytes > longest


def test_what_must_be_forgotten_is_gone_from_the_log_within_30_days() -> None:
    without_leads = {"endpoint-events", "operator-actions", "policy-versions"}
    of_leads = [topic for name, topic in TOPICS.items() if name not in without_leads]
    assert all(topic.retention_ms < 30 * 86_400_000 for topic in of_leads)


def test_the_changelog_keeps_the_newest_value_and_its_tombstones_for_a_week() -> None:
    config = changelog_of("loop").config
    assert config["cleanup.policy"] == "compact"
    assert int(config["delete.retention.ms"]) >= 7 * 86_400_000


def test_a_subject_is_named_by_the_physical_topic() -> None:
    assert subject_of(TOPIC_OF[LeadCreated], "acme.") == "acme.lead-created-value"
