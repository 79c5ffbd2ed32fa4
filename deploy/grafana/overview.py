"""Overview: what whoever is on call looks at first. Health at a glance, the objectives and their budgets, links onward."""

from grafana_foundation_sdk.builders import dashboard as sdk

from .boards import board, with_rows
from .panels import GREEN, ORANGE, RED, YELLOW, bars, graph, number, numbers, rows
from .queries import age, grown, rate, record, series, total

OBJECTIVES = (
    ("Freshness", "leadloop_freshness_errors:ratio_avg", 0.005, "partitions know within 5 s what came in"),
    (
        "Published",
        "leadloop_publish_errors:ratio_rate",
        0.001,
        "broken promises are told within 60 s after they were due",
    ),
    (
        "Delivered",
        "leadloop_delivery_errors:ratio_rate",
        0.01,
        "recycle events are taken by their endpoint within 5 min; what is overdue by now is not",
    ),
)
LOST = float("-inf")


def dashboard() -> sdk.Dashboard:
    """Are leads flowing, what is late, where to look."""
    words = "Are leads flowing, what is late, and where to look next. Read from the top: what burns, what was promised, what moves."
    built = board("overview", "Leadloop / Overview", words)
    return with_rows(
        built,
        (
            ("Is it well now?", _now()),
            ("Which alerts fire", _alerts()),
            ("What was promised, and how much of it is left", _objectives()),
            ("What comes in, what goes out", _flow()),
        ),
    )


def _now() -> tuple[object, ...]:
    return (
        number(
            "Pages",
            "Alerts that somebody should be awake for. They stand below, by name.",
            "none",
            'count(ALERTS{alertstate="firing", severity="page"}) or vector(0)',
            limits=((1, RED),),
        ),
        number(
            "Tickets",
            "Alerts that can wait for the morning.",
            "none",
            'count(ALERTS{alertstate="firing", severity="ticket"}) or vector(0)',
            limits=((1, YELLOW),),
        ),
        number(
            "Partitions that are fresh",
            "Share of partitions whose newest heartbeat came through and is no more than 5 s old. Below 100 % some leads stand still.",
            "percentunit",
            f"{record('job:leadloop_partitions_fresh:count')} / ({record('job:leadloop_live_partitions:max')} > 0)",
            limits=((LOST, RED), (0.8, ORANGE), (0.999, GREEN)),
        ),
        number(
            "Oldest record that waits",
            "How long ago Kafka got the oldest record that streams has not done yet. Normally well below a second.",
            "s",
            f"max({series('leadloop_lag_seconds')})",
            limits=((5, YELLOW), (60, RED)),
        ),
        number(
            "Leads that are overdue",
            "Leads that went cold by a broken promise and have not moved since, handed back or not. Not a fault of the system.",
            "short",
            total("leadloop_overdue_leads"),
        ),
        number(
            "Recycle events that wait",
            "Recycle events that wait until they are due (a track may begin weeks later), or for an endpoint that is away.",
            "short",
            total("leadloop_deliveries_waiting"),
        ),
        numbers(
            "Processes that answer",
            "How many targets of each job answered the last scrape. None: nobody does its work.",
            "none",
            (f"sum by (job) ({series('up')})", "{{job}}"),
            limits=((LOST, RED), (1, GREEN)),
            span=24,
        ),
    )


def _objectives() -> tuple[object, ...]:
    kept = [
        number(
            f"{name}: kept in 30 days",
            f"Share of the time, or of events, in which {words}. The objective is {1 - budget:.1%}.",
            "percentunit",
            f"1 - {record(f'job:{errors}30d')}",
            limits=((LOST, RED), (1 - budget, GREEN)),
            decimals=3,
        )
        for name, errors, budget, words in OBJECTIVES
    ]
    left = [
        number(
            f"{name}: budget left",
            f"What is left of the {budget:.1%} that may go wrong in 30 days. At 0 the objective is missed.",
            "percentunit",
            f"1 - {record(f'job:{errors}30d')} / {budget}",
            limits=((LOST, RED), (0, ORANGE), (0.25, GREEN)),
            decimals=1,
        )
        for name, errors, budget, _ in OBJECTIVES
    ]
    burns = [
        graph(
            f"{name}: how fast the budget burns",
            "1 uses up exactly the budget in 30 days. Above 14.4 in 1 h and 5 min, or 6 in 6 h and 30 min, somebody is paged.",
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
            "Facts taken in",
            "What upstream systems told of leads, a second, by kind. A line that falls to nothing is an upstream that stopped.",
            "cps",
            (rate("leadloop_facts_total", by="kind"), "{{kind}}"),
            is_stacked=True,
        ),
        graph(
            "Handed back, taken back",
            "Recycles told to marketing, and recycles revoked because the lead moved, a second.",
            "cps",
            (rate("leadloop_decisions_total", 'action="RECYCLE"'), "handed back"),
            (rate("leadloop_decisions_total", 'action="REVOKE"'), "taken back"),
        ),
        graph(
            "What became of deliveries",
            "Outcomes of tries, a second. A retry comes again; what is dead was given up.",
            "cps",
            (rate("leadloop_deliveries_total", by="outcome"), "{{outcome}}"),
            is_stacked=True,
        ),
        graph(
            "Answers of ingest and report",
            "HTTP requests a second, by class of status. 5xx: whoever posts has to try again.",
            "reqps",
            (f"sum by (job, status) ({record('job:leadloop_http_requests:rate5m')})", "{{job}} {{status}}"),
        ),
        graph(
            "Age of what is shown",
            "How old the newest heartbeat is in the slowest partition of streams, and how old the read model is.",
            "s",
            (f"max({age('leadloop_heartbeat_timestamp_seconds')})", "streams, slowest partition"),
            (f"max({age('leadloop_project_complete_timestamp_seconds')})", "read model"),
            limits=((5, YELLOW), (120, RED)),
        ),
        bars(
            "Dead letters",
            "Records that could not be taken, in the time that is shown. Kept, and to be replayed once their cause is mended.",
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
            "Alerts that fire",
            "Each alert has a section of its name in docs/runbooks.md: what it means, how to see, what to do. Watchdog always fires.",
            "none",
            (
                'sum by (severity, alertname, process, long, endpoint, partition) (ALERTS{alertstate="firing"})',
                "firing",
            ),
        ),
    )
