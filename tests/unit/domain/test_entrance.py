"""What producers publish to the topics by mistake is refused as at the other entrances."""

from unicodedata import normalize

import pytest

from schemas.events import FactRecord, LeadContacted, LeadCreated, LeadStalled, LeadUpdated
from streams.domain.entrance import check_entrance
from streams.domain.errors import Poison
from streams.domain.fact_of_record import fact_of
from streams.domain.facts import Contacted, Created, Stalled
from tests.builders import T0

SECONDS = T0 // 1000


@pytest.mark.parametrize(
    ("record", "detail"),
    [
        (LeadCreated(event_id="e", lead_id="L1", occurred_at=SECONDS), "is it in seconds?"),
        (LeadCreated(event_id="e", lead_id="L1", occurred_at=20_251_009), "compact digits"),
        (LeadCreated(event_id="e", lead_id="L1", occurred_at=631_151_999_999), "before 1990"),
        (LeadCreated(event_id="e", lead_id="L1", occurred_at=T0, consent_expires_at=SECONDS), "is it in seconds?"),
        (LeadUpdated(event_id="e", lead_id="L1", occurred_at=T0, consent_expires_at=SECONDS), "is it in seconds?"),
        (LeadContacted(event_id="e", lead_id="L1", occurred_at=T0, next_step_at=SECONDS), "is it in seconds?"),
        (LeadStalled(event_id="e", lead_id="L1", occurred_at=T0, resume_at=SECONDS), "is it in seconds?"),
    ],
)
def test_a_time_in_another_unit_is_refused(record: FactRecord, detail: str) -> None:
    with pytest.raises(Poison, match="time_out_of_range") as poison:
        check_entrance(record)
    assert detail in poison.value.detail


@pytest.mark.parametrize(
    "lead_id",
    [" L1", "L1 ", "L1\n", "\ufeffL1", "L1\u200b", "L\u00ad1", "\u00a0L1", normalize("NFD", "Müller")],
)
def test_an_id_that_only_looks_like_another_is_refused(lead_id: str) -> None:
    with pytest.raises(Poison, match="unclean_lead_id"):
        check_entrance(LeadCreated(event_id="e", lead_id=lead_id, occurred_at=T0))


@pytest.mark.parametrize("lead_id", ["null", "NULL", "None", "NaN", "undefined", "n/a", "False"])
def test_a_word_that_stands_for_no_id_is_no_lead(lead_id: str) -> None:
    with pytest.raises(Poison, match=f"no_lead_id: '{lead_id}' is what programs write where there is no id"):
        check_entrance(LeadCreated(event_id="e", lead_id=lead_id, occurred_at=T0))


@pytest.mark.parametrize(
    "lead_id", ["0", "nulls", "Noneman", "L1", "crm/4711", "Müller", "a b", "ada@example.com", "名前"]
)
def test_other_ids_are_accepted(lead_id: str) -> None:
    check_entrance(LeadCreated(event_id="e", lead_id=lead_id, occurred_at=T0))


@pytest.mark.parametrize("at", [253_402_300_799_000, T0 + 3_654 * 86_400_000])
def test_a_date_more_than_ten_years_ahead_is_none(at: int) -> None:
    step = LeadContacted(event_id="e", lead_id="L1", occurred_at=T0, next_step_at=at)
    assert fact_of(step) == Contacted(T0, "e")
    stall = LeadStalled(event_id="e", lead_id="L1", occurred_at=T0, reason="price", resume_at=at)
    assert fact_of(stall) == Stalled(T0, "e", "sales", "price")


def test_words_are_composed_so_that_rules_and_reasons_match() -> None:
    created = LeadCreated(event_id="e", lead_id="L1", occurred_at=T0, origin=normalize("NFD", "Größe"))
    assert fact_of(created) == Created(T0, "e", origin="Größe")
    stalled = LeadStalled(event_id="e", lead_id="L1", occurred_at=T0, reason=normalize("NFD", "zu früh"))
    assert fact_of(stalled) == Stalled(T0, "e", "sales", "zu früh")
