"""People whom a proxy or a provider of OpenID Connect names act on the page, in a real Chromium, up to the record.

Real are Kafka, Redis, the page, the provider and the proxy, each in a process of its own.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from schemas.events import EndpointState
from tests.component.page.served_page import DEAD, Filled, Visitor, reported
from tests.component.page.watched import SCHEMES, Scheme, Watched
from tests.component.projection.harness import Process
from tests.kafka import free_ports
from tests.kafka_records import read_all
from tests.simulators.authenticating_proxy import ADDRESS, GROUPS, PASSWORD, USER, RunningProxy
from tests.simulators.oidc_provider import CLIENT, SECRET, RunningProvider
from tests.waiting import TIMEOUT, wait_for
from tests.world import World
from workers.report.access.oidc_provider import CALLBACK
from workers.report.page.actions_view import QUESTIONS

DOORS = ("proxy", "oidc")
NAMED = {"proxy": {"ann": "proxy:ann", "bob": "proxy:bob"}, "oidc": {"ann": "oidc:ann (u-1)", "bob": "oidc:bob (u-2)"}}

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.soak,  # two minutes in a browser
    pytest.mark.skipif(sys.platform != "linux", reason=f"the proxy needs {ADDRESS}, which only Linux has by itself"),
]


@pytest.fixture(scope="module")
def provider() -> Iterator[RunningProvider]:
    (port,) = free_ports(1)
    with RunningProvider(f"http://127.0.0.1:{port}{CALLBACK}") as provider:
        yield provider


@pytest.fixture(scope="module")
def report(filled: Filled, redis_url: str, provider: RunningProvider) -> Iterator[Process]:
    """A report process with both doors."""
    address = provider.back.removesuffix(CALLBACK)
    settings = {
        "LEADLOOP_REPORT_PORT": address.rpartition(":")[2],
        "LEADLOOP_PAGE_ADDRESS": address,
        "LEADLOOP_OIDC_ISSUER": provider.issuer,
        "LEADLOOP_OIDC_CLIENT_ID": CLIENT,
        "LEADLOOP_OIDC_CLIENT_SECRET": SECRET,
        "LEADLOOP_PROXY_USER_HEADER": USER,
        "LEADLOOP_PROXY_GROUPS_HEADER": GROUPS,
        "LEADLOOP_PROXY_NETWORKS": f"{ADDRESS}/32",
        "LEADLOOP_VIEWER_GROUPS": "sales",
        "LEADLOOP_OPERATOR_GROUPS": "crm-admins",
    }
    with reported(filled.world, redis_url, filled.app_id, **settings) as report:
        yield report


@pytest.fixture(scope="module")
def proxy(report: Process) -> Iterator[RunningProxy]:
    with RunningProxy(report.address()) as proxy:
        yield proxy


class People:
    """Opens the page for a person, through one of the doors."""

    def __init__(self, browser: Browser, door: str, proxy: RunningProxy, provider: RunningProvider) -> None:
        self._browser, self._door, self._proxy, self._provider = browser, door, proxy, provider

    def opened(self, name: str, path: str) -> Page:
        """The page that they asked for."""
        if self._door == "proxy":
            credentials: Any = {"username": name, "password": PASSWORD}
            context = self._browser.new_context(base_url=self._proxy.address, http_credentials=credentials)
            page = context.new_page()
            page.goto(path)
            return page
        context = self._browser.new_context(base_url=self._provider.back.removesuffix(CALLBACK))
        page = context.new_page()
        page.goto(path)
        page.get_by_role("link", name="Sign in with your work account").click()
        page.get_by_label("Name").fill(name)
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url(f"**{path}")
        return page


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def people(door: str, chromium: Browser, proxy: RunningProxy, provider: RunningProvider) -> Iterator[People]:
    yield People(chromium, door, proxy, provider)
    for context in chromium.contexts:
        context.close()


def recorded(world: World) -> list[dict[str, Any]]:
    return [json.loads(one.value or b"") for one in read_all(world.bootstrap, world.prefix + "operator-actions")]


def standing(world: World) -> EndpointState | None:
    """The newest word about the tool."""
    states = [one for one in world.decoded("endpoint-states") if isinstance(one, EndpointState)]
    return next((one for one in reversed(states) if one.endpoint == DEAD), None)


def _confirm(page: Page, link: str, question: str, why: str, button: str) -> None:
    """Click the link of the tool, give a reason on the page that asks, and confirm."""
    row = page.get_by_role("table", name="State of the tools").get_by_role("row").filter(has=page.get_by_text(DEAD))
    row.get_by_role("link", name=link).click()
    expect(page.get_by_role("heading", name=question)).to_be_visible()
    page.get_by_label("Why?").fill(why)
    page.get_by_role("button", name=button).click()
    page.wait_for_url("**/delivery#done")


def test_an_operator_pauses_resumes_and_replays_from_the_page(people: People, door: str, world: World) -> None:
    page, ann, reason = people.opened("ann", "/delivery"), NAMED[door]["ann"], f"maintenance through {door}"
    _confirm(page, "Pause", f"Pause {DEAD}?", reason, "Pause it")
    state = standing(world)
    assert state is not None
    assert (state.state, state.by, state.why) == ("paused", ann, reason)
    done = page.get_by_role("table", name="What operators did").get_by_role("row").nth(1)
    for text in (ann, reason, f"{DEAD} is paused"):
        expect(done).to_contain_text(text)
    _confirm(page, "Resume", f"Resume {DEAD}?", reason, "Resume it")
    state = standing(world)
    assert state is not None
    assert state.state == "active"
    _confirm(page, "Send failed again", f"Send failed deliveries to {DEAD} again?", reason, "Send them again")

    def outcomes() -> list[tuple[str, str]]:
        return [(one["action"], one["outcome"]) for one in recorded(world) if (one["by"], one["why"]) == (ann, reason)]

    wait_for(lambda: ("replay", "done") in outcomes(), TIMEOUT, "the replay is recorded")
    assert outcomes() == [
        *(("pause", "requested"), ("pause", "done"), ("resume", "requested"), ("resume", "done")),
        *(("replay", "requested"), ("replay", "done")),
    ]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_browser_complains_about_nothing_that_an_operator_sees(
    chromium: Browser, proxy: RunningProxy, provider: RunningProvider, scheme: Scheme
) -> None:
    context = People(chromium, "proxy", proxy, provider).opened("ann", "/delivery").context
    watched = Watched(context, proxy.address)
    watched.page.goto("/delivery")
    _confirm(watched.page, "Pause", f"Pause {DEAD}?", "a reason " * 22, "Pause it")
    for path in ("/delivery", *(f"/delivery/act?action={one}&endpoint={DEAD}" for one in QUESTIONS)):
        watched.look_at(path, scheme)
    assert watched.complaints == []
    watched.page.goto("/delivery")
    _confirm(watched.page, "Resume", f"Resume {DEAD}?", "", "Resume it")
    context.close()


def test_a_viewer_through_the_same_door_is_refused(people: People, door: str, world: World) -> None:
    page = people.opened("bob", "/delivery")
    expect(page.get_by_text("An operator can pause and resume tools here")).to_be_visible()
    assert page.locator("a[href^='/delivery/act']").count() == 0
    page.goto(f"/delivery/act?action=pause&endpoint={DEAD}")
    expect(page.get_by_text("bob may read, and not act")).to_be_visible()
    token = _token(people.opened("ann", f"/delivery/act?action=pause&endpoint={DEAD}"))
    page.goto("/delivery")
    assert _posted(page, token) == 403
    assert all(one["by"] != NAMED[door]["bob"] for one in recorded(world))


def test_a_form_needs_the_token_of_who_sends_it(people: People, door: str, world: World) -> None:
    page = people.opened("ann", "/delivery")
    before = len(recorded(world))
    for token in ("", "x" * 64):
        assert _posted(page, token) == 403
    page.goto("about:blank")
    origin = people.opened("ann", f"/delivery/act?action=pause&endpoint={DEAD}")
    token = _token(origin)
    _submit_from_elsewhere(page, origin.url.partition("/delivery")[0], token)
    assert len(recorded(world)) == before, door


def _token(page: Page) -> str:
    return str(page.locator("input[name=token]").get_attribute("value"))


def _posted(page: Page, token: str) -> int:
    """The status of a form that a script of this site sends."""
    script = """async given => {
      const body = new URLSearchParams(given);
      return (await fetch("/delivery/act", {method: "POST", body})).status;
    }"""
    return int(page.evaluate(script, {"action": "pause", "endpoint": DEAD, "token": token, "why": "forged"}))


def _submit_from_elsewhere(page: Page, address: str, token: str) -> None:
    """Another site has a reader's browser send the form, with a token that it cannot know; the answer is a refusal."""
    fields = {"action": "pause", "endpoint": DEAD, "token": token, "why": "forged"}
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    form = f'<form method="post" action="{address}/delivery/act">{inputs}<button>Win a prize</button></form>'
    page.route("http://evil.test/", lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto("http://evil.test/")
    with page.expect_response(lambda one: one.url.startswith(address) and one.request.method == "POST") as found:
        page.get_by_role("button", name="Win a prize").click()
    assert found.value.status == 403 or found.value.headers["location"] == "/sign-in"  # browsers send no cookie with it


def test_headers_of_the_proxy_are_not_believed_from_elsewhere_nor_from_its_clients(
    report: Process, proxy: RunningProxy
) -> None:
    forged = {USER: "ann", GROUPS: "crm-admins"}
    visitor = Visitor(report.address())
    assert visitor.get("/delivery", **forged).headers["location"].startswith("/sign-in")
    assert visitor.post("/delivery/act", headers={**forged, "Sec-Fetch-Site": "same-origin"}).status_code == 303
    visitor.close()
    with httpx.Client(base_url=proxy.address, auth=("bob", PASSWORD), timeout=30) as bob:
        assert bob.get("/delivery/act", params={"action": "pause", "endpoint": DEAD}, headers=forged).status_code == 403
