"""Pipeline and lag: from what is late, over what comes in and how it is worked on, to Kafka, disk and memory."""

from grafana_foundation_sdk.builders import dashboard as sdk

from . import processes
from .boards import board, with_rows
from .panels import RED, YELLOW, graph
from .queries import age, greatest, quantile, rate, total


def dashboard() -> sdk.Dashboard:
    """Where records wait, and why."""
    words = "Where records wait, and why: ingest, streams and the read model, from symptom to cause."
    return with_rows(
        board("pipeline", "Leadloop / Pipeline and lag", words, opens_at="now-3h"),
        (
            ("Is anything late?", _late()),
            ("What comes in", _comes_in()),
            ("What cannot be taken", _stays_out()),
            ("How streams works", processes.works()),
            ("Recovery and Kafka", processes.recovery()),
            ("Read model", processes.read_model()),
            ("HTTP", processes.http()),
            ("Machine", processes.machine()),
        ),
    )


def _late() -> tuple[object, ...]:
    return (
        graph(
            "Oldest record that waits, by partition",
            "How long ago Kafka got the oldest record that is not done. One partition alone: a hot or stuck one. All: too little power, or Kafka.",
            "s",
            (greatest("leadloop_lag_seconds", by="partition"), "{{partition}}"),
            limits=((5, YELLOW), (300, RED)),
        ),
        graph(
            "What an event waits",
            "Age of heartbeats when they came through: what a record waits from Kafka until the state knows it. Each beat is sent once a second by each partition.",
            "s",
            (quantile(0.5, "leadloop_freshness_seconds"), "half are faster"),
            (quantile(0.99, "leadloop_freshness_seconds"), "99 % are faster"),
            limits=((5, RED),),
        ),
        graph(
            "How far stream time is behind",
            "Promises are checked against stream time. Live, it follows the clock by the grace (5 s). Behind by more: nothing goes cold meanwhile.",
            "s",
            (f"max by (partition) ({age('leadloop_stream_timestamp_seconds')})", "{{partition}}"),
            limits=((60, YELLOW), (120, RED)),
            low=None,
        ),
        graph(
            "Records that wait, by topic",
            "Records that Kafka has and streams has not done. In messages; what they mean in time stands to the left.",
            "short",
            (total("leadloop_lag_records", by="topic"), "{{topic}}"),
            is_stacked=True,
        ),
        graph(
            "Deliver: records not looked at",
            "Records of its topics that deliver has not finished.",
            "short",
            (total("leadloop_deliver_lag", by="topic"), "{{topic}}"),
        ),
        graph(
            "Read model: records that wait",
            "Records that Kafka has and the read model has not, as project sees it by topic, and as report sees it.",
            "short",
            (total("leadloop_project_lag_records", by="topic"), "{{topic}}"),
            (greatest("leadloop_report_lag_records"), "as report sees it"),
        ),
    )


def _comes_in() -> tuple[object, ...]:
    return (
        graph(
            "Facts taken in",
            "By kind, a second: what upstream systems told of leads and streams had not known.",
            "cps",
            (rate("leadloop_facts_total", by="kind"), "{{kind}}"),
            is_stacked=True,
        ),
        graph(
            "Told again, late, on the wrong partition",
            "Repeats change nothing. Late ones are older than what is remembered of their lead and are not folded. Rerouted ones came from a producer with another partitioner.",
            "cps",
            (rate("leadloop_duplicate_facts_total"), "told again"),
            (rate("leadloop_late_facts_total"), "too late"),
            (rate("leadloop_rerouted_total"), "rerouted"),
        ),
        graph(
            "Accepted by ingest",
            "Facts that were posted and that Kafka has acked, a second, by kind.",
            "cps",
            (rate("leadloop_ingest_accepted_total", by="kind"), "{{kind}}"),
            is_stacked=True,
        ),
        graph(
            "How long Kafka takes to ack what was posted",
            "From sending a request's records to the last ack. It is most of what whoever posts waits.",
            "s",
            (quantile(0.5, "leadloop_ingest_ack_seconds"), "half are faster"),
            (quantile(0.99, "leadloop_ingest_ack_seconds"), "99 % are faster"),
            limits=((1, YELLOW), (5, RED)),
        ),
        graph(
            "Records that ingest holds",
            "Records that were posted and that Kafka has not acked yet. When there are too many, ingest sends requests away.",
            "short",
            (total("leadloop_ingest_records_in_flight"), "in flight"),
        ),
        graph(
            "Sent away for a while",
            "Requests a second that were to come again later: for want of the broker or room in the queue (503), or because a source is over its rate (429).",
            "reqps",
            (rate("leadloop_ingest_deferred_total", by="by"), "{{by}}"),
        ),
    )


def _stays_out() -> tuple[object, ...]:
    return (
        graph(
            "Dead letters of streams",
            "Records that cannot be read or are no facts, a second, by reason. `leadloop dead-letters` lists, shows and replays them.",
            "cps",
            (rate("leadloop_rejected_total", by="reason"), "{{reason}}"),
            is_stacked=True,
        ),
        graph(
            "Refused by ingest",
            "Events that were posted and are no facts, a second, by their first fault. The answer says what would be right.",
            "cps",
            (rate("leadloop_ingest_rejected_total", by="reason"), "{{reason}}"),
            is_stacked=True,
        ),
        graph(
            "Webhooks: dead letters, and passed over",
            "Items of upstream systems' webhooks that can be no facts, and those that their mapping passes over, a second.",
            "cps",
            (f"{rate('leadloop_ingest_dead_letters_total')} or vector(0)", "dead letters"),
            (f"{rate('leadloop_ingest_ignored_total')} or vector(0)", "passed over"),
        ),
    )
