"""Links from panels to the web page of `leadloop report`, where the leads behind a value are; `${page}` is its address."""

from typing import Any

from grafana_foundation_sdk.builders import dashboard

PAGE = "page"
"""The variable with the address of the web page."""
DEFAULT = "http://localhost:8020"
_ORIGIN = "/leads?origin=${__field.labels.origin:percentencode}"
LINKS: dict[str, str] = {
    "Overdue leads": "/leads?stalled=true",
    "Leads in nurture": "/leads?stage=nurture",
    "Recycled": "/recycling",
    "Revoked": "/recycling?state=revoked",
    "Requalified": "/recycling?state=requalified",
    "Won in a later pass": "/leads?step=won_back",
    "Leads by stage": "/leads?stage=${__field.labels.stage:percentencode}",
    "Overdue leads by broken promise": "/leads?stalled=true&reason=${__field.labels.reason:percentencode}",
    "Passes by origin": "/leads?origin=${__data.fields.origin:percentencode}",
    "Conversion by origin: touched": _ORIGIN,
    "Conversion by origin: progressed, of those touched": _ORIGIN,
    "Conversion by origin: won": _ORIGIN,
    "Waiting stalls": "/leads?decision=${__field.labels.decision:percentencode}",
    "Open escalations by owner": "/promises?state=open&owner=${__field.labels.owner:percentencode}",
    "Funnel by pass": "/funnel?pass=${__data.fields.pass:percentencode}",
    "Given up": "/delivery",
    "Refused permanently": "/delivery",
    "Waiting": "/delivery",
    "Overdue, by endpoint": "/delivery",
}
"""The path of the page by the title of a panel."""
_OF_ENDPOINT = "/d/leadloop-delivery?var-endpoint=${__field.labels.endpoint:percentencode}&${__url_time_range}"
BOARD_LINKS: dict[str, str] = {
    "Overdue, by endpoint": _OF_ENDPOINT,
    "Waiting, by endpoint": _OF_ENDPOINT,
    "Attempts by endpoint": _OF_ENDPOINT,
    "Call duration, p99": _OF_ENDPOINT,
    "Deferred deliveries": _OF_ENDPOINT,
    "Circuit breaker": _OF_ENDPOINT,
    "Taken within 5 min, by endpoint": _OF_ENDPOINT,
    "Endpoints": "/d/leadloop-delivery?var-endpoint=${__data.fields.endpoint:percentencode}&${__url_time_range}",
}
"""The dashboard with only the endpoint of a value, by the title of a panel."""


def page_variable() -> dashboard.TextBoxVariable:
    """Asks for the address of the web page."""
    return dashboard.TextBoxVariable(PAGE).label("Web page").default_value(DEFAULT)


def linked(panel: Any, title: str) -> Any:
    """The panel with its links: to the page, and to the dashboard of its endpoint."""
    links = []
    if path := LINKS.get(title):
        links.append(_link("Open the leads on the web page", f"${{{PAGE}}}{path}").target_blank(True))
    if url := BOARD_LINKS.get(title):
        links.append(_link("Only this endpoint", url))
    return panel.data_links(links) if links else panel


def _link(title: str, url: str) -> dashboard.DashboardLink:
    return dashboard.DashboardLink(title).url(url)
