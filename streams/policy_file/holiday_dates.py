"""Public holidays of a country or of a region of it, from the `holidays` library.

The years are fixed, so that a policy means the same in every year: before and after them there are no holidays.
"""

import warnings
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from streams.runtime.documents import did_you_mean, violation

FIRST_YEAR, LAST_YEAR = 2000, 2050


class PublicHolidays(NamedTuple):
    """Dates; and what the library says about years for which it does not know them all, or ''."""

    dates: frozenset[date]
    gap: str


def public_holidays(country: str, region: str | None = None) -> PublicHolidays:
    """The public holidays from FIRST_YEAR to LAST_YEAR, with the days on which they are made up for.

    Args:
        country: ISO 3166-1 code of two letters: DE.
        region: ISO 3166-2 code without the country: BY. None: the holidays of the whole country alone.

    Raises:
        PydanticCustomError: There is no such country or region.
    """
    regions = _countries().get(country)
    if regions is None:
        raise violation(f"there is no country {country!r}", did_you_mean(country.upper(), _countries()))
    if region is not None and region not in regions:
        raise violation(f"{country} has no region {region!r}", did_you_mean(region.upper(), regions))
    return _dates(country, region)


@lru_cache(maxsize=1)
def _countries() -> Mapping[str, frozenset[str]]:
    """The codes of the regions by the code of their country."""
    import holidays  # noqa: PLC0415  # only policies that name a country need it

    supported = holidays.list_supported_countries(include_aliases=False)
    return {country: frozenset(regions) for country, regions in supported.items()}


@lru_cache(maxsize=100)
def _dates(country: str, region: str | None) -> PublicHolidays:
    import holidays  # noqa: PLC0415  # only policies that name a country need it

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = holidays.country_holidays(country, subdiv=region, years=range(FIRST_YEAR, LAST_YEAR + 1))
    return PublicHolidays(frozenset(found), str(said[0].message) if said else "")
