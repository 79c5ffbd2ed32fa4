"""Times as CRMs, spreadsheets and people write them: read right, or rejected with advice.

After public reports: HubSpot/hubspot-api-php#207, n8n-io/n8n#14659 (seconds as milliseconds), krayin/laravel-crm#2630
(serial dates), twg/qa-entaxy#565 and keepassxreboot/keepassxc#4557 (compact digits), keepassxreboot/keepassxc#6498
(milliseconds as seconds), bcgov/mds#729 and linuxfoundation/lfx-self-serve#726 (placeholders),
apideck-libraries/node-sdk#155 and forcedotcom/dataloader#456 (dates without a time),
segmentio/analytics-react-native#977 (a clock ahead).
"""

from datetime import datetime

import pytest

from tests.builders_imports import CLOSED, CONTACTED, CREATED, NOW, STALLED, UPDATED, a_mapping, fact_of, facts_of
from workers.imports.conversion import TableConverter
from workers.imports.errors import RowError
from workers.imports.field_steps import ConversionContext

DAY = 86_400_000


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("cell", "formats", "advice"),
    [
        ("1759000000", "epoch_ms", "is it in seconds? Then write `formats: epoch_s`"),
        (1759000000, "epoch_ms", "is it in seconds"),
        ("1759000000000", "epoch_s", "is it in milliseconds? Then write `formats: epoch_ms`"),
        ("1759000000000000", "epoch_ms", "is it in microseconds"),
        ("1759000000000000000", "epoch_ms", "is it in nanoseconds"),
        ("45718.375", "epoch_s", "Excel serial number"),
        ("45718.375", ["iso", "epoch_s"], "Then write `formats: excel`"),
        ("45718", "epoch_ms", "Excel serial number"),
        ("20250302", "epoch_s", "compact digits"),
        ("20250302", "epoch_ms", "compact digits"),
        ("202503020915", "epoch_s", "compact digits"),
        ("20250302091500", "epoch_ms", "compact digits"),
    ],
)
def test_a_number_in_another_unit_is_rejected_with_that_unit(cell: str | int, formats: object, advice: str) -> None:
    with pytest.raises(RowError) as error:
        fact_of({"at": cell}, formats=formats)
    assert error.value.reason == "other_unit"
    assert advice in error.value.advice


@pytest.mark.parametrize(
    ("cell", "advice"),
    [
        ("45718.375", "Excel serial number"),
        ("45718,375", "Excel serial number"),
        ("1759000000", "epoch_s"),
        ("1759000000000", "epoch_ms"),
    ],
)
def test_a_number_under_the_default_format_is_rejected_with_the_format_that_reads_it(cell: str, advice: str) -> None:
    with pytest.raises(RowError, match="not_a_time") as error:
        fact_of({"at": cell})
    assert advice in error.value.advice


@pytest.mark.parametrize("name", ["consent_expires_at", "next_step_at", "resume_at"])
@pytest.mark.parametrize(("cell", "formats"), [("1798761600", "epoch_ms"), ("46083", "epoch_s"), ("1970-01-21", "iso")])
def test_an_optional_time_in_another_unit_rejects_the_row(name: str, cell: str, formats: str) -> None:
    part = {"consent_expires_at": CREATED, "next_step_at": CONTACTED, "resume_at": STALLED}[name]
    with pytest.raises(RowError) as error:
        fact_of({"x": cell, "why": "price"}, {**part, name: {"column": "x", "formats": formats}})
    assert error.value.column == "x"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("45718.375", "2025-03-02T09:00Z"),
        ("45718,375", "2025-03-02T09:00Z"),
        (45718.375, "2025-03-02T09:00Z"),
        ("45718", "2025-03-02T00:00Z"),
        ("45718.3958333333", "2025-03-02T09:30Z"),
    ],
)
def test_serial_numbers_of_spreadsheets_are_a_format(cell: str | float, expected: str) -> None:
    assert fact_of({"at": cell}, formats="excel").occurred_at == _ms(expected)


@pytest.mark.parametrize("cell", ["1759000000", "-1", "0", "2025-03-02", "1e10", "nan"])
def test_what_is_no_serial_number_is_not_read_as_one(cell: str) -> None:
    with pytest.raises(RowError, match="not_a_time"):
        fact_of({"at": cell}, formats="excel")


def test_an_implausible_reading_gives_way_to_a_plausible_one_of_the_next_format() -> None:
    """1711-10-09T05:30 in ISO 8601's basic form, if the format came first."""
    assert fact_of({"at": "1711100910530"}, formats=["iso", "epoch_ms"]).occurred_at == 1_711_100_910_530


@pytest.mark.parametrize("cell", ["1989-12-31", "0001-01-01", "1900-01-01", "1970-01-01T00:00:00Z"])
def test_a_fact_before_1990_is_rejected(cell: str) -> None:
    with pytest.raises(RowError, match="before_1990"):
        fact_of({"at": cell})


ZERO_DATES = ("0000-00-00", "0000-00-00 00:00:00", "00.00.0000", "00/00/0000 00:00")


@pytest.mark.parametrize(
    "cell", ["0001-01-01T00:00:00", "0001-01-01", "1753-01-01", "1900-01-01", "1899-12-30 00:00:00", *ZERO_DATES]
)
@pytest.mark.parametrize("name", ["consent_expires_at", "next_step_at", "resume_at"])
def test_a_placeholder_in_an_optional_field_is_not_given(name: str, cell: str) -> None:
    part = {"consent_expires_at": CREATED, "next_step_at": CONTACTED, "resume_at": STALLED}[name]
    assert getattr(fact_of({"x": cell, "why": "price"}, {**part, name: "x"}), name) is None


@pytest.mark.parametrize("cell", ["9999-12-30", "9999-12-31T23:59:59-12:00", "2999-12-31", "2099-12-31", "2049-01-01"])
def test_a_next_step_more_than_ten_years_ahead_is_none(cell: str) -> None:
    assert fact_of({"x": cell}, {**CONTACTED, "next_step_at": "x"}).next_step_at is None
    assert fact_of({"x": cell, "why": "price"}, {**STALLED, "resume_at": "x"}).resume_at is None


def test_a_consent_may_end_far_ahead_and_one_that_never_ends_has_no_end() -> None:
    consent = {**CREATED, "consent_expires_at": "x"}
    assert fact_of({"x": "2099-12-31"}, consent).consent_expires_at == _ms("2099-12-31T00:00Z")
    assert fact_of({"x": "9999-12-31"}, consent).consent_expires_at is None
    update = {**UPDATED, "consent_expires_at": "x"}
    assert fact_of({"x": "9999-12-31"}, update).consent_expires_at == _ms("9999-12-31T00:00Z")


def test_a_placeholder_in_the_time_of_an_optional_fact_makes_no_fact() -> None:
    closed = {**CLOSED, "occurred_at": {"column": "closed", "empty": "skip"}}
    for cell in ("9999-12-31", "0001-01-01", "0000-00-00", ""):
        assert facts_of({"closed": cell}, closed) == []
    with pytest.raises(RowError, match="not_a_time"):
        fact_of({"at": "0000-00-00"})


@pytest.mark.parametrize(
    ("part", "zone", "cell", "expected"),
    [
        (CLOSED, "UTC", "2025-03-20", "2025-03-20T23:59:59.999Z"),
        (STALLED, "UTC", "2025-03-20", "2025-03-20T23:59:59.999Z"),
        (CREATED, "UTC", "2025-03-20", "2025-03-20T00:00Z"),
        (CONTACTED, "UTC", "2025-03-20", "2025-03-20T00:00Z"),
        (CLOSED, "America/New_York", "2025-03-20", "2025-03-20T23:59:59.999-04:00"),
        (CLOSED, "Asia/Tokyo", "2025-03-20", "2025-03-20T23:59:59.999+09:00"),
        (CLOSED, "UTC", "20250320", "2025-03-20T23:59:59.999Z"),
        (CLOSED, "UTC", "2025-03-20 00:00", "2025-03-20T00:00Z"),
        (CLOSED, "UTC", "2025-03-20T00:00:00Z", "2025-03-20T00:00Z"),
        ({**CLOSED, "occurred_at": {"column": "at", "day": "start"}}, "UTC", "2025-03-20", "2025-03-20T00:00Z"),
        ({**CREATED, "occurred_at": {"column": "at", "day": "end"}}, "UTC", "2025-03-20", "2025-03-20T23:59:59.999Z"),
    ],
)  # fmt: skip
def test_a_date_without_a_time_ends_its_day_for_what_ends_something(
    part: dict[str, object], zone: str, cell: str, expected: str
) -> None:
    assert fact_of({"at": cell, "why": "price"}, part, zone=zone).occurred_at == _ms(expected)


@pytest.mark.parametrize(("formats", "cell"), [("%d.%m.%Y", "20.03.2025"), ("excel", "45736")])
def test_dates_of_every_format_end_their_day(formats: str, cell: str) -> None:
    assert fact_of({"at": cell}, CLOSED, formats=formats).occurred_at == _ms("2025-03-20T23:59:59.999Z")
    assert fact_of({"at": cell}, CLOSED, formats=formats, day="start").occurred_at == _ms("2025-03-20T00:00Z")


def test_what_ends_today_is_dated_now_and_keeps_its_id_when_the_day_is_over() -> None:
    """NOW is 2025-10-09T08:53:20Z."""
    today = fact_of({"at": "2025-10-09"}, CLOSED)
    assert today.occurred_at == NOW
    (table,) = a_mapping(CLOSED).tables.values()
    tomorrow = TableConverter(table, ConversionContext("test", "UTC", NOW + DAY))
    ((_, later),) = tomorrow.facts([{"id": "L1", "at": "2025-10-09"}[column] for column in tomorrow.columns])
    assert later.occurred_at == _ms("2025-10-09T23:59:59.999Z")
    assert later.event_id == today.event_id
    with pytest.raises(RowError, match="in_the_future"):
        fact_of({"at": "2025-10-10"}, CLOSED)


FALLBACK = {**CLOSED, "occurred_at": {"column": ["Closed on", "Last modified"]}}


@pytest.mark.parametrize(
    ("closed", "expected"),
    [
        ("2025-03-20T16:00:00Z", "2025-03-20T16:00Z"),
        ("", "2025-04-01T09:00Z"),
        ("2025-12-24", "2025-04-01T09:00Z"),
        ("9999-12-31", "2025-04-01T09:00Z"),
        ("0001-01-01", "2025-04-01T09:00Z"),
    ],
)
def test_a_fallback_column_is_read_if_the_first_is_empty_or_in_the_future(closed: str, expected: str) -> None:
    row = {"Closed on": closed, "Last modified": "2025-04-01T09:00:00Z"}
    assert fact_of(row, FALLBACK).occurred_at == _ms(expected)


@pytest.mark.parametrize(
    ("closed", "modified", "column", "reason"),
    [
        ("soon", "2025-04-01", "Closed on", "not_a_time"),
        ("1970-01-21", "2025-04-01", "Closed on", "before_1990"),
        ("", "", "Last modified", "empty"),
        ("2025-12-24", "2025-12-25", "Last modified", "in_the_future"),
    ],
)
def test_a_fallback_column_hides_no_invalid_cell(closed: str, modified: str, column: str, reason: str) -> None:
    with pytest.raises(RowError) as error:
        fact_of({"Closed on": closed, "Last modified": modified}, FALLBACK)
    assert (error.value.column, error.value.reason) == (column, reason)


def test_a_fact_whose_columns_are_all_empty_can_be_skipped() -> None:
    skipped = {**CLOSED, "occurred_at": {"column": ["Closed on", "Won on"], "empty": "skip"}}
    assert facts_of({}, skipped) == []
    assert len(facts_of({"Won on": "2025-03-20"}, skipped)) == 1


def test_texts_can_have_fallback_columns() -> None:
    owner = {**CREATED, "owner_id": {"column": ["Owner", "Team", "Office"], "empty": "nobody"}}
    assert fact_of({"Owner": "ann", "Team": "t"}, owner).owner_id == "ann"
    assert fact_of({"Office": "berlin"}, owner).owner_id == "berlin"
    assert fact_of({}, owner).owner_id == "nobody"


@pytest.mark.parametrize("part", [{"constant": "received"}, {"column": "at", "empty": "received"}])
def test_the_time_of_receipt_exists_only_for_webhooks(part: dict[str, str]) -> None:
    with pytest.raises(RowError, match="only webhooks"):
        fact_of({"at": ""}, {**CREATED, "occurred_at": part})
    (table,) = a_mapping({**CREATED, "occurred_at": part}).tables.values()
    converter = TableConverter(table, ConversionContext("test", "UTC", NOW, received_at=NOW - 5))
    ((_, made),) = converter.facts(["L1" if column == "id" else "" for column in converter.columns])
    assert made.occurred_at == NOW - 5
