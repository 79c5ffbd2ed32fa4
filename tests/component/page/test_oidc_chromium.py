"""Sign-in with OpenID Connect, walked in a real Chromium between two processes: the page and a provider."""

import random
from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, ConsoleMessage, expect

from tests.component.projection.harness import KEY, Process
from tests.kafka import free_ports
from tests.projected import a_log
from tests.simulators.oidc_provider import CLIENT, SECRET, RunningProvider
from tests.unit.report.api_client import project
from workers.http.keys import digest_of
from workers.report.access.oidc_provider import CALLBACK


@pytest.fixture(scope="module")
def provider() -> Iterator[RunningProvider]:
    (port,) = free_ports(1)
    with RunningProvider(f"http://127.0.0.1:{port}{CALLBACK}") as provider:
        yield provider


@pytest.fixture(scope="module")
def report(provider: RunningProvider, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A report process without Kafka, at the address that the provider knows."""
    folder = tmp_path_factory.mktemp("oidc")
    app_id = f"oidc{uuid4().hex[:8]}"
    project(a_log(random.Random(3), leads=20), redis_url, app_id)
    (folder / "keys.yml").write_text(f"sources:\n  test: {{keys: [{digest_of(KEY)}], scopes: [read]}}\n")
    (folder / "secret").write_text(SECRET)
    address = provider.back.removesuffix(CALLBACK)
    env = {
        "REDIS_URL": redis_url,
        "LEADLOOP_APP_ID": app_id,
        "LEADLOOP_KEYS_FILE": str(folder / "keys.yml"),
        "LEADLOOP_REPORT_PORT": address.rpartition(":")[2],
        "LEADLOOP_PAGE_ADDRESS": address,
        "LEADLOOP_OIDC_ISSUER": provider.issuer,
        "LEADLOOP_OIDC_CLIENT_ID": CLIENT,
        "LEADLOOP_OIDC_CLIENT_SECRET_FILE": str(folder / "secret"),
        "LEADLOOP_VIEWER_GROUPS": "sales",
        "LEADLOOP_OPERATOR_GROUPS": "crm-admins",
    }
    report = Process(folder / "report.log", env, "workers.cli", "report")
    try:
        report.wait_ready()
        yield report
    finally:
        report.kill()


def test_a_person_signs_in_reads_and_signs_out(chromium: Browser, report: Process, provider: RunningProvider) -> None:
    context = chromium.new_context(base_url=report.address())
    page = context.new_page()
    complaints: list[str] = []

    def complain(said: ConsoleMessage) -> None:
        is_ours = said.location["url"].startswith(report.address())
        if said.type in {"error", "warning"} and is_ours:
            complaints.append(said.text)

    page.on("console", complain)
    page.goto("/leads?stage=new")
    page.get_by_role("link", name="Sign in with your work account").click()
    page.wait_for_url(f"{provider.issuer}/**")
    page.get_by_label("Name").fill("bob")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/leads?stage=new")
    page.goto("/delivery")
    expect(page.get_by_text("this process has no access to Kafka")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Sign out there, too").click()
    expect(page.get_by_text("signed out of the company")).to_be_visible()
    page.goto("/leads")
    page.wait_for_url("**/sign-in?next=**")
    assert complaints == []
    context.close()


def test_who_may_not_see_the_page_reads_why(chromium: Browser, report: Process) -> None:
    context = chromium.new_context(base_url=report.address())
    page = context.new_page()
    page.goto("/sign-in/oidc")
    page.get_by_label("Name").fill("eve")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("none of your groups may see this page")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in again")).to_be_visible()
    context.close()
