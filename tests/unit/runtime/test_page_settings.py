"""Settings of the web page: what would open it to everybody is refused at the start."""

from pathlib import Path

import pytest

from streams.runtime.environment import Environment, SettingsError
from streams.runtime.page_settings import page_settings
from streams.runtime.settings import ReportSettings

PROXY = {"LEADLOOP_PROXY_USER_HEADER": "X-User", "LEADLOOP_PROXY_NETWORKS": "10.0.3.0/24, fd00:1::/64"}


def test_a_proxy_has_a_header_and_networks() -> None:
    page = ReportSettings.from_env({**PROXY, "LEADLOOP_OPERATOR_GROUPS": " ops , crm-admins,"}).page
    assert page.proxy is not None
    assert [str(one) for one in page.proxy.networks] == ["10.0.3.0/24", "fd00:1::/64"]
    assert page.operator_groups == {"ops", "crm-admins"}


OIDC = {
    "LEADLOOP_PAGE_ADDRESS": "https://leads.example.com",
    "LEADLOOP_OIDC_ISSUER": "https://id.example.com/realms/company",
    "LEADLOOP_OIDC_CLIENT_ID": "page",
}


def test_the_secret_of_openid_connect_comes_from_a_file_and_is_not_in_the_repr(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("hush-hush\n", encoding="utf-8")
    page = ReportSettings.from_env({**OIDC, "LEADLOOP_OIDC_CLIENT_SECRET_FILE": str(file)}).page
    assert page.oidc is not None
    assert page.oidc.client_secret.startswith("hush")
    assert "hush" not in repr(page)


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (OIDC, "OpenID Connect also needs LEADLOOP_OIDC_CLIENT_SECRET"),
        (
            {"LEADLOOP_OIDC_CLIENT_ID": "page"},
            "LEADLOOP_OIDC_ISSUER, LEADLOOP_OIDC_CLIENT_SECRET, LEADLOOP_PAGE_ADDRESS",
        ),
        ({**OIDC, "LEADLOOP_OIDC_ISSUER": "http://id.example.com"}, "http:// is for this machine only"),
        ({**OIDC, "LEADLOOP_OIDC_SCOPES": "profile"}, "lacks openid"),
        ({"LEADLOOP_PROXY_USER_HEADER": "X-User"}, "anybody could send the header"),
        ({"LEADLOOP_PROXY_NETWORKS": "10.0.0.0/8"}, "belong together"),
        ({"LEADLOOP_PROXY_GROUPS_HEADER": "X-Groups"}, "belong together"),
        ({**PROXY, "LEADLOOP_PROXY_NETWORKS": "10.0.3.7/24"}, "has host bits set; write for example"),
        ({**PROXY, "LEADLOOP_PROXY_NETWORKS": "proxy.internal"}, "LEADLOOP_PROXY_NETWORKS: 'proxy.internal'"),
        ({**PROXY, "LEADLOOP_PROXY_NETWORKS": "0.0.0.0/0"}, "is everybody"),
        ({**PROXY, "LEADLOOP_PROXY_NETWORKS": "10.0.0.1,::/0"}, "LEADLOOP_PROXY_NETWORKS=::/0 is everybody"),
        ({**PROXY, "LEADLOOP_PROXY_USER_HEADER": "X User"}, "is no name of a header"),
        ({"LEADLOOP_PAGE_OWNERS": "no"}, "LEADLOOP_PAGE_OWNERS=no is none of shown, hidden"),
        ({"LEADLOOP_OPERATOR_GROUPS": "ops"}, "readers with a key have no groups"),
        ({"LEADLOOP_PAGE_ADDRESS": "leads.example.com"}, "LEADLOOP_PAGE_ADDRESS=leads.example.com is no address"),
        ({"LEADLOOP_PAGE_ADDRESS": "https://leads.example.com/leadloop"}, "without a path"),
    ],
)
def test_what_would_open_the_page_to_everybody_is_an_error(env: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        ReportSettings.from_env(env)
    assert message in str(caught.value)


def test_the_secret_is_not_in_the_repr() -> None:
    settings = ReportSettings.from_env({"LEADLOOP_PAGE_SECRET": "hush-hush"})
    assert settings.page.secret.startswith("hush")
    assert "hush" not in repr(settings)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("", ""),
        ("https://grafana.test/g/", "https://grafana.test/g"),
        ("http://localhost:3000", "http://localhost:3000"),
    ],
)
def test_the_address_of_grafana_may_have_a_path(given: str, read: str) -> None:
    assert page_settings(Environment({"LEADLOOP_REPORT_GRAFANA_URL": given})).grafana == read


@pytest.mark.parametrize("given", ["grafana.test", "javascript:alert(1)", "https://grafana.test/?x=1"])
def test_what_is_no_address_of_grafana_is_an_error(given: str) -> None:
    env = Environment({"LEADLOOP_REPORT_GRAFANA_URL": given})
    page_settings(env)
    assert env.has_errors
