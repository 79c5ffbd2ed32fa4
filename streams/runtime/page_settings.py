"""Settings of the web page: its address, an authenticating proxy, OpenID Connect, and which groups may do what."""

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from .environment import Environment

ProxyNetwork = IPv4Network | IPv6Network
OwnersOnPage = Literal["shown", "hidden"]

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class ProxySettings:
    """An authenticating proxy.

    Attributes:
        user_header: Has the name of the person.
        groups_header: Has the groups, separated by commas; empty: none.
        networks: The proxy's addresses; the headers of all others are ignored.
    """

    user_header: str
    groups_header: str
    networks: tuple[ProxyNetwork, ...]


@dataclass(frozen=True)
class OidcSettings:
    """A provider of OpenID Connect, and how it knows this page."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    groups_claim: str
    scopes: str


@dataclass(frozen=True)
class PageSettings:
    """Of the web page, and who sees it how.

    Attributes:
        secret: Signs cookies and forms, and is what pseudonyms are derived from; empty: a random one of the process.
        owners: Whether readers see the names of owners, or pseudonyms.
        crm_link: The address of a lead in the CRM, with `{lead_id}`; empty: none.
        costs_file: What sources cost, as CSV; None: not known.
        address: Of the page as browsers know it, without a path; empty: not known.
        grafana: The address of Grafana, to whose dashboards the page links; empty: none.
        mcp_port: Where `leadloop mcp --http` listens, which serves agents; 0: any free port.
        viewer_groups: Who may see the page through the proxy or the provider; empty: everybody whom these sign in.
        operator_groups: Who may act, too.
        proxy: None: there is none.
        oidc: None: there is none.
    """

    secret: str = field(default="", repr=False)
    owners: OwnersOnPage = "shown"
    crm_link: str = ""
    costs_file: Path | None = None
    address: str = ""
    grafana: str = ""
    mcp_port: int = 8030
    viewer_groups: frozenset[str] = frozenset()
    operator_groups: frozenset[str] = frozenset()
    proxy: ProxySettings | None = None
    oidc: OidcSettings | None = None


def page_settings(env: Environment) -> PageSettings:
    """Read them; errors are added to `env`."""
    settings = PageSettings(
        secret=env.secret("LEADLOOP_PAGE_SECRET"),
        owners=env.choice("LEADLOOP_PAGE_OWNERS", ("shown", "hidden"), "shown"),
        crm_link=env.link("LEADLOOP_CRM_LINK"),
        costs_file=env.file("LEADLOOP_COSTS_FILE"),
        address=env.origin("LEADLOOP_PAGE_ADDRESS"),
        grafana=_grafana(env, env.text("LEADLOOP_REPORT_GRAFANA_URL").rstrip("/")),
        mcp_port=env.number("LEADLOOP_MCP_PORT", int, 8030, low=0, high=65_535),
        viewer_groups=_groups(env.text("LEADLOOP_VIEWER_GROUPS")),
        operator_groups=_groups(env.text("LEADLOOP_OPERATOR_GROUPS")),
        proxy=_proxy(env),
        oidc=_oidc(env),
    )
    if (settings.viewer_groups or settings.operator_groups) and not (settings.proxy or settings.oidc):
        ways = "LEADLOOP_PROXY_USER_HEADER or LEADLOOP_OIDC_ISSUER"
        env.add_error(
            f"LEADLOOP_VIEWER_GROUPS and LEADLOOP_OPERATOR_GROUPS need {ways}: readers with a key have no groups"
        )
    return settings


def _groups(text: str) -> frozenset[str]:
    return frozenset(filter(None, (one.strip() for one in text.split(","))))


def _proxy(env: Environment) -> ProxySettings | None:
    user, groups = env.text("LEADLOOP_PROXY_USER_HEADER"), env.text("LEADLOOP_PROXY_GROUPS_HEADER")
    networks = env.text("LEADLOOP_PROXY_NETWORKS")
    if not (user or groups or networks):
        return None
    if not (user and networks):
        env.add_error(
            "LEADLOOP_PROXY_USER_HEADER and LEADLOOP_PROXY_NETWORKS belong together: "
            "without networks, anybody could send the header"
        )
    for name, value in (("USER", user), ("GROUPS", groups)):
        if value and not _HEADER.fullmatch(value):
            env.add_error(f"LEADLOOP_PROXY_{name}_HEADER={value} is no name of a header, such as X-Forwarded-User")
    found = [_network(env, one.strip()) for one in networks.split(",") if one.strip()]
    return ProxySettings(user, groups, tuple(one for one in found if one is not None))


def _network(env: Environment, text: str) -> ProxyNetwork | None:
    try:
        network = ip_network(text)
    except ValueError as error:
        env.add_error(f"LEADLOOP_PROXY_NETWORKS: {error}; write for example 10.0.3.0/24, or fd00:1::/64")
        return None
    if network.prefixlen == 0:
        env.add_error(f"LEADLOOP_PROXY_NETWORKS={text} is everybody: name the addresses of the proxy")
    return network


def _oidc(env: Environment) -> OidcSettings | None:
    issuer, client_id = env.text("LEADLOOP_OIDC_ISSUER"), env.text("LEADLOOP_OIDC_CLIENT_ID")
    secret = env.secret("LEADLOOP_OIDC_CLIENT_SECRET")
    claim = env.text("LEADLOOP_OIDC_GROUPS_CLAIM", "groups")
    scopes = env.text("LEADLOOP_OIDC_SCOPES", "openid profile email")
    if not (issuer or client_id or secret):
        return None
    needed = {
        "LEADLOOP_OIDC_ISSUER": issuer,
        "LEADLOOP_OIDC_CLIENT_ID": client_id,
        "LEADLOOP_OIDC_CLIENT_SECRET": secret,
        "LEADLOOP_PAGE_ADDRESS": env.text("LEADLOOP_PAGE_ADDRESS"),
    }
    if missing := [name for name, value in needed.items() if not value]:
        env.add_error(f"OpenID Connect also needs {', '.join(missing)}")
    parts = urlsplit(issuer)
    if issuer and not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)):
        env.add_error(f"LEADLOOP_OIDC_ISSUER={issuer} is no https:// address; http:// is for this machine only")
    if "openid" not in scopes.split():
        env.add_error(f"LEADLOOP_OIDC_SCOPES={scopes} lacks openid")
    return OidcSettings(issuer, client_id, secret, claim, scopes)


def _grafana(env: Environment, value: str) -> str:
    if value and not re.fullmatch(r"https?://[^\s?#]+", value):
        env.add_error(f"LEADLOOP_REPORT_GRAFANA_URL={value} is no address such as https://grafana.example.com")
    return value
