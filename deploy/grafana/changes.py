"""Annotations: what was changed, over all graphs. Policies, pauses of endpoints, and starts of processes (deployments)."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model

from .panels import BLUE, ORANGE, SOURCE, YELLOW

_SELECTED = 'job=~"$job", instance=~"$instance"'
CHANGES = (
    (
        "Policy adopted",
        BLUE,
        f'sum by (instance) (increase(leadloop_policy_changes_total{{{_SELECTED}, result="adopted"}}[1m])) > 0',
    ),
    (
        "Policy rejected",
        ORANGE,
        f'sum by (instance) (increase(leadloop_policy_changes_total{{{_SELECTED}, result="rejected"}}[1m])) > 0',
    ),
    (
        "Endpoint paused or disabled",
        YELLOW,
        f"max by (endpoint) (leadloop_endpoint_state{{{_SELECTED}}}) > 0 unless max by (endpoint) (leadloop_endpoint_state{{{_SELECTED}}} offset 1m) > 0",
    ),
    ("Process started", "purple", f"max by (job, instance) (time() - process_start_time_seconds{{{_SELECTED}}}) < 60"),
)
"""Name, colour and query of each. A query has a value while, and shortly after, the change happens."""


def changes() -> Iterator[Builder[model.AnnotationQuery]]:
    """The annotations of every dashboard."""
    for name, colour, query in CHANGES:
        yield dashboard.AnnotationQuery().name(name).datasource(SOURCE).enable(True).icon_color(colour).expr(query)
