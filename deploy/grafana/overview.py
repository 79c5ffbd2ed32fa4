"""Overview: the first dashboard for on-call. Current health, SLOs and error budgets, input and output."""

from grafana_foundation_sdk.builders import dashboard as sdk

from .boards import board, with_rows
from .panels import GREEN, ORANGE, RED, YELLOW, bars, graph, number, numbers, rows
from .queries import age, grown, rate, record, series, total

OBJECTIVES = (
    (
        "Freshness",
        "leadloop_freshness_errors:ratio_avg",
        0.005,
        "of time in which partitions have processed each event within 5 s",
    ),
    (
        "Published",
        "leadloop_publish_errors:ratio_rate",
        0.001,
        "of stalls that are published within 60 s after the promise was broken",
    ),
    (
        "Delivered",
        "leadloop_delivery_errors:ratio_rate",
        0.01,
        "of recycle events that their endpoint accepts within 5 min; overdue ones count as late",
    ),
)
LOST = float("-inf")


def dashboard() -> sdk.Dashboard:
    """Current health, firing alerts, error budgets, input and output."""
    words = "Start here when on call. From top to bottom: current health, firing alerts, SLOs and error budgets, input and output."
    built = board("overview", "Leadloop / Overview", words, by_endpoint=True, has_page=True)
    return with_rows(
        built,
        (
            ("Current health", _now()),
            ("Firing alerts", _alerts()),
            ("SLOs and error budgets", _objectives()),
            ("Input and output", _flow()),
        ),
    )


def _now() -> tuple[object, ...]:
    return (
        number(
            "Pages",
            "Firing alerts of severity page. The next row lists them by name.",
            "none",
            'count(ALERTS{alertstate="firing", severity="page"}) or vector(0)',
            limits=((1, RED),),
        ),
        number(
            "Tickets",
            "Firing alerts of severity ticket. They can wait until the next working day.",
            "none",
            'count(ALERTS{alertstate="firing", severity="ticket"}) or vector(0)',
            limits=((1, YELLOW),),
        ),
        number(
            "Fresh partitions",
            "Share of partitions whose last processed heartbeat is at most 5 s old. Below 100 %, the leads of some partitions are not processed in time.",
            "percentunit",
            f"{record('job:leadloop_partitions_fresh:count')} / ({record('job:leadloop_live_partitions:max')} > 0)",
            limits=((LOST, RED), (0.8, ORANGE), (0.999, GREEN)),
        ),
        number(
            "Oldest unprocessed record",
            "How long ago Kafka received the oldest record that streams has not processed. Normally well below a second.",
            "s",
            f"max({series('leadloop_lag_seconds')})",
            limits=((5, YELLOW), (60, RED)),
        ),
        number(
            "Overdue leads",
            "Leads that stalled because a promise was broken, and were not touched since; recycled or not. This is a business figure, not a system failure.",
            "short",
            total("leadloop_overdue_leads"),
        ),
        number(
            "Waiting recycle events",
            "Recycle events that wait until they are due (a track may begin weeks later), or for an endpoint that is unavailable.",
            "short",
            total("leadloop_deliveries_waiting"),
        ),
        numbers(
            "Processes up",
            "How many targets of each job answered the last scrape. At 0 no process does the work of this job.",
            "none",
            (f"sum by (job) ({series('up')})", "{{job}}"),
            limits=((LOST, RED), (1, GREEN)),
            span=24,
        ),
    )


def _objectives() -> tuple[object, ...]:
    kept = [
        number(
            f"{name}: achieved in 30 days",
            f"Share {words}. The SLO is {1 - budget:.1%}.",
            "percentunit",
            f"1 - {record(f'job:{errors}30d')}",
            limits=((LOST, RED), (1 - budget, GREEN)),
            decimals=3,
        )
        for name, errors, budget, words in OBJECTIVES
    ]
    left = [
        number(
            f"{name}: error budget left",
            f"Remaining share of the 30-day error budget of {budget:.1%}. Below 0 the SLO is missed.",
            "percentunit",
            f"1 - {record(f'job:{errors}30d')} / {budget}",
            limits=((LOST, RED), (0, ORANGE), (0.25, GREEN)),
            decimals=1,
        )
        for name, errors, budget, _ in OBJECTIVES
    ]
    burns = [
        graph(
            f"{name}: burn rate",
            "A burn rate of 1 uses the whole error budget in exactly 30 days. An alert pages if it is above 14.4 over both 1 h and 5 min, or above 6 over both 6 h and 30 min.",
            "none",
            *((f"{record(f'job:{errors}{window}')} / {budget}", f"over {window}") for window in ("5m", "1h", "6h")),
            limits=((1, YELLOW), (6, ORANGE), (14.4, RED)),
        )
        for name, errors, budget, _ in OBJECTIVES
    ]
    both = [panel for pair in zip(kept, left, strict=True) for panel in pair]
    return (*both, *burns)


def _flow() -> tuple[object, ...]:
    return (
        graph(
            "Facts consumed",
            "New facts from upstream systems per second, by kind. A line that drops to 0 means that an upstream system stopped sending.",
            "cps",
            (rate("leadloop_facts_total", by="kind"), "{{kind}}"),
            is_stacked=True,
        ),
        graph(
            "Recycles and revokes",
            "RECYCLE and REVOKE decisions per second. A REVOKE withdraws a RECYCLE that no longer stands.",
            "cps",
            (rate("leadloop_decisions_total", 'action="RECYCLE"'), "RECYCLE"),
            (rate("leadloop_decisions_total", 'action="REVOKE"'), "REVOKE"),
        ),
        graph(
            "Delivery outcomes",
            "Outcomes per second. retry: attempted again later; dead: given up.",
            "cps",
            (rate("leadloop_deliveries_total", by="outcome"), "{{outcome}}"),
            is_stacked=True,
        ),
        graph(
            "Responses of ingest and report",
            "HTTP requests per second, by class of status. After a 5xx the client has to retry.",
            "reqps",
            (f"sum by (job, status) ({record('job:leadloop_http_requests:rate5m')})", "{{job}} {{status}}"),
        ),
        graph(
            "Data age",
            "Age of the last processed heartbeat in the slowest partition of streams, and age of the read model.",
            "s",
            (f"max({age('leadloop_heartbeat_timestamp_seconds')})", "streams, slowest partition"),
            (f"max({age('leadloop_project_complete_timestamp_seconds')})", "read model"),
            limits=((5, YELLOW), (120, RED)),
        ),
        bars(
            "Dead letters",
            "Records that could not be processed in the selected time range. They are kept in the dead-letter topic; replay them when the cause is fixed.",
            "short",
            (f"topk(5, {grown('leadloop_rejected_total', by='reason')})", "streams: {{reason}}"),
            (f"{grown('leadloop_ingest_dead_letters_total')} or vector(0)", "webhooks"),
            (grown("leadloop_deliver_rejected_total"), "deliver"),
            (grown("leadloop_deliveries_total", 'outcome="dead"'), "deliveries given up"),
            limits=((1, YELLOW), (100, RED)),
        ),
    )


def _alerts() -> tuple[object, ...]:
    return (
        rows(
            "Firing alerts, by name",
            "Each alert has a section in docs/runbooks.md: what it means, how to see it, what to do. Watchdog always fires.",
            "none",
            (
                'sum by (severity, alertname, process, long, endpoint, partition) (ALERTS{alertstate="firing"})',
                "firing",
            ),
        ),
    )
