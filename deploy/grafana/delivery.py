"""Delivery: does marketing get what it is told, which endpoint does not, and why."""

from grafana_foundation_sdk.builders import dashboard as sdk

from .boards import board, with_rows
from .panels import GREEN, ORANGE, RED, YELLOW, bars, graph, number, rows
from .queries import OVERDUE, greatest, grown, in_time, quantile, rate, total

LOST = float("-inf")
TAKEN = "leadloop_delivery_acceptance_seconds"


def dashboard() -> sdk.Dashboard:
    """From late to why, endpoint by endpoint."""
    words = "Does marketing get what it is told, which endpoint does not, and why."
    return with_rows(
        board("delivery", "Leadloop / Delivery", words),
        (
            ("Does it arrive?", _arrives()),
            ("Which endpoint does not take it?", _endpoints()),
            ("What tries come to", _tries()),
            ("How deliver works", _works()),
        ),
    )


def _arrives() -> tuple[object, ...]:
    return (
        number(
            "Taken within 5 min",
            "Share that endpoints took within 5 minutes, of all that was taken, given up or is overdue. Paused endpoints are left out. The objective is 99 %.",
            "percentunit",
            in_time(),
            limits=((LOST, RED), (0.99, GREEN)),
            decimals=2,
        ),
        number(
            "Taken",
            "Recycle events that endpoints took, in the time that is shown.",
            "short",
            grown("leadloop_deliveries_total", 'outcome=~"accepted|unverified"'),
        ),
        number(
            "Given up",
            "Recycle events that were tried as often as they may be. Dead letters: marketing does not know of them.",
            "short",
            grown("leadloop_deliveries_total", 'outcome="dead"'),
            limits=((1, RED),),
        ),
        number(
            "Refused for good",
            "Recycle events that an endpoint says no to for ever: it does not know the lead, or the list.",
            "short",
            grown("leadloop_deliveries_total", 'outcome="refused"'),
            limits=((1, YELLOW), (100, RED)),
        ),
        number(
            "Waiting",
            "Recycle events that wait until they are due (a track may begin weeks later), or for a later try.",
            "short",
            total("leadloop_deliveries_waiting"),
        ),
        number(
            "Not looked at yet",
            "Recycle events that streams has told and deliver has not taken.",
            "short",
            total("leadloop_deliver_lag", 'topic=~".*lead-recycled"'),
            limits=((100, YELLOW), (1000, RED)),
        ),
        graph(
            "How long it takes to arrive",
            "From when an event might be sent to its acceptance, over all endpoints. 5 minutes is the objective.",
            "s",
            (quantile(0.5, TAKEN), "half are faster"),
            (quantile(0.9, TAKEN), "90 % are faster"),
            (quantile(0.99, TAKEN), "99 % are faster"),
            limits=((300, RED),),
            span=12,
        ),
        graph(
            "Not settled, by age",
            "Recycle events that might be sent and are neither taken nor given up, by how long, over all endpoints. Beyond 5 minutes they are overdue.",
            "short",
            (total("leadloop_deliveries_unsettled", by="age"), "{{age}}"),
            is_stacked=True,
            span=12,
        ),
        graph(
            "Overdue, by endpoint",
            "Recycle events that have waited for more than 5 minutes by now. Those of an endpoint that is paused or disabled are shown, and do not count against the objective.",
            "short",
            (total("leadloop_deliveries_unsettled", OVERDUE, by="endpoint"), "{{endpoint}}"),
            is_stacked=True,
            span=12,
        ),
        graph(
            "What became of it",
            "Outcomes a second. no_op: nothing to do, or taken back in time. unverified: the tool said yes, and cannot be asked. retry: again later.",
            "cps",
            (rate("leadloop_deliveries_total", by="outcome"), "{{outcome}}"),
            is_stacked=True,
            span=12,
        ),
    )


def _endpoints() -> tuple[object, ...]:
    return (
        rows(
            "Endpoints",
            "State: 0 active, 1 paused, 2 disabled. Overdue: might have been sent for more than 5 minutes, and is not settled. Circuit: 0 closed, 1 half open, 2 open, which means that it is left alone for a while because most calls failed.",
            "none",
            (greatest("leadloop_endpoint_state", by="endpoint"), "state"),
            (greatest("leadloop_delivery_circuit", by="endpoint"), "circuit"),
            (total("leadloop_deliveries_unsettled", OVERDUE, by="endpoint"), "overdue"),
            (total("leadloop_deliveries_waiting", by="endpoint"), "waiting"),
            (total("leadloop_deliveries_queued", by="endpoint"), "about to be tried"),
            (grown("leadloop_deliveries_total", 'outcome=~"accepted|unverified"', by="endpoint"), "taken"),
            (grown("leadloop_deliveries_total", 'outcome="dead"', by="endpoint"), "given up"),
        ),
        bars(
            "Taken within 5 min, by endpoint",
            "Share of what each endpoint took or had given up in the time that is shown, or has overdue now; of one that is paused or disabled, without what waits.",
            "percentunit",
            (in_time(by="endpoint"), "{{endpoint}}"),
            limits=((LOST, RED), (0.99, GREEN)),
        ),
        graph(
            "Circuit",
            "2 open: left alone. 1 half open: a few calls try whether it is back. 0 closed: all is well.",
            "none",
            (greatest("leadloop_delivery_circuit", by="endpoint"), "{{endpoint}}"),
            limits=((1, YELLOW), (2, RED)),
        ),
        graph(
            "Waiting, by endpoint",
            "Until they are due, or for a later try. An area that grows much faster than the others belongs to an endpoint that is away or too slow.",
            "short",
            (total("leadloop_deliveries_waiting", by="endpoint"), "{{endpoint}}"),
            is_stacked=True,
        ),
    )


def _tries() -> tuple[object, ...]:
    return (
        graph(
            "Tries",
            "Parcels handed to an endpoint, a second. Far more than are taken: most of them fail.",
            "cps",
            (rate("leadloop_delivery_attempts_total", by="endpoint"), "{{endpoint}}"),
        ),
        graph(
            "How long a call takes",
            "99 of 100 are faster, by endpoint. Near the timeout of an endpoint: it does not answer.",
            "s",
            (quantile(0.99, "leadloop_delivery_duration_seconds", by="endpoint"), "{{endpoint}}"),
            limits=((10, ORANGE), (20, RED)),
        ),
        graph(
            "Put off",
            "Parcels put into a waiting topic, a second, by endpoint: after a failed try, or because the endpoint is away or not yet due.",
            "cps",
            (rate("leadloop_delivery_waits_total", by="endpoint"), "{{endpoint}}"),
        ),
    )


def _works() -> tuple[object, ...]:
    return (
        graph(
            "Calls under way",
            "By endpoint. It stays below the endpoint's limit of calls at once.",
            "none",
            (total("leadloop_delivery_calls", by="endpoint"), "{{endpoint}}"),
        ),
        graph(
            "About to be tried",
            "Parcels in memory that wait for their turn: for a token of the rate limit, or a free call.",
            "short",
            (total("leadloop_deliveries_queued", by="endpoint"), "{{endpoint}}"),
        ),
        graph(
            "Who keeps the limits",
            "How many delivers count calls in Redis, together, and how many each for itself, because Redis does not answer.",
            "none",
            (total("leadloop_delivery_limiter", by="source"), "{{source}}"),
        ),
        graph(
            "Records that wait, by topic",
            "Of what streams told, of its own results and of the waiting topics.",
            "short",
            (total("leadloop_deliver_lag", by="topic"), "{{topic}}"),
        ),
        graph(
            "Parcels remembered",
            "What deliver keeps in memory of each parcel, so as to send nothing twice.",
            "short",
            (total("leadloop_deliver_ledger_entries", by="kind"), "{{kind}}"),
            is_stacked=True,
        ),
        graph(
            "Records that are none",
            "Records in deliver's topics that cannot be read, a second, by reason. They are dead letters.",
            "cps",
            (rate("leadloop_deliver_rejected_total", by="reason"), "{{reason}}"),
        ),
    )
