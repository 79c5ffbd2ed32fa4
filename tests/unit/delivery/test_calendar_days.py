"""Days of a time zone, also those that have 23 or 25 hours, or no midnight."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.delivery.limits.calendar_days import day_of, edges_around

HOUR = 3_600_000
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Africa/Cairo"])
INSTANTS = st.integers(1_262_304_000_000, 2_240_524_800_000)
"""From 2010 to 2041."""


def at(text: str, zone: ZoneInfo = BERLIN) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


@pytest.mark.parametrize(
    ("noon", "hours"), [("2026-03-29T12:00", 23), ("2026-10-25T12:00", 25), ("2026-07-01T12:00", 24)]
)
def test_a_day_begins_and_ends_at_midnight_of_its_zone(noon: str, hours: int) -> None:
    day = day_of(at(noon), BERLIN)
    assert datetime.fromtimestamp(day.start / 1000, BERLIN).strftime("%H:%M") == "00:00"
    assert day.end - day.start == hours * HOUR


def test_a_day_without_midnight_begins_when_the_clock_is_put_forward() -> None:
    cairo = ZoneInfo("Africa/Cairo")
    day = day_of(at("2026-04-24T12:00", cairo), cairo)
    assert datetime.fromtimestamp(day.start / 1000, cairo).strftime("%d %H:%M") == "24 01:00"
    assert datetime.fromtimestamp(day.start / 1000 - 1, cairo).day == 23


@given(INSTANTS, ZONES)
def test_every_instant_is_on_the_day_of_its_local_date(instant: int, name: str) -> None:
    zone = ZoneInfo(name)
    day = day_of(instant, zone)
    assert day.start <= instant < day.end
    assert day_of(day.start, zone) == day_of(day.end - 1, zone) == day
    dates = {datetime.fromtimestamp(edge / 1000, zone).date() for edge in (day.start, instant, day.end - 1)}
    assert len(dates) == 1


@given(INSTANTS, ZONES)
def test_the_edges_around_an_instant_are_those_of_its_day_and_of_its_neighbours(instant: int, name: str) -> None:
    zone = ZoneInfo(name)
    before, start, end, after = edges_around(instant, zone)
    assert (start, end) == day_of(instant, zone)
    assert before <= start < end <= after
    assert day_of(start - 1, zone).start in (before, start)


def test_days_in_utc_are_those_of_the_calendar() -> None:
    day = day_of(at("2026-07-01T23:59", ZoneInfo("UTC")), ZoneInfo("UTC"))
    assert datetime.fromtimestamp(day.start / 1000, UTC).isoformat() == "2026-07-01T00:00:00+00:00"
