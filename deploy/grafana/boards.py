"""What all dashboards share: variables, links to each other, default time range."""

from collections.abc import Iterable
from itertools import count
from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as model

from .changes import changes
from .page_links import linked, page_variable
from .panels import SOURCE

TAG = "leadloop"
PROCESSES = "streams|ingest|deliver|project|report|audit"


def board(
    name: str,
    title: str,
    words: str,
    *,
    opens_at: str = "now-6h",
    by_origin: bool = False,
    by_endpoint: bool = False,
    has_page: bool = False,
) -> dashboard.Dashboard:
    """A dashboard without panels. `has_page`: some of them link to the web page."""
    built = (
        dashboard.Dashboard(title)
        .uid(f"leadloop-{name}")
        .description(words)
        .tags([TAG])
        .readonly()
        .refresh("30s")
        .time(opens_at, "now")
        .timezone("browser")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(_values("job", "Job", f'label_values(up{{job=~"{PROCESSES}"}}, job)', PROCESSES))
        .with_variable(_values("instance", "Instance", 'label_values(up{job=~"$job"}, instance)'))
    )
    if by_origin:
        origins = 'label_values(leadloop_leads{job=~"$job", instance=~"$instance"}, origin)'
        built = built.with_variable(_values("origin", "Origin", origins))
    if by_endpoint:
        endpoints = 'label_values(leadloop_endpoint_state{job=~"$job", instance=~"$instance"}, endpoint)'
        built = built.with_variable(_values("endpoint", "Endpoint", endpoints))
    for one in changes():
        built = built.annotation(one)
    if has_page:
        built = built.with_variable(page_variable())
    return built.link(_onward())


def with_rows(built: dashboard.Dashboard, rows: Iterable[tuple[str, Iterable[Any]]]) -> dashboard.Dashboard:
    """Add panels in rows; the rows go from symptom to cause."""
    ids = count(1)
    for title, panels in rows:
        built = built.with_row(dashboard.Row(title).id(next(ids)))
        for panel in panels:
            built = built.with_panel(linked(panel, panel.build().title).id(next(ids)))
    return built


def _values(name: str, label: str, query: str, every: str = ".+") -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(query)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(every)
        .current(model.VariableOption(selected=True, text="All", value="$__all"))
    )


def _onward() -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("Leadloop")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .keep_time(True)
        .include_vars(True)
        .as_dropdown(False)
    )
