"""Ids and sources of posted events."""

from pathlib import Path

import pytest

from tests.builders_imports import fact_of as imported
from tests.unit.ingest.posting import ISO, STRUCTURED, Posting, a_fact, an_event
from workers.http.keys import digest_of


async def test_equal_content_gets_the_same_id_as_in_an_import(posting: Posting) -> None:
    await posting.post([a_fact(origin="web"), a_fact(origin="web"), a_fact(origin="fair")])
    one, same, other = (fact.event_id for fact in posting.facts())
    assert one == same != other
    row = {"id": "L1", "at": ISO, "o": "web"}
    mapped = {"kind": "lead-created", "lead_id": "id", "occurred_at": "at", "origin": "o"}
    assert imported(row, mapped, source="crm").event_id == one


async def test_an_idempotency_key_changes_the_ids_of_events_without_an_id_only(posting: Posting) -> None:
    await posting.post(a_fact("L1"), idempotency_key="k")
    await posting.post(a_fact("L2"), idempotency_key="k")
    await posting.post([a_fact("L3"), a_fact("L3"), a_fact(event_id="own")], idempotency_key="k")
    ids = [fact.event_id for fact in posting.facts()]
    assert len(set(ids)) == 5
    assert ids[4] == "own"


async def test_an_idempotency_key_reused_for_other_content_suppresses_nothing(posting: Posting) -> None:
    for fact in (a_fact("L1"), a_fact("L1", origin="web"), a_fact("L1")):
        await posting.post(fact, idempotency_key="k")
    first, other, again = (fact.event_id for fact in posting.facts())
    assert first == again != other


async def test_a_posted_event_id_is_unchanged_and_a_cloudevents_id_is_prefixed_by_its_source(
    tmp_path: Path,
) -> None:
    keys = "sources: {" + ", ".join(f"{name}: {{keys: ['{digest_of(name)}']}}" for name in ("crm", "dialler")) + "}"
    posting = Posting(tmp_path, keys=keys)
    for name in ("crm", "dialler"):
        await posting.post(a_fact(event_id="17"), authorization=f"Bearer {name}")
        await posting.post(an_event(id="17", source="x"), authorization=f"Bearer {name}", content_type=STRUCTURED)
    assert [fact.event_id for fact in posting.facts()] == ["17", "crm/x:17", "17", "dialler/x:17"]


async def test_equal_events_in_a_batch_have_the_same_id(posting: Posting) -> None:
    answer = await posting.post([a_fact(), a_fact()])
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    assert len({fact.event_id for fact in posting.facts()}) == 1


@pytest.mark.parametrize(
    ("named", "source"),
    [("crm", "crm"), ("crm/eu", "crm/eu"), ("erp", "crm/erp"), ("/crm", "crm/crm"), ("crm2", "crm/crm2")],
)
async def test_a_source_of_another_principal_is_prefixed_by_the_own_one(
    posting: Posting, named: str, source: str
) -> None:
    await posting.post(a_fact(source=named))
    await posting.post(an_event(source=named), content_type=STRUCTURED)
    assert [fact.source for fact in posting.facts()] == [source, source]
