"""What is attempted against the page, on a running server with a real Kafka and Redis, and refused."""

import json
import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Browser, Dialog
from prometheus_client import CollectorRegistry

from schemas.events import EndpointState
from streams.runtime.page_settings import PageSettings
from tests.component.page.served_page import ALIVE, DEAD, LEAD_IDS, OPERATOR, SCRIPT, Visitor, cookie_of
from tests.component.projection.harness import KEY, Process
from tests.kafka_records import read_all
from tests.waiting import TIMEOUT, wait_for
from tests.world import CODEC, World
from workers.http.auth import KeyRing
from workers.http.serving import initialise_series
from workers.read_model.redis_clients import connect_async
from workers.report.app import report_app
from workers.report.page.frame import VIEWS
from workers.report.policy_in_use import PolicyInUse
from workers.report.queries import ReadModel

pytestmark = pytest.mark.kafka

OPEN = {"/sign-in", "/sign-out", "/sign-in/links", "/sign-in/once", "/static/{name}", "/healthz", "/readyz", "/metrics"}
"""Routes for everybody: none has anything about a lead."""


@pytest.fixture
def visitor(report: Process) -> Iterator[Visitor]:
    visitor = Visitor(report.address())
    yield visitor
    visitor.close()


@pytest.fixture
def operator(visitor: Visitor) -> Visitor:
    return visitor.signed_in(OPERATOR)


def routes(world: World, redis_url: str) -> list[tuple[str, str]]:
    """Method and path of every route that the application has."""
    keys = KeyRing(world.folder / "keys.yml")
    model = ReadModel(connect_async(redis_url), world.app_id, CODEC)
    app = report_app(model, keys, PolicyInUse(None), CollectorRegistry(), str, PageSettings())
    initialise_series(app)
    found: list[tuple[str, str]] = []

    def collect(several: Any) -> None:
        for route in several:
            if isinstance(route, APIRoute):
                found.extend((method, route.path) for method in sorted(route.methods or ()))
            elif (included := getattr(route, "original_router", None)) is not None:
                collect(included.routes)

    collect(app.routes)
    return found


def test_no_route_answers_about_leads_without_a_sign_in(world: World, redis_url: str, report: Process) -> None:
    every = [(method, path) for method, path in routes(world, redis_url) if path not in OPEN]
    assert {path for path, _ in VIEWS} | {"/live", "/delivery/act"} <= {path for _, path in every}
    assert len(every) > 20
    for method, path in every:
        asked = path.replace("{lead_id:path}", LEAD_IDS[0])
        answer = httpx.request(method, report.address() + asked, params={"id": LEAD_IDS[0]}, timeout=30)
        if path.startswith("/v1"):
            assert answer.status_code == 401, path
        else:
            assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/sign-in"), path
        assert LEAD_IDS[0] not in answer.text
        assert answer.headers["cache-control"] == "no-store"


def test_private_pages_are_not_kept_and_not_framed(visitor: Visitor) -> None:
    visitor.signed_in(KEY)
    for path in [*(path for path, _ in VIEWS), f"/lead?id={LEAD_IDS[0]}", "/v1/leads", "/v1/leads.csv"]:
        answer = visitor.get(path)
        assert answer.headers["cache-control"] == "no-store", path
        if not path.startswith("/v1"):
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["x-frame-options"] == "DENY"


def test_a_session_that_was_planted_is_not_the_one_after_the_sign_in(report: Process) -> None:
    attacker, victim = Visitor(report.address()), Visitor(report.address())
    planted = cookie_of(attacker.post("/sign-in", key=KEY))
    own = {"Sec-Fetch-Site": "same-origin", "Cookie": planted}
    begun = cookie_of(victim.post("/sign-in", headers=own, key=OPERATOR))
    assert begun != planted
    attacker.client.cookies.clear()
    assert attacker.get("/agreement", Cookie=planted).status_code == 303  # it was ended
    assert victim.get("/agreement").status_code == 200
    attacker.close()
    victim.close()


@pytest.mark.parametrize("name", ["X-Forwarded-User", "X-Remote-User", "X-Forwarded-Email", "Remote-User"])
def test_a_header_of_a_proxy_that_nobody_configured_signs_nobody_in(visitor: Visitor, name: str) -> None:
    assert visitor.get("/agreement", **{name: "admin"}).status_code == 303


FORGED: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.test"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.test"},
    {"Origin": "https://evil.test"},
    {"Origin": "null"},
    {},
]


@pytest.mark.parametrize("headers", FORGED)
def test_an_action_of_another_site_is_refused(operator: Visitor, world: World, headers: dict[str, str]) -> None:
    fields = {"action": "pause", "endpoint": ALIVE, "token": operator.token("pause", ALIVE)}
    assert operator.post("/delivery/act", headers=headers, **fields).status_code == 403
    assert ALIVE not in standing(world)


def test_an_action_needs_the_token_of_its_own_session(operator: Visitor, report: Process, world: World) -> None:
    other = Visitor(report.address()).signed_in(OPERATOR)
    for token in ("", "x", other.token("pause", ALIVE), operator.token("pause", ALIVE)[:-1]):
        answer = operator.post("/delivery/act", action="pause", endpoint=ALIVE, token=token)
        assert answer.status_code == 403
        assert "not of your session" in answer.text
    assert ALIVE not in standing(world)
    other.close()


def test_an_action_is_not_a_link(operator: Visitor, world: World) -> None:
    token = operator.token("pause", ALIVE)
    asked = {"action": "pause", "endpoint": ALIVE, "token": token}
    assert operator.client.get("/delivery/act", params=asked).status_code == 200  # asks again
    assert ALIVE not in standing(world)


def test_a_viewer_sees_no_button_and_is_refused(visitor: Visitor, world: World) -> None:
    visitor.signed_in(KEY)
    page = visitor.get("/delivery").text
    assert "Pause, resume, send again" in page
    assert "/delivery/act" not in page
    asked = visitor.client.get("/delivery/act", params={"action": "pause", "endpoint": DEAD})
    acted = visitor.post("/delivery/act", action="pause", endpoint=DEAD, token="x")  # noqa: S106
    for answer in (asked, acted):
        assert answer.status_code == 403
        assert "may read, and not act" in answer.text
    assert all(one["by"] != "key:test" for one in recorded(world))


@pytest.mark.parametrize(("action", "endpoint"), [("erase", DEAD), ("", DEAD), ("pause", "unknown"), ("pause", "")])
def test_an_action_that_does_not_exist_is_refused(operator: Visitor, action: str, endpoint: str) -> None:
    answer = operator.post("/delivery/act", action=action, endpoint=endpoint, token=operator.token())
    assert answer.status_code in {404, 422}


def test_an_operator_pauses_and_resumes_and_it_is_recorded_who_did_it(operator: Visitor, world: World) -> None:
    assert operator.act("pause", DEAD, "maintenance").headers["location"] == "/delivery#done"
    assert (standing(world)[DEAD].state, standing(world)[DEAD].by) == ("paused", "key:ops")
    assert operator.act("resume", DEAD).status_code == 303
    assert standing(world)[DEAD].state == "active"
    ended = {(one["action"], one["by"], one["outcome"], one["why"]) for one in recorded(world)}
    for outcome in ("requested", "done"):
        assert ("pause", "key:ops", outcome, "maintenance") in ended
        assert ("resume", "key:ops", outcome, "") in ended
    wait_for(lambda: f"{DEAD} is active" in operator.get("/delivery").text, TIMEOUT, "the record is shown")
    assert "maintenance" in operator.get("/delivery").text


def test_an_operator_sends_failed_deliveries_again(operator: Visitor, world: World) -> None:
    assert operator.act("replay").status_code == 303

    def is_done() -> bool:
        return any(one["action"] == "replay" and one["outcome"] == "done" for one in recorded(world))

    wait_for(is_done, TIMEOUT, "the replay is recorded")
    (done,) = [one for one in recorded(world) if one["action"] == "replay" and one["outcome"] == "done"]
    waiting = read_all(world.bootstrap, world.prefix + "delivery-wait-1s")
    assert waiting
    assert re.fullmatch(rf"replayed {len(waiting)} deliveries as \S+", done["detail"])
    assert done["endpoint"] == DEAD


def standing(world: World) -> dict[str, EndpointState]:
    """The newest word about each endpoint."""
    states = [one for one in world.decoded("endpoint-states") if isinstance(one, EndpointState)]
    return {one.endpoint: one for one in states}


def recorded(world: World) -> list[dict[str, Any]]:
    return [json.loads(one.value or b"") for one in read_all(world.bootstrap, world.prefix + "operator-actions")]


def test_no_script_of_another_system_runs_on_any_page(chromium: Browser, report: Process) -> None:
    """Stored in every text that upstream controls, and reflected from every parameter."""
    context = chromium.new_context(base_url=report.address())
    page = context.new_page()
    complaints: list[str] = []

    def complain_of(dialog: Dialog) -> None:
        complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", complain_of)
    page.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/")
    page.get_by_label("Read key").fill(OPERATOR)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    leads = [f"/lead?id={quote(lead)}" for lead in LEAD_IDS]
    columns = "&".join(f"cols={one}" for one in ("stage", "campaign", "reason", "origin", "owner", "touches"))
    names = ("origin", "campaign", "owner", "reason", "track", "segment", "account", "stage", "q", "cursor", "cols")
    reflected = [f"/leads?{name}={quote(SCRIPT)}" for name in names]
    reflected += [f"{path}?{quote(SCRIPT)}={quote(SCRIPT)}&owner={quote(SCRIPT)}" for path, _ in VIEWS]
    reflected += [f"/funnel?by={quote(SCRIPT)}", f"/recycling?state={quote(SCRIPT)}", f"/sign-in?next={quote(SCRIPT)}"]
    reflected += [f"/delivery/act?action=pause&endpoint={quote(name)}" for name in (SCRIPT, ALIVE)]
    shown = 0
    for path in [*(path for path, _ in VIEWS), *leads, f"/leads?{columns}", *reflected]:
        page.goto(path)
        shown += "<script>alert(1)</script>" in page.inner_text("body")
        assert page.locator("img[src=x], a[href^='javascript:'], body script").count() == 0, path
    assert complaints == []
    assert shown > 10  # the texts are there, as texts
    context.close()


@pytest.mark.parametrize("target", ["https://evil.test/", "//evil.test/", "/\\evil.test", "/%0d%0aSet-Cookie:%20a=b"])
def test_a_sign_in_leads_nowhere_else_and_sets_no_header(visitor: Visitor, target: str) -> None:
    answer = visitor.post("/sign-in", key=KEY, next=target)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/")
    assert "evil" not in answer.headers["location"]
    assert len(answer.headers.get_list("set-cookie")) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/sign-in?next=%2F%0d%0aX-Evil:%201",
        "/leads?origin=%0d%0aX-Evil:%201",
        "/%0d%0aX-Evil:%201",
        "/leads?id=%0d%0aX-Evil:1",
    ],
)
def test_no_header_is_injected_through_an_address(visitor: Visitor, path: str) -> None:
    visitor.signed_in(KEY)
    assert "x-evil" not in visitor.get(path).headers


def test_a_foreign_host_header_is_not_repeated(report: Process) -> None:
    host, port = report.address().removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET /leads HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65_536), b"")).lower()
    assert b"location: /sign-in" in answer
    assert b"evil.test" not in answer


def test_keys_cannot_be_tried_without_end(report: Process) -> None:
    """The last one: it locks this address out for a minute."""
    visitor = Visitor(report.address())
    answers = [visitor.post("/sign-in", key=f"llk_{number}") for number in range(7)]
    assert [one.status_code for one in answers] == [401] * 5 + [429] * 2
    right = visitor.post("/sign-in", key=KEY)
    assert right.status_code == 429
    assert int(right.headers["retry-after"]) > 0
    forwarded = {"Sec-Fetch-Site": "same-origin", "X-Forwarded-For": "203.0.113.9"}
    assert visitor.post("/sign-in", headers=forwarded, key=KEY).status_code == 429
    visitor.close()
