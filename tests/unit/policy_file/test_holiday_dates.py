"""Public holidays by country and region."""

from datetime import date

from streams.policy_file.holiday_dates import FIRST_YEAR, LAST_YEAR, public_holidays


def test_a_region_has_the_holidays_of_its_country_and_its_own() -> None:
    germany, bavaria = public_holidays("DE").dates, public_holidays("DE", "BY").dates
    assert germany < bavaria
    assert date(2026, 10, 3) in germany
    assert date(2026, 1, 6) in bavaria - germany


def test_movable_holidays_are_found_in_every_year() -> None:
    good_fridays = {date(2000, 4, 21), date(2026, 4, 3), date(2050, 4, 8)}
    assert good_fridays <= public_holidays("DE").dates


def test_the_years_do_not_depend_on_the_clock() -> None:
    years = {day.year for day in public_holidays("DE").dates}
    assert (min(years), max(years)) == (FIRST_YEAR, LAST_YEAR)


def test_days_on_which_a_holiday_is_made_up_for_are_holidays() -> None:
    assert date(2026, 7, 3) in public_holidays("US").dates  # Independence Day is a Saturday


def test_years_that_are_not_known_in_full_are_reported() -> None:
    assert public_holidays("DE").gap == ""
    assert "available only from 2001 to" in public_holidays("IN").gap
