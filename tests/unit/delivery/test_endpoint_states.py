"""What the records about an endpoint say together."""

import pytest

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.events import EndpointIs, EndpointState
from workers.delivery.core.model import Availability
from workers.delivery.core.wait_topics import WaitTopics
from workers.delivery.runtime.endpoint_states import EndpointStates
from workers.delivery.runtime.records import RecordFactory

PAUSED, ACTIVE, DISABLED = Availability.PAUSED, Availability.ACTIVE, Availability.DISABLED


def said(state: EndpointIs, at: int) -> EndpointState:
    return EndpointState(endpoint="nurture", state=state, occurred_at=at)


def after(*records: EndpointState) -> Availability:
    states = EndpointStates()
    for record in records:
        states.apply(record)
    return states.availability("nurture")


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], ACTIVE),
        ([said("paused", 1)], PAUSED),
        ([said("paused", 1), said("active", 2)], ACTIVE),
        ([said("active", 2), said("disabled", 3)], DISABLED),
        ([said("disabled", 3), said("active", 4)], ACTIVE),
    ],
)
def test_the_newest_word_stands(records: list[EndpointState], expected: Availability) -> None:
    assert after(*records) is expected


@pytest.mark.parametrize(("word", "expected"), [("active", ACTIVE), ("paused", PAUSED)])
def test_a_410_to_a_call_that_began_before_the_word_of_an_operator_changes_nothing(
    word: EndpointIs, expected: Availability
) -> None:
    assert after(said(word, 5), said("disabled", 4)) is expected


def test_an_operator_whose_clock_is_behind_is_obeyed() -> None:
    assert after(said("disabled", 5), said("active", 4)) is ACTIVE


def test_compaction_keeps_the_word_of_an_operator_beside_a_late_410() -> None:
    factory = RecordFactory(Codec(Catalogue.bundled()), "", WaitTopics())
    log = [factory.state(one) for one in (said("disabled", 1), said("active", 5), said("disabled", 4))]
    codec = Codec(Catalogue.bundled())
    compacted = {record.key: record for record in log}
    kept = [codec.decode(record.value, EndpointState) for record in log if compacted[record.key] is record]
    assert after(*kept) is ACTIVE
