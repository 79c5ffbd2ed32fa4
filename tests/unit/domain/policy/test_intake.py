"""To whom escalations and warnings are addressed."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from streams.domain.policy import Absence, Intake

DESK, ANA = "desk", "ana"


def at(*parts: int) -> int:
    """An instant in UTC, epoch ms."""
    year, month, day, hour = (*parts, 0)[:4]
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp() * 1000)


def test_a_lead_with_an_owner_is_its_owners_and_one_without_is_the_intake_owners() -> None:
    intake = Intake(DESK)
    assert intake.addressee(ANA, at(2026, 3, 2)) == ANA
    assert intake.addressee("", at(2026, 3, 2)) == DESK
    assert Intake().addressee("", at(2026, 3, 2)) == ""


def test_the_intake_owner_stands_in_for_those_who_are_away() -> None:
    intake = Intake(DESK, frozenset({Absence("An?"), Absence("team-b/*")}))
    assert intake.addressee(ANA, at(2026, 3, 2)) == DESK
    assert intake.addressee("Team-B/ben", at(2026, 3, 2)) == DESK
    assert intake.addressee("eve", at(2026, 3, 2)) == "eve"
    assert Intake("", intake.away).addressee(ANA, at(2026, 3, 2)) == ANA  # nobody stands in


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        (at(2026, 3, 1, 22), ANA),  # 1 March, 23:00 in Berlin
        (at(2026, 3, 1, 23), DESK),  # 2 March, 00:00
        (at(2026, 3, 29, 21), DESK),  # 29 March, 23:00, on the day of the change to summer time
        (at(2026, 3, 29, 22), ANA),  # 30 March, 00:00
    ],
)
def test_an_absence_has_its_first_and_its_last_day_in_the_time_zone(instant: int, expected: str) -> None:
    away = frozenset({Absence(ANA, date(2026, 3, 2), date(2026, 3, 29))})
    assert Intake(DESK, away, ZoneInfo("Europe/Berlin")).addressee(ANA, instant) == expected


def test_an_absence_may_have_only_one_end() -> None:
    away = frozenset({Absence(ANA, date(2026, 3, 2)), Absence("ben", None, date(2026, 3, 2))})
    intake = Intake(DESK, away)
    assert [intake.addressee(ANA, at(year, 3, 2)) for year in (2025, 2026, 2099)] == [ANA, DESK, DESK]
    assert [intake.addressee("ben", at(year, 3, 2)) for year in (2025, 2026, 2099)] == [DESK, DESK, "ben"]
