"""PromQL in the few shapes that panels need: matched by the dashboard's variables, counters always as rates."""

MATCHED = ('job=~"$job"', 'instance=~"$instance"')
EVENTS = 'origin=~"$origin"'
OVERDUE = 'age=~"under_1h|over_1h"'


def series(name: str, *more: str) -> str:
    """A series of the chosen processes; `more` are matchers of its own."""
    return f"{name}{{{', '.join((*MATCHED, *more))}}}"


def record(name: str) -> str:
    """What a recording rule keeps; it knows no instances."""
    return f'{name}{{job=~"$job"}}'


def total(name: str, *more: str, by: str = "") -> str:
    return _by("sum", by, series(name, *more))


def greatest(name: str, *more: str, by: str = "") -> str:
    return _by("max", by, series(name, *more))


def grown(name: str, *more: str, by: str = "") -> str:
    """A counter's growth over the time that is shown."""
    return _by("sum", by, f"increase({series(name, *more)}[$__range])")


def quantile(share: float, histogram: str, *more: str, by: str = "", over: str = "$__rate_interval") -> str:
    """What that share of observations stays below."""
    buckets = f"rate({series(f'{histogram}_bucket', *more)}[{over}])"
    return f"histogram_quantile({share}, {_by('sum', ', '.join(filter(None, ('le', by))), buckets)})"


def within(histogram: str, edge: str, *more: str, by: str = "", over: str = "$__range") -> str:
    """The share of observations up to an edge of a bucket."""
    up_to = rate(f"{histogram}_bucket", f'le="{edge}"', *more, by=by, over=over)
    return f"{up_to} / {rate(f'{histogram}_count', *more, by=by, over=over)}"


def overdue(by: str = "") -> str:
    """What has waited for longer than 5 minutes, of endpoints that are neither paused nor disabled."""
    waiting = total("leadloop_deliveries_unsettled", OVERDUE, by="endpoint")
    each = f"{waiting} * ({greatest('leadloop_endpoint_state', by='endpoint')} == bool 0)"
    return each if by == "endpoint" else f"sum({each})"


def in_time(by: str = "") -> str:
    """The share of recycle events taken within 5 minutes: of all that were taken or given up, or are overdue now."""
    taken = grown("leadloop_delivery_acceptance_seconds_bucket", 'le="300.0"', by=by)
    ended = grown("leadloop_delivery_acceptance_seconds_count", by=by)
    dead = grown("leadloop_deliveries_total", 'outcome="dead"', by=by)
    return f"{taken} / ({ended} + {dead} + {overdue(by)})"


def rate(name: str, *more: str, by: str = "", over: str = "$__rate_interval") -> str:
    """A second's growth of a counter."""
    return _by("sum", by, f"rate({series(name, *more)}[{over}])")


def age(timestamp: str, *more: str) -> str:
    """Seconds from a timestamp to when it was scraped, each series for itself; 0 is none yet, and has no age."""
    return f"timestamp({series(timestamp, *more)}) - ({series(timestamp, *more)} > 0)"


def _by(aggregation: str, labels: str, inner: str) -> str:
    return f"{aggregation} by ({labels}) ({inner})" if labels else f"{aggregation}({inner})"
