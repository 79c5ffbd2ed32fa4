"""Rows become facts."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import DealClosed, LeadContacted, LeadCreated, LeadStalled
from streams.domain.facts import fact_of as domain_fact_of
from tests.builders_imports import CLOSED, CONTACTED, CREATED, NOW, STALLED, fact_of, facts_of
from workers.imports.errors import RowError

WIDE = (
    CREATED,
    {**CONTACTED, "occurred_at": {"column": "first_call", "empty": "skip"}, "activity": {"constant": "call"}},
    {**CLOSED, "occurred_at": "closed", "when": {"status": ["Won", "Closed won"]}},
    {**STALLED, "when": {"why": {"empty": False}, "status": {"not": "won"}}},
)


def test_each_kind_of_fact_is_made() -> None:
    row = {"first_call": "2024-05-02", "closed": "2024-05-03", "status": "CLOSED WON", "why": "price"}
    assert [type(fact) for fact in facts_of(row, *WIDE)] == [LeadCreated, LeadContacted, DealClosed, LeadStalled]


def test_a_row_tells_only_the_facts_whose_conditions_hold() -> None:
    assert [type(fact) for fact in facts_of({"status": "open"}, *WIDE)] == [LeadCreated]
    assert [type(fact) for fact in facts_of({"status": "won", "why": "x", "closed": "2024-05-03"}, *WIDE)] == [
        LeadCreated,
        DealClosed,
    ]


def test_a_row_with_one_fault_tells_nothing() -> None:
    with pytest.raises(RowError, match="not_a_time") as error:
        facts_of({"first_call": "soon"}, *WIDE)
    assert error.value.column == "first_call"


def test_a_condition_on_a_list_is_a_reject_with_its_column() -> None:
    with pytest.raises(RowError, match="nested") as error:
        facts_of({"status": ["won"]}, *WIDE)
    assert error.value.column == "status"


def test_facts_carry_their_source_and_when_they_came_in() -> None:
    made = fact_of({}, source="crm")
    assert (made.source, made.recorded_at) == ("crm", NOW)


def test_the_id_of_a_row_never_changes() -> None:
    """Importing again, with a later version as well, must find the facts that are in: this id is a promise."""
    made = fact_of({"origin": "ads"}, {**CREATED, "origin": "origin"}, source="crm")
    assert made.event_id == "b78155a7ca7358634a4cbd3fe1cfde22"


def test_an_id_depends_on_what_the_fact_says() -> None:
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


def test_an_id_depends_on_nothing_else() -> None:
    plain = fact_of({}).event_id
    assert fact_of({"extra": "x"}).event_id == plain
    assert fact_of({"at": "2024-05-01T02:00+02:00"}).event_id == plain
    assert fact_of({"o": ""}, {**CREATED, "origin": "o"}).event_id == plain
    assert fact_of({"r": "2024-06-01"}, {**CREATED, "recorded_at": "r"}).event_id == plain


def test_the_order_of_fields_in_a_mapping_changes_no_id() -> None:
    mapped = {**CREATED, "origin": "o", "segment": "s"}
    turned = dict(reversed(mapped.items()))
    assert fact_of({"o": "a", "s": "b"}, mapped).event_id == fact_of({"o": "a", "s": "b"}, turned).event_id


def test_a_column_can_name_the_fact() -> None:
    made = fact_of({"no": "42"}, {**CREATED, "event_id": {"column": "no", "prefix": "crm/"}})
    assert made.event_id == "crm/42"
    with pytest.raises(RowError, match="empty"):
        fact_of({"no": ""}, {**CREATED, "event_id": "no"})


CELLS = st.text() | st.text(min_size=129, max_size=300) | st.none()


@given(st.dictionaries(st.sampled_from(["id", "at", "why", "status", "first_call", "closed"]), CELLS))
def test_streams_takes_whatever_the_import_lets_through(row: dict[str, str | None]) -> None:
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
