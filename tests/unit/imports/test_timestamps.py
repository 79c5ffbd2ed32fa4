"""Cells become instants."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.instants import FUTURE_MS
from schemas.json_value import JsonValue
from tests.builders_imports import CREATED, NOW, a_mapping, fact_of
from workers.imports.conversion import TableConverter
from workers.imports.errors import RowError
from workers.imports.field_steps import ConversionContext
from workers.imports.time_readers import readers_of


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("cell", "formats", "expected"),
    [
        ("2018-02-01", "iso", "2018-02-01T00:00Z"),
        ("2018-02-26 19:58:54", "iso", "2018-02-26T19:58:54Z"),
        ("2018-02-26T19:58:54.123+02:00", "iso", "2018-02-26T17:58:54.123Z"),
        ("1519675134", "epoch_s", "2018-02-26T19:58:54Z"),
        ("1519675134.25", "epoch_s", "2018-02-26T19:58:54.250Z"),
        (1519675134000, "epoch_ms", "2018-02-26T19:58:54Z"),
        ("26.02.2018", "%d.%m.%Y", "2018-02-26T00:00Z"),
        ("02/26/18 07:58 PM", "%m/%d/%y %I:%M %p", "2018-02-26T19:58Z"),
        ("2018-02-26", ["%d.%m.%Y", "iso"], "2018-02-26T00:00Z"),
    ],
)
def test_instants_are_read_by_the_first_format_that_fits(cell: JsonValue, formats: object, expected: str) -> None:
    assert fact_of({"at": cell}, formats=formats).occurred_at == _ms(expected)


@pytest.mark.parametrize(
    ("cell", "formats", "reason"),
    [
        ("yesterday", "iso", "not_a_time"),
        ("31.02.2018", "%d.%m.%Y", "not_a_time"),
        ("0001-01-01", "iso", "before_1990"),
        ("1989-12-31", "iso", "before_1990"),
        ("9999-12-31", "iso", "in_the_future"),
        ("9999-12-31T23:59:59-12:00", "iso", "in_the_future"),
        ("99999999999999", "epoch_s", "after_9999"),
        ("1519675134000", "iso", "not_a_time"),
        ("1e999999999", "epoch_s", "not_a_time"),
        ("NaN", "epoch_ms", "not_a_time"),
        ("Infinity", "epoch_ms", "not_a_time"),
        ("", "iso", "empty"),
        (True, "iso", "not_a_time"),
    ],
)
def test_times_that_a_fact_cannot_have_are_rejected(cell: JsonValue, formats: str, reason: str) -> None:
    with pytest.raises(RowError) as error:
        fact_of({"at": cell}, formats=formats)
    assert (error.value.reason, error.value.column) == (reason, "at")


PATTERNS = ["%d.%m.%Y", "%m/%d/%Y %H:%M", "%Y-%m-%d %H:%M:%S", "%d-%m-%Y", "%H:%M %d.%m.%Y", "%d %b %Y", "%d%m%Y"]


@given(
    st.sampled_from(PATTERNS),
    st.datetimes(datetime(1000, 1, 1)),  # noqa: DTZ001  # of no zone on purpose
    st.sampled_from(["", " ", "0", "x"]),
    st.integers(0, 20),
    st.sampled_from(PATTERNS),
)
def test_patterns_are_read_as_strptime_reads_them(
    pattern: str, time: datetime, noise: str, place: int, other: str
) -> None:
    for written in (time.strftime(pattern), time.strftime(other), time.strftime(pattern).replace("0", "")):
        text = written[:place] + noise + written[place:]
        try:
            expected: datetime | None = datetime.strptime(text, pattern)  # noqa: DTZ007  # of no zone on purpose
        except ValueError:
            expected = None
        assert _read(pattern, text) == expected


def _read(pattern: str, text: str) -> datetime | int | None:
    (read,) = readers_of([pattern], (), lambda _: True)
    try:
        return read(text)[0]
    except ValueError:
        return None


_YEARS = datetime(1980, 1, 1), datetime(2040, 1, 1)  # noqa: DTZ001  # with and without a zone
ISO = st.one_of(st.datetimes(*_YEARS), st.datetimes(*_YEARS, timezones=st.timezones())).map(str)


@given(ISO | ISO.map(lambda text: text[:10]) | st.text(), st.sampled_from(["UTC", "Europe/Berlin"]), st.booleans())
def test_a_time_with_blanks_around_it_is_read_as_without(text: str, zone: str, is_end: bool) -> None:
    results = []
    for cell in (text, f" {text}"):
        try:
            results.append(fact_of({"at": cell}, zone=zone, day="end" if is_end else "start").occurred_at)
        except RowError as error:
            results.append(error.reason)
    assert results[0] == results[1]


@given(st.text() | st.integers() | st.floats(), st.sampled_from(["iso", "epoch_s", "epoch_ms", "%d.%m.%Y"]))
def test_any_cell_becomes_an_instant_or_rejects_the_row(cell: JsonValue, formats: str) -> None:
    try:
        at = fact_of({"at": cell}, formats=formats, zone="America/Sao_Paulo").occurred_at
    except RowError:
        return
    assert 0 < at <= NOW + FUTURE_MS


@pytest.mark.parametrize("offset", [FUTURE_MS, FUTURE_MS + 1])
def test_a_fact_may_be_ten_minutes_ahead_of_the_clock(offset: int) -> None:
    row, is_believed = {"at": NOW + offset}, offset <= FUTURE_MS
    if is_believed:
        assert fact_of(row, formats="epoch_ms").occurred_at == NOW + offset
    else:
        with pytest.raises(RowError, match="in_the_future"):
            fact_of(row, formats="epoch_ms")


def test_instants_other_than_occurred_at_may_be_in_the_future() -> None:
    consent = {**CREATED, "consent_expires_at": "c"}
    assert fact_of({"c": "2099-01-01"}, consent).consent_expires_at == _ms("2099-01-01T00:00Z")


def test_a_column_can_have_a_zone_and_formats_of_its_own() -> None:
    at = {"column": "at", "zone": "America/New_York", "formats": "%d %b %Y"}
    made = fact_of({"at": "01 Feb 2018"}, {**CREATED, "occurred_at": at}, zone="Asia/Tokyo")
    assert made.occurred_at == _ms("2018-02-01T00:00-05:00")


@pytest.mark.parametrize(
    ("local_time", "cell", "expected"),
    [
        ("first", "2023-10-29 02:30", "2023-10-29T02:30+02:00"),
        ("second", "2023-10-29 02:30", "2023-10-29T02:30+01:00"),
        ("first", "2023-03-26 02:30", "2023-03-26T02:30+01:00"),
        ("second", "2023-03-26 02:30", "2023-03-26T02:30+02:00"),
        ("reject", "2023-03-26 03:30", "2023-03-26T03:30+02:00"),
    ],
)
def test_local_times_around_clock_changes_are_read_as_configured(local_time: str, cell: str, expected: str) -> None:
    assert fact_of({"at": cell}, zone="Europe/Berlin", local_time=local_time).occurred_at == _ms(expected)


@pytest.mark.parametrize("cell", ["2023-10-29 02:30", "2023-03-26 02:30"])
def test_ambiguous_and_skipped_local_times_can_be_rejected(cell: str) -> None:
    with pytest.raises(RowError, match="uncertain_time"):
        fact_of({"at": cell}, zone="Europe/Berlin", local_time="reject")


def test_a_skipped_midnight_is_the_first_instant_of_its_day() -> None:
    made = fact_of({"at": "2017-10-15"}, zone="America/Sao_Paulo")
    assert made.occurred_at == _ms("2017-10-15T01:00-02:00")


def test_ambiguous_and_skipped_local_times_are_counted() -> None:
    (table,) = a_mapping(CREATED).tables.values()
    context = ConversionContext("test", "Europe/Berlin", NOW)
    converter = TableConverter(table, context)
    for cell in ("2023-10-29 02:30", "2023-10-29 04:30", "2023-03-26 02:30"):
        converter.facts(["L1" if column == "id" else cell for column in converter.columns])
    assert context.uncertain_times.count == 2


@given(st.datetimes(datetime(1990, 1, 1), datetime(2024, 12, 31)))  # noqa: DTZ001  # of no zone on purpose
def test_reading_a_utc_time_gives_that_time(time: datetime) -> None:
    made = fact_of({"at": time.isoformat()})
    assert made.occurred_at == int(time.replace(tzinfo=UTC).timestamp() * 1_000_000) // 1000 or time.microsecond
