"""PromQL expressions for the panels: filtered by the dashboard's variables, counters always as rates."""

import re

ENDPOINT = 'endpoint=~"$endpoint"'
OF_ENDPOINTS = re.compile(r"leadloop_(deliveries_|delivery_(?!limiter)|endpoint_state)")
"""Series with the label endpoint."""
MATCHED = ('job=~"$job"', 'instance=~"$instance"')
EVENTS = 'origin=~"$origin"'
OVERDUE = 'age=~"under_1h|over_1h"'


def series(name: str, *more: str) -> str:
    """Return a series of the selected processes, and endpoints if it has some; `more` are additional matchers."""
    selected = (ENDPOINT,) if OF_ENDPOINTS.match(name) else ()
    return f"{name}{{{', '.join((*MATCHED, *selected, *more))}}}"


def record(name: str) -> str:
    """Return the series of a recording rule, which has no instance label."""
    return f'{name}{{job=~"$job"}}'


def total(name: str, *more: str, by: str = "") -> str:
    return _by("sum", by, series(name, *more))


def greatest(name: str, *more: str, by: str = "") -> str:
    return _by("max", by, series(name, *more))


def least(name: str, *more: str, by: str = "") -> str:
    return _by("min", by, series(name, *more))


def grown(name: str, *more: str, by: str = "") -> str:
    """Return the increase of a counter over the selected time range."""
    return _by("sum", by, f"increase({series(name, *more)}[$__range])")


def changed(name: str, *more: str, by: str = "") -> str:
    """Return the difference of a gauge over the selected time range."""
    return _by("sum", by, f"delta({series(name, *more)}[$__range])")


def quantile(share: float, histogram: str, *more: str, by: str = "", over: str = "$__rate_interval") -> str:
    """Return a quantile of a histogram."""
    buckets = f"rate({series(f'{histogram}_bucket', *more)}[{over}])"
    return f"histogram_quantile({share}, {_by('sum', ', '.join(filter(None, ('le', by))), buckets)})"


def within(histogram: str, edge: str, *more: str, by: str = "", over: str = "$__range") -> str:
    """Return the share of observations up to a bucket boundary."""
    up_to = rate(f"{histogram}_bucket", f'le="{edge}"', *more, by=by, over=over)
    return f"{up_to} / {rate(f'{histogram}_count', *more, by=by, over=over)}"


def overdue(by: str = "") -> str:
    """Return the overdue events (due for more than 5 minutes) of endpoints that are neither paused nor disabled."""
    waiting = total("leadloop_deliveries_unsettled", OVERDUE, by="endpoint")
    each = f"{waiting} * ({greatest('leadloop_endpoint_state', by='endpoint')} == bool 0)"
    return each if by == "endpoint" else f"sum({each})"


def of_created(histogram: str, edge: str, *more: str, by: str = "") -> str:
    """Return how many observations up to a bucket boundary there are, as a share of all leads created meanwhile."""
    up_to = grown(f"{histogram}_bucket", f'le="{edge}"', *more, by=by)
    created = changed("leadloop_funnel_leads", 'step="created"', *more, by=by)
    return f"{up_to} / ({created} > 0)"


def in_time(by: str = "") -> str:
    """Return the share of recycle events accepted within 5 minutes, of all accepted, given up or overdue now."""
    taken = grown("leadloop_delivery_acceptance_seconds_bucket", 'le="300.0"', by=by)
    ended = grown("leadloop_delivery_acceptance_seconds_count", by=by)
    dead = grown("leadloop_deliveries_total", 'outcome="dead"', by=by)
    return f"{taken} / ({ended} + {dead} + {overdue(by)})"


def rate(name: str, *more: str, by: str = "", over: str = "$__rate_interval") -> str:
    """Return the rate of a counter per second."""
    return _by("sum", by, f"rate({series(name, *more)}[{over}])")


def age(timestamp: str, *more: str) -> str:
    """Return the age of a timestamp at scrape time in seconds, per series; 0 means "none yet" and has no age."""
    return f"timestamp({series(timestamp, *more)}) - ({series(timestamp, *more)} > 0)"


def _by(aggregation: str, labels: str, inner: str) -> str:
    return f"{aggregation} by ({labels}) ({inner})" if labels else f"{aggregation}({inner})"
