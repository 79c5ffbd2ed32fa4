"""Random calendars, in zones whose clocks change in different ways."""

from datetime import date
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from streams.domain.policy.calendars import Calendar, Hours

HOUR = 3_600_000
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu", "UTC")
bounds = st.lists(st.integers(0, 1440), min_size=2, max_size=6, unique=True).map(sorted)
stretches = bounds.map(lambda at: tuple(Hours(*each) for each in zip(at[::2], at[1::2], strict=False)))
shifts = st.builds(lambda opens, minutes: (Hours(opens, opens + minutes),), st.integers(720, 1439), st.integers(1, 720))
weeks = st.dictionaries(st.integers(0, 6), stretches, min_size=1) | st.dictionaries(
    st.integers(0, 6), shifts, min_size=1
)
calendars = st.builds(
    Calendar,
    name=st.just("any"),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    week=weeks,
    holidays=st.frozensets(st.dates(date(2017, 1, 1), date(2018, 12, 31)), max_size=20),
)
instants = st.integers(1_483_228_800_000, 1_546_300_800_000)  # 2017 and 2018: Brazil still changed its clocks
spans = st.integers(1, 60 * HOUR)

weekly = st.dictionaries(st.integers(0, 6), shifts, min_size=3) | st.dictionaries(
    st.integers(0, 6), stretches, min_size=3
)
dense = st.builds(Calendar, name=st.just("any"), zone=st.sampled_from(ZONES).map(ZoneInfo), week=weekly)
