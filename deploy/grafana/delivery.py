"""Delivery: the delivery SLO, the state of each endpoint, attempts, and the internals of deliver."""

from grafana_foundation_sdk.builders import dashboard as sdk

from .boards import board, with_rows
from .panels import GREEN, ORANGE, RED, YELLOW, bars, graph, number, rows
from .queries import OVERDUE, greatest, grown, in_time, least, quantile, rate, total

LOST = float("-inf")
TAKEN = "leadloop_delivery_acceptance_seconds"


def dashboard() -> sdk.Dashboard:
    """From the SLO to the causes, by endpoint."""
    words = "Whether recycle events are delivered in time, which endpoint does not accept them, and why."
    return with_rows(
        board("delivery", "Leadloop / Delivery", words, by_endpoint=True, has_page=True),
        (
            ("Delivery SLO", (*_totals(), *_delays(), *_escalations())),
            ("Endpoint health", _endpoints()),
            ("Attempts", _tries()),
            ("Deliver internals", _works()),
        ),
    )


def _totals() -> tuple[object, ...]:
    return (
        number(
            "Accepted within 5 min",
            "Share of recycle events accepted within 5 minutes, of all events that were accepted, were given up or are overdue. Events that wait for paused or disabled endpoints are left out. The SLO is 99 %.",
            "percentunit",
            in_time(),
            limits=((LOST, RED), (0.99, GREEN)),
            decimals=2,
        ),
        number(
            "Accepted",
            "Recycle events that endpoints accepted in the selected time range.",
            "short",
            grown("leadloop_deliveries_total", 'outcome=~"accepted|unverified"'),
        ),
        number(
            "Given up",
            "Recycle events whose attempts are used up. They are dead letters now; marketing did not receive them.",
            "short",
            grown("leadloop_deliveries_total", 'outcome="dead"'),
            limits=((1, RED),),
        ),
        number(
            "Refused permanently",
            "Recycle events that an endpoint rejected permanently: it does not know the lead or the list.",
            "short",
            grown("leadloop_deliveries_total", 'outcome="refused"'),
            limits=((1, YELLOW), (100, RED)),
        ),
        number(
            "Waiting",
            "Recycle events that wait until they are due (a track may begin weeks later), or for a retry.",
            "short",
            total("leadloop_deliveries_waiting"),
        ),
        number(
            "Deliver lag",
            "Recycle events and escalations that streams has published and deliver has not processed.",
            "short",
            total("leadloop_deliver_lag", 'topic=~".*lead-(recycled|escalated)"'),
            limits=((100, YELLOW), (1000, RED)),
        ),
    )


def _delays() -> tuple[object, ...]:
    return (
        graph(
            "Time to acceptance",
            "From the time a recycle event is due to its acceptance, over all endpoints. The SLO is 5 minutes.",
            "s",
            (quantile(0.5, TAKEN), "p50"),
            (quantile(0.9, TAKEN), "p90"),
            (quantile(0.99, TAKEN), "p99"),
            limits=((300, RED),),
            span=12,
        ),
        graph(
            "Unsettled, by age",
            "Recycle events that are due and have no final outcome, by how long they have been due, over all endpoints. Beyond 5 minutes they are overdue.",
            "short",
            (total("leadloop_deliveries_unsettled", by="age"), "{{age}}"),
            is_stacked=True,
            span=12,
        ),
        graph(
            "Overdue, by endpoint",
            "Recycle events that have been due for more than 5 minutes. Those of paused or disabled endpoints are shown, but do not count against the SLO.",
            "short",
            (total("leadloop_deliveries_unsettled", OVERDUE, by="endpoint"), "{{endpoint}}"),
            is_stacked=True,
            span=12,
        ),
        graph(
            "Outcomes",
            "Outcomes per second. no_op: nothing to do, or revoked before it was sent. unverified: the tool reported success, which cannot be checked. retry: attempted again later. expired: the consent ended before it could be sent.",
            "cps",
            (rate("leadloop_deliveries_total", by="outcome"), "{{outcome}}"),
            is_stacked=True,
            span=12,
        ),
    )


def _escalations() -> tuple[object, ...]:
    sent = 'action=~"ESCALATE|AT_RISK"'
    return (
        graph(
            "Escalations, by outcome",
            "Outcomes of escalations and warnings per second. expired: the time that sales had to act ended before the endpoint accepted it.",
            "cps",
            (rate("leadloop_deliveries_total", sent, by="outcome"), "{{outcome}}"),
            is_stacked=True,
            span=12,
        ),
        graph(
            "Outcomes, by action",
            "Outcomes per second, by what was delivered. ESCALATE and AT_RISK go to the endpoints that subscribe to them.",
            "cps",
            (rate("leadloop_deliveries_total", by="action"), "{{action}}"),
            is_stacked=True,
            span=12,
        ),
    )


def _endpoints() -> tuple[object, ...]:
    return (
        rows(
            "Endpoints",
            "State: 0 active, 1 paused, 2 disabled. Overdue: due for more than 5 minutes without a final outcome. Circuit: 0 closed, 1 half open, 2 open (most calls failed, so only probes are sent).",
            "none",
            (greatest("leadloop_endpoint_state", by="endpoint"), "state"),
            (greatest("leadloop_delivery_circuit", by="endpoint"), "circuit"),
            (total("leadloop_deliveries_unsettled", OVERDUE, by="endpoint"), "overdue"),
            (total("leadloop_deliveries_waiting", by="endpoint"), "waiting"),
            (total("leadloop_deliveries_queued", by="endpoint"), "queued"),
            (grown("leadloop_deliveries_total", 'outcome=~"accepted|unverified"', by="endpoint"), "accepted"),
            (grown("leadloop_deliveries_total", 'outcome="dead"', by="endpoint"), "given up"),
        ),
        bars(
            "Taken within 5 min, by endpoint",
            "Share accepted within 5 minutes, of the events that were accepted or given up in the selected time range or are overdue now. Events that wait for a paused or disabled endpoint are left out.",
            "percentunit",
            (in_time(by="endpoint"), "{{endpoint}}"),
            limits=((LOST, RED), (0.99, GREEN)),
        ),
        graph(
            "Circuit breaker",
            "2 open: deliveries wait. 1 half open: a few probes are sent. 0 closed: normal operation.",
            "none",
            (greatest("leadloop_delivery_circuit", by="endpoint"), "{{endpoint}}"),
            limits=((1, YELLOW), (2, RED)),
        ),
        graph(
            "Failures in a row",
            "Failed attempts in a row, as a share of those after which an endpoint counts as dead. Operators are notified at 50, 70, 90 and 100 %.",
            "percentunit",
            (greatest("leadloop_endpoint_failures_ratio", by="endpoint"), "{{endpoint}}"),
            limits=((0.5, YELLOW), (1, RED)),
        ),
        bars(
            "Events for operators",
            "Notifications of operators about endpoints in the selected time range: failing (with the percentage), recovered, exhausted (deliveries were given up), disabled.",
            "short",
            (grown("leadloop_endpoint_events_total", by="event"), "{{event}}"),
        ),
        graph(
            "Waiting, by endpoint",
            "Recycle events that wait until they are due or for a retry. An area that grows much faster than the others belongs to an endpoint that is unavailable or too slow.",
            "short",
            (total("leadloop_deliveries_waiting", by="endpoint"), "{{endpoint}}"),
            is_stacked=True,
        ),
    )


def _tries() -> tuple[object, ...]:
    return (
        graph(
            "Attempts by endpoint",
            "Delivery attempts per second. If there are far more attempts than acceptances, most attempts fail.",
            "cps",
            (rate("leadloop_delivery_attempts_total", by="endpoint"), "{{endpoint}}"),
        ),
        graph(
            "Attempts by kind",
            "Delivery attempts per second: first ones, retries, and manual ones, which begin a replay.",
            "cps",
            (rate("leadloop_delivery_attempts_total", by="kind"), "{{kind}}"),
            is_stacked=True,
        ),
        graph(
            "Call duration, p99",
            "99th percentile of the call duration, by endpoint. A value near the timeout of the endpoint means that it does not answer.",
            "s",
            (quantile(0.99, "leadloop_delivery_duration_seconds", by="endpoint"), "{{endpoint}}"),
            limits=((10, ORANGE), (20, RED)),
        ),
        graph(
            "Deferred deliveries",
            "Deliveries written to a waiting topic per second, by endpoint: after a failed attempt, because they are not due yet, or because the endpoint is unavailable.",
            "cps",
            (rate("leadloop_delivery_waits_total", by="endpoint"), "{{endpoint}}"),
        ),
    )


def _works() -> tuple[object, ...]:
    return (
        graph(
            "Calls in flight",
            "Calls in flight by endpoint, over all workers. They stay within the concurrency limit of the endpoint.",
            "none",
            (total("leadloop_delivery_calls", by="endpoint"), "{{endpoint}}"),
        ),
        graph(
            "Queued in memory",
            "Deliveries in memory that wait for a token of the rate limiter or for a free slot of the concurrency limit.",
            "short",
            (total("leadloop_deliveries_queued", by="endpoint"), "{{endpoint}}"),
        ),
        graph(
            "Rate limiter source",
            "How many workers share their limits in Redis, and how many apply a local share because Redis does not answer.",
            "none",
            (total("leadloop_delivery_limiter", by="source"), "{{source}}"),
        ),
        graph(
            "Daily budget left",
            "Attempts that the daily budget of an endpoint still allows today. At 0 its deliveries wait for the next day of its time zone, and do not count as overdue.",
            "short",
            (least("leadloop_delivery_budget_left", by="endpoint"), "{{endpoint}}"),
        ),
        graph(
            "Deliver lag by topic",
            "Unprocessed records of lead-recycled, lead-escalated and the waiting topics.",
            "short",
            (total("leadloop_deliver_lag", by="topic"), "{{topic}}"),
        ),
        graph(
            "Delivery index entries",
            "Deliveries in the index that deliver keeps in memory to send nothing again after its acceptance.",
            "short",
            (total("leadloop_deliver_ledger_entries", by="kind"), "{{kind}}"),
            is_stacked=True,
        ),
        graph(
            "Undecodable records",
            "Records per second in deliver's topics that cannot be decoded, by reason. They go to the dead-letter topic.",
            "cps",
            (rate("leadloop_deliver_rejected_total", by="reason"), "{{reason}}"),
        ),
    )
