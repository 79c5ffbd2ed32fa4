"""Rows become facts."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import DealClosed, LeadContacted, LeadCreated, LeadStalled
from streams.domain.fact_of_record import fact_of as domain_fact_of
from tests.builders_imports import CLOSED, CONTACTED, CREATED, NOW, STALLED, fact_of, facts_of
from workers.imports.errors import RowError

WIDE = (
    CREATED,
    {**CONTACTED, "occurred_at": {"column": "first_call", "empty": "skip"}, "activity": {"constant": "call"}},
    {**CLOSED, "occurred_at": "closed", "when": {"status": ["Won", "Closed won"]}},
    {**STALLED, "when": {"why": {"empty": False}, "status": {"not": "won"}}},
)


def test_each_kind_of_fact_can_be_made_from_a_row() -> None:
    row = {"first_call": "2024-05-02", "closed": "2024-05-03", "status": "CLOSED WON", "why": "price"}
    assert [type(fact) for fact in facts_of(row, *WIDE)] == [LeadCreated, LeadContacted, DealClosed, LeadStalled]


def test_a_row_becomes_only_the_facts_whose_conditions_hold() -> None:
    assert [type(fact) for fact in facts_of({"status": "open"}, *WIDE)] == [LeadCreated]
    assert [type(fact) for fact in facts_of({"status": "won", "why": "x", "closed": "2024-05-03"}, *WIDE)] == [
        LeadCreated,
        DealClosed,
    ]


def test_a_row_with_one_invalid_cell_becomes_no_fact() -> None:
    with pytest.raises(RowError, match="not_a_time") as error:
        facts_of({"first_call": "soon"}, *WIDE)
    assert error.value.column == "first_call"


def test_a_condition_on_a_list_rejects_the_row_with_the_column() -> None:
    with pytest.raises(RowError, match="nested") as error:
        facts_of({"status": ["won"]}, *WIDE)
    assert error.value.column == "status"


def test_facts_have_the_source_of_the_mapping_and_the_time_of_the_import() -> None:
    made = fact_of({}, source="crm")
    assert (made.source, made.recorded_at) == ("crm", NOW)


def test_a_derived_id_is_the_same_in_every_release() -> None:
    """Importing again, with a later version as well, must find the facts that are in: this id is a promise."""
    made = fact_of({"origin": "ads"}, {**CREATED, "origin": "origin"}, source="crm")
    assert made.event_id == "b78155a7ca7358634a4cbd3fe1cfde22"


def test_a_derived_id_depends_on_the_content() -> None:
    mapped = {**CREATED, "origin": "o"}
    ids = {
        fact_of({"o": "a"}, mapped).event_id,
        fact_of({"o": "b"}, mapped).event_id,
        fact_of({"o": "a", "id": "L2"}, mapped).event_id,
        fact_of({"o": "a", "at": "2024-05-02"}, mapped).event_id,
        fact_of({"o": "a"}, mapped, source="other").event_id,
        fact_of({"o": "a"}, CONTACTED).event_id,
    }
    assert len(ids) == 6


def test_a_derived_id_depends_on_nothing_but_the_content() -> None:
    plain = fact_of({}).event_id
    assert fact_of({"extra": "x"}).event_id == plain
    assert fact_of({"at": "2024-05-01T02:00+02:00"}).event_id == plain
    assert fact_of({"o": ""}, {**CREATED, "origin": "o"}).event_id == plain
    assert fact_of({"r": "2024-06-01"}, {**CREATED, "recorded_at": "r"}).event_id == plain


def test_the_order_of_fields_in_a_mapping_does_not_change_ids() -> None:
    mapped = {**CREATED, "origin": "o", "segment": "s"}
    turned = dict(reversed(mapped.items()))
    assert fact_of({"o": "a", "s": "b"}, mapped).event_id == fact_of({"o": "a", "s": "b"}, turned).event_id


def test_a_column_can_hold_the_event_id() -> None:
    made = fact_of({"no": "42"}, {**CREATED, "event_id": {"column": "no", "prefix": "crm/"}})
    assert made.event_id == "crm/42"
    with pytest.raises(RowError, match="empty"):
        fact_of({"no": ""}, {**CREATED, "event_id": "no"})


CELLS = st.text() | st.text(min_size=129, max_size=300) | st.none()


@given(st.dictionaries(st.sampled_from(["id", "at", "why", "status", "first_call", "closed"]), CELLS))
def test_streams_accepts_every_imported_fact(row: dict[str, str | None]) -> None:
    try:
        made = facts_of(row, *WIDE)
    except RowError:
        return
    for fact in made:
        try:
            msgspec.json.encode(fact)
        except UnicodeEncodeError:  # half of a character: the codec refuses it
            continue
        domain_fact_of(fact)
