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


def page_variable() -> dashboard.TextBoxVariable:
    """Asks for the address of the web page."""
    return dashboard.TextBoxVariable(PAGE).label("Web page").default_value(DEFAULT)


def linked(panel: Any, title: str) -> Any:
    """The panel with its link to the page, if it has one."""
    path = LINKS.get(title)
    if path is None:
        return panel
    link = dashboard.DashboardLink("Open the leads on the web page").url(f"${{{PAGE}}}{path}").target_blank(True)
    return panel.data_links([link])
