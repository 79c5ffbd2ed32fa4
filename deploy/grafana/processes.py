"""Panels about the processes themselves: streams at work, the read model, HTTP, and what machines have left."""

from .panels import GREEN, ORANGE, RED, YELLOW, bars, graph, number, numbers, rows
from .queries import age, greatest, quantile, rate, series, total

LOST = float("-inf")


def works() -> tuple[object, ...]:
    """How streams does what comes in."""
    return (
        graph(
            "How long a chunk takes",
            "From taking a run of records to the acks of Kafka and the store. At 50 s a worker ends itself.",
            "s",
            (quantile(0.5, "leadloop_chunk_seconds"), "half are faster"),
            (quantile(0.99, "leadloop_chunk_seconds"), "99 % are faster"),
            limits=((5, YELLOW), (50, RED)),
            span=6,
        ),
        graph(
            "Chunks",
            "Runs of records done, a second. Few and long ones: much is taken at once, as in a backlog.",
            "cps",
            (rate("leadloop_chunk_seconds_count", by="instance"), "{{instance}}"),
            span=6,
        ),
        graph(
            "Deadlines that wait",
            "Leads with a promise that runs, by partition. About as many as open leads.",
            "short",
            (total("leadloop_deadlines", by="partition"), "{{partition}}"),
            is_stacked=True,
            span=6,
        ),
        graph(
            "Leads kept, by partition",
            "How many leads the state of a partition has, roughly. Partitions should be alike.",
            "short",
            (total("leadloop_state_leads", by="partition"), "{{partition}}"),
            is_stacked=True,
            span=6,
        ),
    )


def recovery() -> tuple[object, ...]:
    """Whether streams has its partitions, and Kafka its workers."""
    return (
        numbers(
            "Workers that are ready",
            "1 when a worker has its partitions, has recovered them, and they move.",
            "none",
            (series("leadloop_ready"), "{{instance}}"),
            limits=((LOST, RED), (1, GREEN)),
        ),
        number(
            "Partitions that are recovered",
            "Partitions that take records, over all workers. It should be as many as the inputs have.",
            "none",
            total("leadloop_partition_ready"),
        ),
        number(
            "Workers that Kafka knows",
            "Workers whose commits Kafka took within the last session. A stand-by without partitions is none.",
            "none",
            total("leadloop_group_member"),
            limits=((LOST, RED), (1, GREEN)),
        ),
        rows(
            "What the workers were started with",
            "The clock (wall: live, events: history) and the version of the policy. All workers should have the same.",
            "none",
            (f"count by (clock, policy) ({series('leadloop_streams_info')})", "workers"),
            span=8,
            height=4,
        ),
        graph(
            "Changelog left to read",
            "Recovery by partition. A line that does not fall is stuck.",
            "short",
            (greatest("leadloop_recovering_records", by="partition"), "{{partition}}"),
            span=6,
        ),
        graph(
            "Rebalances",
            "How often Kafka gave each worker its partitions, within a quarter of an hour. A start or a stop is one; more are a storm.",
            "none",
            (f"sum by (instance) (increase({series('leadloop_assignments_total')}[15m]))", "{{instance}}"),
            limits=((5, RED),),
            span=6,
        ),
        graph(
            "Commits that Kafka did not take",
            "What they stood for is done again. A few at a rebalance are normal.",
            "cps",
            (rate("leadloop_refused_commits_total", by="instance"), "{{instance}}"),
            span=6,
        ),
        graph(
            "Kafka answers ingest",
            "1 when Kafka answered each ingest when it was asked last, every five seconds. 0 on all of them: it is Kafka.",
            "none",
            (greatest("leadloop_ingest_broker_up", by="instance"), "{{instance}}"),
            span=6,
        ),
    )


def read_model() -> tuple[object, ...]:
    """What project writes, and report reads."""
    return (
        graph(
            "How old the read model is",
            "Everything that Kafka had so long ago is in it: as project writes it, and as report reads it.",
            "s",
            (f"max({age('leadloop_project_complete_timestamp_seconds')})", "written"),
            (f"max({age('leadloop_report_complete_timestamp_seconds')})", "read"),
            limits=((10, YELLOW), (120, RED)),
            low=None,
        ),
        graph(
            "Records taken into the read model",
            "A second, by topic; and those that say nothing of any lead.",
            "cps",
            (rate("leadloop_project_records_total", by="topic"), "{{topic}}"),
            (rate("leadloop_project_skipped_total"), "skipped"),
        ),
        graph(
            "How long a run takes in Redis",
            "Time a run of records took until Redis had it, folding included.",
            "s",
            (quantile(0.5, "leadloop_project_write_seconds"), "half are faster"),
            (quantile(0.99, "leadloop_project_write_seconds"), "99 % are faster"),
            limits=((1, YELLOW),),
        ),
        bars(
            "What project waits for",
            "1 while nothing goes on for want of it.",
            "none",
            (greatest("leadloop_project_waiting", by="what"), "{{what}}"),
            limits=((1, RED),),
            span=6,
        ),
        graph(
            "Done again, moved",
            "Runs that another worker's writes made void, and times that Redis was not where it was left: emptied, restored, taken over.",
            "cps",
            (rate("leadloop_project_conflicts_total"), "done again"),
            (rate("leadloop_project_moves_total"), "moved"),
            span=6,
        ),
        graph(
            "A new read model being filled",
            "Records until a new generation is read; 0 when none is filled. The number of the one being written.",
            "short",
            (greatest("leadloop_project_filling_records"), "records left"),
            (greatest("leadloop_project_generation"), "generation"),
            span=6,
        ),
        graph(
            "Ready",
            "1 when project has partitions and writes them; 1 when report has a read model to read.",
            "none",
            (greatest("leadloop_project_ready", by="instance"), "project {{instance}}"),
            (greatest("leadloop_report_ready", by="instance"), "report {{instance}}"),
            span=6,
        ),
    )


def http() -> tuple[object, ...]:
    """All that is asked over HTTP."""
    return (
        graph(
            "Requests by route and status",
            "A second. 4xx: whoever asks is wrong. 5xx: we are, or what we stand on.",
            "reqps",
            (rate("leadloop_http_requests_total", by="route, status"), "{{route}} {{status}}"),
            span=12,
        ),
        graph(
            "How long an answer takes, by route",
            "99 of 100 are faster. From a request's headers to the end of its answer.",
            "s",
            (quantile(0.99, "leadloop_http_request_seconds", by="route"), "{{route}}"),
            limits=((1, YELLOW), (5, RED)),
            span=8,
        ),
        graph(
            "Requests at once",
            "Requests that are being worked on. At 128 more of them are sent away.",
            "none",
            (greatest("leadloop_http_requests_in_flight", by="job"), "{{job}}"),
            limits=((100, YELLOW), (128, RED)),
            span=4,
        ),
    )


def machine() -> tuple[object, ...]:
    """What each process takes of its machine."""
    return (
        graph(
            "Processor",
            "Cores used. One process uses one at most: at 1 it is full.",
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
            "Room left for the state",
            "Free bytes on the disk of each worker. At 0 it ends itself.",
            "bytes",
            (series("leadloop_store_free_bytes"), "{{instance}}"),
            limits=((LOST, RED), (2e9, GREEN)),
            span=6,
        ),
        graph(
            "Restarts",
            "How often a process began anew within half an hour.",
            "none",
            (f"max by (job, instance) (changes({series('process_start_time_seconds')}[30m]))", "{{job}} {{instance}}"),
            limits=((3, RED),),
            span=6,
        ),
    )
