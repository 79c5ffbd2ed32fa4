"""Sign-in at a provider of OpenID Connect that runs as a process of its own, and everything that is refused there."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from streams.runtime.page_settings import OidcSettings
from tests.simulators.oidc_provider import CLIENT, SECRET, RunningProvider
from tests.unit.report.browser import HOST, Browser, tags, words
from workers.http.auth import KeyRing
from workers.report.access.oidc_provider import CALLBACK

ADDRESS = f"http://{HOST}"
GROUPS = {"viewer_groups": frozenset({"sales"}), "operator_groups": frozenset({"crm-admins"})}

Opened = Callable[..., Browser]

pytestmark = pytest.mark.usefixtures("log")


@pytest.fixture(scope="module")
def running() -> Iterator[RunningProvider]:
    with RunningProvider(ADDRESS + CALLBACK) as provider:
        yield provider


@pytest.fixture
def provider(running: RunningProvider) -> RunningProvider:
    running.be_wrong()
    return running


@pytest.fixture
def opened(redis_url: str, app_id: str, keys: KeyRing, provider: RunningProvider) -> Iterator[Opened]:
    browsers: list[Browser] = []

    def browser(*, issuer: str = "", claim: str = "groups", **settings: Any) -> Browser:
        oidc = OidcSettings(issuer or provider.issuer, CLIENT, SECRET, claim, "openid profile")
        given = {"address": ADDRESS, **GROUPS, **settings}
        browsers.append(Browser(redis_url, app_id, keys, oidc=oidc, **given))
        return browsers[-1]

    yield browser
    for one in browsers:
        one.close()


def at_provider(browser: Browser, user: str, target: str = "/agreement") -> str:
    """Begin a sign-in, and sign in at the provider; returns where it sends the browser."""
    asked = browser.get(f"/sign-in/oidc?next={target}")
    assert asked.status_code == 303
    form = httpx.get(asked.headers["location"])
    assert form.status_code == 200, form.text
    fields = {one["name"]: one.get("value", "") for tag, one in tags(form.text) if tag == "input"}
    answer = httpx.post(asked.headers["location"], data={**fields, "user": user})
    return answer.headers["location"].removeprefix(ADDRESS)


def signed_in(browser: Browser, user: str) -> httpx.Response:
    return browser.get(at_provider(browser, user), {"Sec-Fetch-Site": "cross-site"})


def test_a_person_signs_in_at_the_provider_and_returns_to_the_page_that_was_asked_for(opened: Opened) -> None:
    browser = opened()
    asked = browser.get("/leads?stage=new")
    (link,) = [
        one["href"] for tag, one in tags(browser.get(asked.headers["location"]).text) if "oidc" in one.get("href", "")
    ]
    location = at_provider(browser, "bob", parse_qs(urlsplit(link).query)["next"][0].replace("=", "%3D"))
    answer = browser.get(location, {"Sec-Fetch-Site": "cross-site"})
    (refresh,) = [one["content"] for tag, one in tags(answer.text) if tag == "meta" and "http-equiv" in one]
    assert (answer.status_code, refresh) == (200, "0;url=/leads?stage=new")
    cookies = answer.headers.get_list("set-cookie")
    assert any("leadloop-session=" in one and "SameSite=strict" in one and "HttpOnly" in one for one in cookies)
    assert browser.get("/leads?stage=new").status_code == 200


def test_state_nonce_and_challenge_differ_for_each_sign_in(opened: Opened) -> None:
    browser = opened()
    asked = [parse_qs(urlsplit(browser.get("/sign-in/oidc").headers["location"]).query) for _ in range(2)]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
        assert len(asked[0][name][0]) >= 43
    assert asked[0]["redirect_uri"] == [ADDRESS + CALLBACK]


def test_who_is_in_none_of_the_groups_is_refused_in_words(opened: Opened) -> None:
    browser = opened()
    answer = signed_in(browser, "eve")
    assert answer.status_code == 403
    assert "You are known as eve, and none of your groups may see this page" in words(answer.text)
    assert browser.get("/agreement").status_code == 303


def test_who_cancels_at_the_provider_is_told_what_to_do(opened: Opened) -> None:
    answer = signed_in(opened(), "nobody")
    assert answer.status_code == 403
    assert "did not let you in, or you cancelled" in words(answer.text)
    assert "Sign in again" in words(answer.text)


def test_groups_that_the_token_lacks_are_asked_for(opened: Opened, provider: RunningProvider) -> None:
    provider.be_wrong(no_groups=True)
    browser = opened()
    assert signed_in(browser, "bob").status_code == 200
    provider.be_wrong(no_groups=True, user_info={"sub": "somebody else"})
    assert signed_in(opened(), "bob").status_code == 403


def test_groups_may_stand_inside_another_claim(opened: Opened, provider: RunningProvider) -> None:
    provider.be_wrong(claims={"realm_access": {"roles": ["sales"]}, "groups": None})
    assert signed_in(opened(claim="realm_access.roles"), "eve").status_code == 200
    assert signed_in(opened(claim="realm_access.groups"), "eve").status_code == 403


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"key": True}, "not signed by the sign-in service"),
        ({"algorithm": "HS256"}, "not signed by the sign-in service"),
        ({"algorithm": "none"}, "not signed by the sign-in service"),
        ({"claims": {"iss": "https://evil.test"}}, "iss"),
        ({"claims": {"aud": "another-client"}}, "aud"),
        ({"claims": {"aud": ["another-client", "third"]}}, "aud"),
        ({"claims": {"nonce": "of another sign-in"}}, "nonce"),
        ({"claims": {"nonce": None}}, "nonce"),
        ({"claims": {"exp": {"seconds": -300}}}, "clocks"),
        ({"claims": {"iat": {"seconds": 600}}}, "clocks"),
        ({"claims": {"nbf": {"seconds": 600}}}, "clocks"),
        ({"claims": {"sub": None}}, "sub"),
        ({"claims": {"exp": None}}, "exp"),
        ({"status": 400}, "did not accept the code: server_error"),
    ],
)
def test_a_token_that_proves_nothing_signs_nobody_in(
    opened: Opened, provider: RunningProvider, wrong: dict[str, Any], why: str
) -> None:
    provider.be_wrong(**wrong)
    browser = opened()
    answer = signed_in(browser, "bob")
    assert answer.status_code == 403
    assert "could not be checked" in words(answer.text)
    assert why in words(answer.text)
    assert not any("leadloop-session=" in one for one in answer.headers.get_list("set-cookie"))
    assert browser.get("/agreement").status_code == 303


@pytest.mark.parametrize(
    "claims", [{"iat": {"seconds": 60}, "nbf": {"seconds": 60}}, {"exp": {"seconds": -60}, "iat": {"seconds": -400}}]
)
def test_clocks_may_differ_by_a_minute(opened: Opened, provider: RunningProvider, claims: dict[str, Any]) -> None:
    provider.be_wrong(claims=claims)
    assert signed_in(opened(), "bob").status_code == 200


def test_a_new_key_of_the_provider_is_learnt(opened: Opened, provider: RunningProvider) -> None:
    browser = opened()
    assert signed_in(browser, "bob").status_code == 200
    provider.be_wrong(new_key=True)
    assert signed_in(browser, "ann").status_code == 200


def test_the_end_of_a_sign_in_is_refused_without_its_beginning(opened: Opened) -> None:
    victim, attacker = opened(), opened()
    stolen = at_provider(attacker, "ann")
    answer = victim.get(stolen)
    assert answer.status_code == 403
    assert "was not begun in this browser" in words(answer.text)
    victim.get("/sign-in/oidc")
    answer = victim.get(stolen)
    assert answer.status_code == 403
    assert "another one was begun since" in words(answer.text)
    assert victim.get("/agreement").status_code == 303


def test_a_code_signs_in_once(opened: Opened) -> None:
    browser = opened()
    location = at_provider(browser, "bob")
    flow = next(one for one in browser.cookies.jar if one.name == "leadloop-oidc")
    assert browser.get(location).status_code == 200
    answer = browser.get(location, {"Cookie": f"leadloop-oidc={flow.value}"})
    assert answer.status_code == 403
    assert "this code is not yours" in words(answer.text)


@pytest.mark.parametrize("target", ["https://evil.test/", "//evil.test", "/%5Cevil.test", "/sign-out"])
def test_a_sign_in_at_the_provider_leads_to_no_other_site(opened: Opened, target: str) -> None:
    browser = opened()
    answer = browser.get(at_provider(browser, "bob", target))
    assert re.findall(r'content="0;url=([^"]*)"', answer.text) == ["/"]


def test_a_provider_that_is_away_is_said_and_a_key_still_signs_in(opened: Opened) -> None:
    browser = opened(issuer="http://127.0.0.1:9")
    answer = browser.get("/sign-in/oidc?next=/leads")
    assert answer.status_code == 503
    assert "The sign-in service does not answer at the moment." in words(answer.text)
    assert "127.0.0.1:9 does not answer" in words(answer.text)
    assert browser.sign_in().status_code == 303


def test_a_provider_that_breaks_down_during_a_sign_in_is_said(opened: Opened, provider: RunningProvider) -> None:
    provider.be_wrong(status=502)
    answer = signed_in(opened(), "bob")
    assert answer.status_code == 503
    assert "the sign-in service answers 502" in words(answer.text)


def test_a_provider_that_calls_itself_otherwise_is_not_believed(opened: Opened, provider: RunningProvider) -> None:
    provider.be_wrong(issuer="https://evil.test")
    answer = opened().get("/sign-in/oidc")
    assert answer.status_code == 503
    assert "calls itself 'https://evil.test'" in words(answer.text)


def test_a_sign_out_ends_the_session_and_offers_that_of_the_provider(opened: Opened) -> None:
    browser = opened()
    signed_in(browser, "bob")
    answer = browser.post("/sign-out", {})
    assert "You are signed out of Leadloop" in words(answer.text)
    (link,) = [one["href"] for tag, one in tags(answer.text) if "/logout" in one.get("href", "")]
    assert httpx.get(link).text == "signed out of the company"
    assert browser.get("/agreement").status_code == 303


def test_a_session_of_the_provider_ends_when_the_provider_is_no_longer_configured(
    opened: Opened, redis_url: str, app_id: str, keys: KeyRing
) -> None:
    secret = f"of both {app_id}"
    browser = opened(secret=secret)
    signed_in(browser, "bob")
    (cookie,) = [one for one in browser.cookies.jar if one.name == "leadloop-session"]
    without = Browser(redis_url, app_id, keys, secret=secret)
    assert without.get("/agreement", {"Cookie": f"leadloop-session={cookie.value}"}).status_code == 303
    without.close()
