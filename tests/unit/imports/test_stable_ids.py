"""A later export of the same calls counts no touch twice, and different calls do not become one without a word."""

from pathlib import Path
from typing import Any

import pytest

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from tests.builders_imports import CONTACTED, NOW, a_mapping, fact_of
from workers.imports.mapping import Mapping
from workers.imports.preview import check_import
from workers.imports.report import ImportSummary
from workers.imports.request import ImportRequest

CALL: dict[str, Any] = {
    **CONTACTED,
    "activity": {"constant": "call"},
    "direction": "direction",
    "outcome": "result",
    "owner_id": "owner",
    "next_step_at": "next",
}
HEADER = "id,at,result,owner,next,direction\n"


def mapping_of(ids: str | None = "stable", **call: Any) -> Mapping:
    tables = {"calls": {"files": "*", "facts": [{**CALL, **call}]}}
    return Mapping.model_validate({"source": "test", "tables": tables, **({"ids": ids} if ids else {})})


def summary_of(tmp_path: Path, *rows: str, mapping: Mapping | None = None) -> ImportSummary:
    path = tmp_path / "calls.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    request = ImportRequest(files=[path], mappings=[mapping or mapping_of()])
    return check_import(request, Codec(Catalogue.bundled()).encode, lambda: NOW).summary


@pytest.mark.parametrize("later", [{"owner": "bob"}, {"result": "connected"}, {"next": "2024-06-01"}])
def test_a_call_with_another_owner_result_or_next_step_is_the_same_fact(later: dict[str, str]) -> None:
    assert fact_of(later, CALL).event_id == fact_of({"result": "no_answer", "owner": "ada"}, CALL).event_id


@pytest.mark.parametrize("other", [{"id": "L2"}, {"at": "2024-05-02"}, {"direction": "inbound"}])
def test_a_call_of_another_lead_time_or_direction_is_another_fact(other: dict[str, str]) -> None:
    assert fact_of(other, CALL).event_id != fact_of({}, CALL).event_id


def test_a_mail_at_the_time_of_a_call_is_another_fact() -> None:
    mail = {**CALL, "activity": {"constant": "email"}}
    assert fact_of({}, mail).event_id != fact_of({}, CALL).event_id


def test_a_contact_without_fields_that_change_has_the_id_of_former_versions() -> None:
    # The digest of every field, which were all stable.
    assert fact_of({}, CONTACTED).event_id == "1c9351e699d6ec9753d86ba02fab28c7"


def test_a_mapping_can_keep_the_ids_of_former_versions(tmp_path: Path) -> None:
    rows = ("L1,2024-05-01,no_answer,ada,,", "L1,2024-05-01,connected,ada,,")
    summary = summary_of(tmp_path, *rows, mapping=mapping_of("content"))
    assert (summary.facts, summary.alike) == (2, 1)
    assert "1 facts agree in lead, kind and time with another one but differ otherwise" in str(summary)


def test_two_calls_that_would_become_one_are_counted(tmp_path: Path) -> None:
    same = "L1,2024-05-01T09:00,no_answer,ada,,"
    summary = summary_of(tmp_path, same, same, "L1,2024-05-01T09:00,connected,bob,,", "L2,2024-05-01T09:00,,,,")
    assert (summary.facts, summary.repeated, summary.conflicts) == (2, 2, 1)
    assert "1 of them differ in other fields" in str(summary)
    assert "e.g. lead L1 has two different facts at 2024-05-01T09:00:00.000Z with one id" in str(summary)


def test_calls_with_ids_of_their_own_are_not_compared(tmp_path: Path) -> None:
    rows = ("L1,2024-05-01,no_answer,a,,", "L1,2024-05-01,connected,b,,")
    summary = summary_of(tmp_path, *rows, mapping=mapping_of(event_id="owner"))
    assert (summary.facts, summary.conflicts, summary.alike) == (2, 0, 0)


def test_a_mapping_that_does_not_say_what_ids_depend_on_is_reported(tmp_path: Path) -> None:
    row = "L1,2024-05-01,no_answer,ada,,"
    assert "Write `ids: stable`" in str(summary_of(tmp_path, row, mapping=mapping_of(None)))
    assert "Write `ids: stable`" not in str(summary_of(tmp_path, row))


def test_a_mapping_without_columns_that_change_need_not_say_it(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("id,at\nL1,2024-05-01\n")
    request = ImportRequest(files=[path], mappings=[a_mapping(CONTACTED)])
    assert check_import(request, Codec(Catalogue.bundled()).encode, lambda: NOW).summary.notes == []
