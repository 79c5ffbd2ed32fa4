"""Panels about the processes: processing of streams, recovery, the read model, HTTP, CPU, memory and disk."""

from .panels import GREEN, ORANGE, RED, YELLOW, bars, graph, number, numbers, rows
from .queries import age, greatest, grown, quantile, rate, series, total

LOST = float("-inf")


def works() -> tuple[object, ...]:
    """Chunks, deadlines and state of streams."""
    return (
        graph(
            "Chunk duration",
            "From the first record of a chunk until Kafka and the local store have everything. After 50 s without progress a worker exits.",
            "s",
            (quantile(0.5, "leadloop_chunk_seconds"), "p50"),
            (quantile(0.99, "leadloop_chunk_seconds"), "p99"),
            limits=((5, YELLOW), (50, RED)),
            span=6,
        ),
        graph(
            "Chunks per second",
            "Chunks completed per second. Few chunks of long duration mean that streams works off a backlog.",
            "cps",
            (rate("leadloop_chunk_seconds_count", by="instance"), "{{instance}}"),
            span=6,
        ),
        graph(
            "Pending deadlines",
            "Leads with a running promise, by partition: about the number of open leads.",
            "short",
            (total("leadloop_deadlines", by="partition"), "{{partition}}"),
            is_stacked=True,
            span=6,
        ),
        graph(
            "Leads in state, by partition",
            "Approximate number of leads in the state of each partition. It should be about equal for all partitions.",
            "short",
            (total("leadloop_state_leads", by="partition"), "{{partition}}"),
            is_stacked=True,
            span=6,
        ),
    )


def configuration() -> tuple[object, ...]:
    """Clock and policy of the streams workers, and changes of the policy."""
    return (
        rows(
            "Worker configuration",
            "Clock (wall: live, events: history), version and digest of the policy. They should be the same on all workers.",
            "none",
            (f"count by (clock, policy, digest) ({series('leadloop_streams_info')})", "workers"),
            span=8,
            height=4,
        ),
        graph(
            "Policy changes",
            "Changes of the policy file within an hour, over all workers: adopted, or rejected because the content is not valid.",
            "short",
            (grown("leadloop_policy_changes_total", by="result"), "{{result}}"),
            span=6,
        ),
    )


def recovery() -> tuple[object, ...]:
    """Readiness, recovery, group membership and commits of streams."""
    return (
        numbers(
            "Ready workers",
            "1 when the worker's partitions are assigned, restored and processing.",
            "none",
            (series("leadloop_ready"), "{{instance}}"),
            limits=((LOST, RED), (1, GREEN)),
        ),
        number(
            "Recovered partitions",
            "Partitions that process records, over all workers. Their number should equal the partition count of the input topics.",
            "none",
            total("leadloop_partition_ready"),
        ),
        number(
            "Group members",
            "Workers whose last commit Kafka accepted within the session timeout. A stand-by worker without partitions does not count.",
            "none",
            total("leadloop_group_member"),
            limits=((LOST, RED), (1, GREEN)),
        ),
        *configuration(),
        graph(
            "Changelog records left to read",
            "Recovery progress by partition. A line that does not fall means that the recovery is stuck.",
            "short",
            (greatest("leadloop_recovering_records", by="partition"), "{{partition}}"),
            span=6,
        ),
        graph(
            "Rebalances",
            "Partition assignments of each worker within 15 minutes. Each start or stop of a worker causes one; many more are a rebalance storm.",
            "none",
            (f"sum by (instance) (increase({series('leadloop_assignments_total')}[15m]))", "{{instance}}"),
            limits=((5, RED),),
            span=6,
        ),
        graph(
            "Refused commits",
            "Commits that Kafka refused, per second. The work is repeated with the same effects. A few during a rebalance are normal.",
            "cps",
            (rate("leadloop_refused_commits_total", by="instance"), "{{instance}}"),
            span=6,
        ),
        graph(
            "Kafka reachable from ingest",
            "1 when Kafka answered the last check of an ingest process; each checks every five seconds. If all are 0, Kafka is unavailable.",
            "none",
            (greatest("leadloop_ingest_broker_up", by="instance"), "{{instance}}"),
            span=6,
        ),
    )


def read_model() -> tuple[object, ...]:
    """Age, lag and rebuild of the read model."""
    return (
        graph(
            "Read model age",
            "Age of the time up to which the read model contains all records, as written by project and as read by report.",
            "s",
            (f"max({age('leadloop_project_complete_timestamp_seconds')})", "written"),
            (f"max({age('leadloop_report_complete_timestamp_seconds')})", "read"),
            limits=((10, YELLOW), (120, RED)),
            low=None,
        ),
        graph(
            "Records processed by project",
            "Records per second, by topic. Skipped records concern no lead or cannot be decoded.",
            "cps",
            (rate("leadloop_project_records_total", by="topic"), "{{topic}}"),
            (rate("leadloop_project_skipped_total"), "skipped"),
        ),
        graph(
            "Batch write duration of project",
            "Time from the first record of a batch until Redis has committed it, including the fold.",
            "s",
            (quantile(0.5, "leadloop_project_write_seconds"), "p50"),
            (quantile(0.99, "leadloop_project_write_seconds"), "p99"),
            limits=((1, YELLOW),),
        ),
        bars(
            "Project blocked by",
            "1 while project writes nothing because this dependency is unavailable.",
            "none",
            (greatest("leadloop_project_waiting", by="what"), "{{what}}"),
            limits=((1, RED),),
            span=6,
        ),
        graph(
            "Conflicts and moved positions",
            "Conflicts: batches repeated because another worker wrote the same leads. Moves: Redis contained other positions than expected (emptied, restored, or written by another worker).",
            "cps",
            (rate("leadloop_project_conflicts_total"), "conflicts"),
            (rate("leadloop_project_moves_total"), "moves"),
            span=6,
        ),
        graph(
            "Read model rebuild",
            "Records left until readers switch to the new generation (0: no rebuild), and the number of the generation being written.",
            "short",
            (greatest("leadloop_project_filling_records"), "records left"),
            (greatest("leadloop_project_generation"), "generation"),
            span=6,
        ),
        graph(
            "Ready: project and report",
            "1 when project has partitions and writes them; 1 when report has a read model to serve.",
            "none",
            (greatest("leadloop_project_ready", by="instance"), "project {{instance}}"),
            (greatest("leadloop_report_ready", by="instance"), "report {{instance}}"),
            span=6,
        ),
    )


def audit() -> tuple[object, ...]:
    """The last result of the audit."""
    return (
        graph(
            "Differences of the last audit",
            "Differences that the last complete audit found, by kind. The log of the process audit names each.",
            "short",
            (greatest("leadloop_audit_differences", by="kind"), "{{kind}}"),
            limits=((1, RED),),
            span=6,
        ),
        graph(
            "Leads of the last audit",
            "Leads by result. Leads that cannot be checked have lost facts to retention, were deleted, or were decided by a former version.",
            "short",
            (greatest("leadloop_audit_leads", by="result"), "{{result}}"),
            is_stacked=True,
            span=6,
        ),
        graph(
            "Age of the last audit",
            "Since the begin of the last complete audit, and the interval between audits.",
            "s",
            (f"max({age('leadloop_audit_completed_timestamp_seconds')})", "age"),
            (greatest("leadloop_audit_interval_seconds"), "interval"),
            span=6,
        ),
        graph(
            "Duration of the last audit",
            "How long the last complete audit took. It should be much less than the interval.",
            "s",
            (greatest("leadloop_audit_seconds"), "duration"),
            span=6,
        ),
        graph(
            "Audits that ended early",
            "Within an hour: Kafka or Redis did not answer, or the policy or endpoints file was not valid. An audit is repeated after a minute.",
            "short",
            (grown("leadloop_audit_failures_total"), "ended early"),
            span=6,
        ),
    )


def http() -> tuple[object, ...]:
    """HTTP requests of ingest and report."""
    return (
        graph(
            "Requests by route and status",
            "Requests per second. 4xx: an error of the client. 5xx: an error of Leadloop or of a dependency.",
            "reqps",
            (rate("leadloop_http_requests_total", by="route, status"), "{{route}} {{status}}"),
            span=12,
        ),
        graph(
            "Response time by route, p99",
            "99th percentile, from the request's headers to the end of the response.",
            "s",
            (quantile(0.99, "leadloop_http_request_seconds", by="route"), "{{route}}"),
            limits=((1, YELLOW), (5, RED)),
            span=8,
        ),
        graph(
            "Requests in flight",
            "Requests being processed. Above 128, further requests are answered with 503.",
            "none",
            (greatest("leadloop_http_requests_in_flight", by="job"), "{{job}}"),
            limits=((100, YELLOW), (128, RED)),
            span=4,
        ),
    )


def machine() -> tuple[object, ...]:
    """CPU, memory, disk and restarts of each process."""
    return (
        graph(
            "CPU cores used",
            "CPU cores used. A process uses at most one core: at 1 it is saturated.",
            "none",
            (rate("process_cpu_seconds_total", by="job, instance"), "{{job}} {{instance}}"),
            limits=((0.9, ORANGE),),
            span=6,
        ),
        graph(
            "Memory",
            "Resident memory of each process.",
            "bytes",
            (greatest("process_resident_memory_bytes", by="job, instance"), "{{job}} {{instance}}"),
            span=6,
        ),
        graph(
            "Free disk space for state",
            "Free bytes on the disk of each worker. At 0 the worker exits.",
            "bytes",
            (series("leadloop_store_free_bytes"), "{{instance}}"),
            limits=((LOST, RED), (2e9, GREEN)),
            span=6,
        ),
        graph(
            "Restarts",
            "How often each process restarted within 30 minutes.",
            "none",
            (f"max by (job, instance) (changes({series('process_start_time_seconds')}[30m]))", "{{job}} {{instance}}"),
            limits=((3, RED),),
            span=6,
        ),
    )
