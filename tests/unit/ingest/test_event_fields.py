"""Which fields of a posted event are accepted, and what is reported about the others."""

import pytest

from tests.builders import T0
from tests.unit.ingest.posting import Posting, a_fact, faults


@pytest.fixture
def similar_names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The unknown names for which similar ones are searched."""
    searched: list[str] = []

    def close(word: str, names: list[str], n: int) -> list[str]:
        searched.append(word)
        return names[:n]

    monkeypatch.setattr("streams.runtime.documents.get_close_matches", close)
    return searched


@pytest.mark.parametrize(
    ("fields", "path", "fix"),
    [
        ({"occurred_at": "2025-10-09"}, "/occurred_at", "append Z for UTC"),
        ({"occurred_at": "soon"}, "/occurred_at", "write ISO 8601"),
        ({"occurred_at": 1.5}, "/occurred_at", "write ISO 8601"),
        ({"occurred_at": True}, "/occurred_at", "write ISO 8601"),
        ({"occurred_at": -5}, "/occurred_at", "write ISO 8601"),
        ({"occurred_at": T0 * 1000}, "/occurred_at", "is it in microseconds?"),
        ({"occurred_at": T0 + 600_001}, "/occurred_at", "check the time zone"),
        ({"occurred_at": None}, "/occurred_at", "add `occurred_at`"),
        ({"lead_id": "x" * 129}, "/lead_id", "write at most 128"),
        ({"lead_id": 5}, "/lead_id", "write a string"),
        ({"lead_id": "a\x00b"}, "/lead_id", "remove it"),
        ({"origin": "x" * 257}, "/origin", "write at most 256"),
        ({"origin": ["x"]}, "/origin", "write a string"),
        ({"do_not_contact": "maybe"}, "/do_not_contact", "write true or false"),
        ({"do_not_contact": 2}, "/do_not_contact", "write true or false"),
        ({"do_not_contact": "unchanged"}, "/do_not_contact", "write true or false"),
        ({"expected_amount": 1.5}, "/expected_amount", "write minor units"),
        ({"expected_amount": 2**63}, "/expected_amount", "write minor units"),
        ({"consent_expires_at": 2**70}, "/consent_expires_at", "write ISO 8601"),
        ({"a/b~c": 1}, "/a~1b~0c", "write one of"),
    ],
)
async def test_an_invalid_field_is_reported_with_its_path_and_a_fix(
    posting: Posting, fields: dict[str, object], path: str, fix: str
) -> None:
    answer = await posting.post(a_fact(**fields))
    assert answer.status_code == 422
    (error,) = faults(answer)
    assert error[0] == path
    assert error[1].startswith(fix)


@pytest.mark.parametrize(
    ("kind", "fields", "path"),
    [
        ("lead-contacted", {"outcome": "unreached"}, "/outcome"),
        ("lead-contacted", {"by": "unknown"}, "/by"),
        ("lead-stalled", {"declared_by": "detector"}, "/declared_by"),
        ("lead-stalled", {"idle_since": 5}, "/idle_since"),
        ("deal-closed", {}, "/outcome"),
        ("deal-closed", {"outcome": "won", "currency": "EURO"}, "/currency"),
        ("lead-recycled", {"action": "RECYCLE"}, "/kind"),
        ("stream-heartbeats", {}, "/kind"),
    ],
)
async def test_unknown_values_and_fields_reserved_for_streams_are_rejected(
    posting: Posting, kind: str, fields: dict[str, object], path: str
) -> None:
    answer = await posting.post(a_fact(**fields) | {"kind": kind})
    assert (answer.status_code, [place for place, _ in faults(answer)]) == (422, [path])


async def test_a_fact_larger_than_a_record_is_rejected(posting: Posting) -> None:
    answer = await posting.post(a_fact(note="x" * 65_530) | {"kind": "lead-stalled"})
    assert (answer.status_code, faults(answer)) == (422, [("", "write less, at most 64 KiB an event")])


async def test_a_blank_lead_id_is_reported_as_missing(posting: Posting) -> None:
    answer = await posting.post(a_fact("   "))
    assert faults(answer) == [("/lead_id", "add `lead_id`")]


async def test_null_and_blank_fields_count_as_absent(posting: Posting) -> None:
    await posting.post([a_fact(origin=None, segment="  "), a_fact()])
    one, other = posting.facts()
    assert one == other


async def test_an_event_with_70000_unknown_fields_costs_only_20_searches_for_similar_names(
    posting: Posting, similar_names: list[str]
) -> None:
    answer = await posting.post({**a_fact(), **{f"o{number}": 1 for number in range(70_000)}})
    assert (answer.status_code, len(answer.json()["errors"])) == (422, 20)
    assert len(similar_names) <= 20


async def test_an_unknown_field_in_every_event_of_a_batch_is_searched_for_once(
    posting: Posting, similar_names: list[str]
) -> None:
    unknown: dict[str, object] = {f"unknown_field_of_this_test_{n}": 1 for n in range(20)}
    answer = await posting.post([a_fact(**unknown) for _ in range(500)])
    assert answer.status_code == 422
    assert sorted(similar_names) == sorted(unknown)
