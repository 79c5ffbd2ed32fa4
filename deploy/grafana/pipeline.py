"""Pipeline and lag: lag, input, processing, Kafka, read model, resources."""

from grafana_foundation_sdk.builders import dashboard as sdk

from . import processes
from .boards import board, with_rows
from .panels import RED, YELLOW, graph
from .queries import age, greatest, quantile, rate, total


def dashboard() -> sdk.Dashboard:
    """Lag of every process and its causes, from symptom to cause."""
    words = "Lag of ingest, streams, deliver and the read model, and its causes. Rows go from symptom to cause."
    return with_rows(
        board("pipeline", "Leadloop / Pipeline and lag", words, opens_at="now-3h"),
        (
            ("Lag and freshness", _late()),
            ("Input", _comes_in()),
            ("Rejected input", _stays_out()),
            ("Streams processing", processes.works()),
            ("Recovery and Kafka", processes.recovery()),
            ("Read model", processes.read_model()),
            ("Audit", processes.audit()),
            ("HTTP", processes.http()),
            ("Resources", processes.machine()),
        ),
    )


def _late() -> tuple[object, ...]:
    return (
        graph(
            "Oldest unprocessed record, by partition",
            "How long ago Kafka received the oldest unprocessed record. If one partition lags, it is hot or stuck; if all lag, the workers lack CPU or Kafka is slow.",
            "s",
            (greatest("leadloop_lag_seconds", by="partition"), "{{partition}}"),
            limits=((5, YELLOW), (300, RED)),
        ),
        graph(
            "Event latency",
            "Age of heartbeats when they are processed: the time from Kafka to the state. Each partition sends itself one heartbeat per second.",
            "s",
            (quantile(0.5, "leadloop_freshness_seconds"), "p50"),
            (quantile(0.99, "leadloop_freshness_seconds"), "p99"),
            limits=((5, RED),),
        ),
        graph(
            "Stream time lag",
            "Promises are checked against stream time. Live, stream time is the wall clock minus the allowed lateness (5 s). While it lags more than that, stalls are detected late.",
            "s",
            (f"max by (partition) ({age('leadloop_stream_timestamp_seconds')})", "{{partition}}"),
            limits=((60, YELLOW), (120, RED)),
            low=None,
        ),
        graph(
            "Lag in records, by topic",
            "Records in Kafka that streams has not processed. The panels to the left show the lag in seconds.",
            "short",
            (total("leadloop_lag_records", by="topic"), "{{topic}}"),
            is_stacked=True,
        ),
        graph(
            "Deliver lag in records, by topic",
            "Records that deliver has not processed.",
            "short",
            (total("leadloop_deliver_lag", by="topic"), "{{topic}}"),
        ),
        graph(
            "Read model lag in records",
            "Records in Kafka that are not in the read model, as measured by project (by topic) and by report.",
            "short",
            (total("leadloop_project_lag_records", by="topic"), "{{topic}}"),
            (greatest("leadloop_report_lag_records"), "measured by report"),
        ),
    )


def _comes_in() -> tuple[object, ...]:
    return (
        graph(
            "Facts consumed",
            "New facts from upstream systems per second, by kind. Duplicates are not counted.",
            "cps",
            (rate("leadloop_facts_total", by="kind"), "{{kind}}"),
            is_stacked=True,
        ),
        graph(
            "Duplicate, late and rerouted facts",
            "Duplicates change nothing. Late facts are older than the remembered facts of their lead and are not folded. Rerouted facts were on the wrong partition. Ignored records are null values (tombstones).",
            "cps",
            (rate("leadloop_duplicate_facts_total"), "duplicate"),
            (rate("leadloop_late_facts_total"), "too late"),
            (rate("leadloop_rerouted_total"), "rerouted"),
            (rate("leadloop_ignored_records_total", by="reason"), "ignored: {{reason}}"),
        ),
        graph(
            "Accepted by ingest",
            "Posted facts that Kafka has acknowledged, per second, by kind.",
            "cps",
            (rate("leadloop_ingest_accepted_total", by="kind"), "{{kind}}"),
            is_stacked=True,
        ),
        graph(
            "Kafka ack latency of ingest",
            "Time from sending the records of a request to the last ack. It is most of the duration of a request.",
            "s",
            (quantile(0.5, "leadloop_ingest_ack_seconds"), "p50"),
            (quantile(0.99, "leadloop_ingest_ack_seconds"), "p99"),
            limits=((1, YELLOW), (5, RED)),
        ),
        graph(
            "Ingest records in flight",
            "Posted records that Kafka has not acknowledged yet. Above 20,000, ingest answers 503.",
            "short",
            (total("leadloop_ingest_records_in_flight"), "in flight"),
        ),
        graph(
            "Requests deferred by ingest",
            "Requests per second that the client has to retry: Kafka is unavailable or the queue is full (503), or the source is over its rate limit (429).",
            "reqps",
            (rate("leadloop_ingest_deferred_total", by="by"), "{{by}}"),
        ),
    )


def _stays_out() -> tuple[object, ...]:
    return (
        graph(
            "Dead letters of streams",
            "Records per second that cannot be decoded or are not valid facts, by reason. `leadloop dead-letters` lists, shows and replays them.",
            "cps",
            (rate("leadloop_rejected_total", by="reason"), "{{reason}}"),
            is_stacked=True,
        ),
        graph(
            "Rejected by ingest",
            "Posted events per second that are not valid facts, by their first error. The response says how to fix them.",
            "cps",
            (rate("leadloop_ingest_rejected_total", by="reason"), "{{reason}}"),
            is_stacked=True,
        ),
        graph(
            "Webhooks: dead letters and ignored items",
            "Webhook items per second that cannot become facts (dead letters), and items that the mapping ignores.",
            "cps",
            (f"{rate('leadloop_ingest_dead_letters_total')} or vector(0)", "dead letters"),
            (f"{rate('leadloop_ingest_ignored_total')} or vector(0)", "ignored"),
        ),
    )
