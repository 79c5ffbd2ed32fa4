"""What an import says about times, ids and amounts that are wrong or doubtful, on a broker."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.builders_imports import CLOSED, CREATED, a_mapping
from tests.component.test_import import World, file_of, world

__all__ = ["file_of", "world"]  # fixtures

FileOf = Callable[..., Path]
DEAL = {**CLOSED, "occurred_at": "closed", "amount": "worth", "currency": "cur"}


def test_close_dates_ahead_are_rejected_and_the_summary_says_that_these_leads_stay_open(
    world: World, file_of: FileOf, tmp_path: Path
) -> None:
    rows = ("L1,2025-01-02,2025-02-01,2025-02-01", "L2,2025-01-02,2025-12-01,2025-03-01")
    leads = file_of(*rows, header="id,at,closed,modified")
    part = {**CLOSED, "occurred_at": "closed"}
    summary = world.take_in(leads, mappings=[a_mapping(CREATED, part)], rejects=tmp_path / "rejects.jsonl")
    assert summary.lost == {"lead-created": 1, "deal-closed": 1}
    text = str(summary)
    assert "1 deal-closed lost with them: these leads stay open" in text
    assert "lost with it: lead-created, deal-closed" in text
    (rejected,) = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    assert rejected["lost"] == ["lead-created", "deal-closed"]
    either = {**CLOSED, "occurred_at": {"column": ["closed", "modified"]}}
    assert world.take_in(leads, mappings=[a_mapping(CREATED, either)]).rejected == 0
    assert {fact.lead_id: fact.occurred_at for fact in world.values("deal-closed")} == {
        "L1": 1_738_454_399_999,
        "L2": 1_740_873_599_999,
    }


def test_two_orders_of_day_and_month_in_one_column_are_counted(world: World, file_of: FileOf) -> None:
    leads = file_of("1,12/31/2024", "2,03/04/2025", "3,25/03/2025")
    summary = world.take_in(leads, mappings=[a_mapping(CREATED, formats=["%d/%m/%Y", "%m/%d/%Y"])])
    assert (summary.facts, summary.reasons) == (2, {"ambiguous_time": 1})
    assert "doubtful: leads.csv, at: 1 rows fit %d/%m/%Y and %m/%d/%Y" in str(summary)


def test_rounded_ids_are_rejected_and_doubtful_ones_reported(world: World, file_of: FileOf) -> None:
    rounded = [f"1.23457E+12,2025-03-0{day}" for day in (2, 5, 6)]
    doubtful = ["4711.0,2025-03-02", "ada@x.de,2025-03-02", "Ada@X.de ,2025-03-03"]
    often = [f"test,2025-03-0{day}" for day in range(1, 8)]
    summary = world.take_in(file_of(*rounded, *doubtful, *often), mappings=[a_mapping(CREATED)])
    assert summary.reasons == {"rounded_id": 3}
    assert [doubt.partition(" (")[0] for doubt in summary.doubts] == [
        "1 ids end in .0",
        "1 ids differ from another only by case",
        "1 leads were created 6 times or more",
    ]


def test_each_row_has_the_minor_digits_of_its_currency(world: World, file_of: FileOf) -> None:
    rows = ("1,2025-03-02,5000,JPY", "2,2025-03-02,5000,EUR", "3,2025-03-02,5.000,KWD", "4,2025-03-02,1.250,EUR")
    summary = world.take_in(file_of(*rows, header="id,closed,worth,cur"), mappings=[a_mapping(DEAL)])
    assert {fact.lead_id: fact.amount for fact in world.values("deal-closed")} == {"1": 5_000, "2": 500_000, "3": 5_000}
    assert (summary.reasons, summary.lost) == ({"doubtful_number": 1}, {"deal-closed": 1})


def test_one_cell_with_several_ids_is_one_record_for_each_lead(world: World, file_of: FileOf) -> None:
    part = {**CLOSED, "lead_id": {"column": "contacts", "prefix": "hubspot/", "split": ";"}, "occurred_at": "closed"}
    deals = file_of('9,"501;777",2025-03-02', header="deal,contacts,closed")
    world.take_in(deals, mappings=[a_mapping(part)])
    assert sorted(record.key or b"" for record in world.records("deal-closed")) == [b"hubspot/501", b"hubspot/777"]
