"""The fields of an event that a section may select, and the ids of a request at vendors."""

from schemas.events import LeadEscalated, LeadRecycled
from tests.component.delivery.connectors.harness import a_recycle, a_request, a_revoke
from workers.delivery.connectors.payload import FIELDS, ulid_of, uuid_of


def test_the_selectable_fields_are_those_of_the_event() -> None:
    assert set(FIELDS) == {*LeadRecycled.__struct_fields__, *LeadEscalated.__struct_fields__} - {
        "source",
        "recorded_at",
    }


def test_request_ids_are_stable_over_attempts_and_differ_by_message() -> None:
    recycle, revoke = a_recycle(), a_revoke()
    for id_of in (uuid_of, ulid_of):
        assert id_of(a_request(recycle)) == id_of(a_request(recycle, attempt=5))
        assert len({id_of(a_request(event)) for event in (recycle, revoke, a_recycle("8"))}) == 3


def test_a_ulid_holds_the_time_of_the_event() -> None:
    ulid = ulid_of(a_request())
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    number = 0
    for letter in ulid:
        number = number * 32 + alphabet.index(letter)
    assert len(ulid) == 26
    assert number >> 80 == a_recycle().occurred_at
