"""Times, spans and counts in words."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from streams.domain.policy import BusinessDays, BusinessTime, PlainTime, Span, days
from tests.builders import DAY
from tests.unit.explaining.lives import HOUR, OFFICE
from workers.explaining import words
from workers.explaining.words import TimeWords, about, span_words

MORNING = int(datetime(2026, 3, 3, 8, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (days(1), "1 day"),
        (days(30), "30 days"),
        (PlainTime(36 * HOUR), "36 hours"),
        (PlainTime(90 * 60_000), "90 minutes"),
        (PlainTime(1_500), "1500 ms"),
        (PlainTime(0), "no time"),
        (BusinessTime(4 * HOUR, OFFICE), "4 business hours"),
        (BusinessTime(48 * HOUR, OFFICE), "48 business hours"),
        (BusinessDays(1, OFFICE), "1 business day"),
    ],
)
def test_a_span_is_written_as_in_a_policy(span: Span, text: str) -> None:
    assert span_words(span) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "less than a minute"),
        (60_000, "1 minute"),
        (HOUR, "60 minutes"),
        (2 * HOUR, "2 hours"),
        (47 * HOUR, "47 hours"),
        (2 * DAY, "2 days"),
        (1_500 * DAY, "1,500 days"),
    ],
)
def test_a_length_of_time_has_one_unit(ms: int, text: str) -> None:
    assert about(ms) == text


def test_the_first_instant_names_the_time_zone_and_the_same_day_is_not_repeated() -> None:
    times = TimeWords(ZoneInfo("Europe/Berlin"), MORNING)
    assert times.on(MORNING) == "Tuesday, 3 March 2026, 09:00 (Europe/Berlin)"
    assert times.after(MORNING + 4 * HOUR, MORNING) == "13:00"
    assert times.after(MORNING + 15 * HOUR, MORNING) == "Wednesday, 4 March 2026, 00:00"
    assert times.away(MORNING + 5 * HOUR) == "in 5 hours"
    assert times.away(MORNING - 3 * DAY) == "3 days ago"


@pytest.mark.parametrize(
    ("name", "is_known"), [("Europe/Berlin", True), ("Mars", False), ("Europe", False), ("", False)]
)
def test_a_time_zone_is_known_by_its_name(name: str, is_known: bool) -> None:
    assert (words.zone_named(name) is not None) == is_known


def test_counts_and_lists_are_plain_english() -> None:
    assert [words.ordinal(n) for n in (1, 2, 3, 4, 11, 22, 112)] == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "22nd",
        "112th",
    ]
    assert [words.times(n) for n in (1, 2, 3)] == ["once", "twice", "3 times"]
    assert [words.joined(list(parts)) for parts in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]
    assert words.quoted("hot_inbound") == '"hot_inbound"'
    assert words.reason_words("never_contacted") == '"never contacted"'
