"""Readers whom an authenticating proxy names: believed from the proxy's own addresses only."""

from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from streams.runtime.page_settings import ProxySettings
from tests.unit.report.api_client import READER
from tests.unit.report.browser import Browser, words
from workers.http.auth import KeyRing

NETWORKS = (ip_network("10.1.0.0/16"), ip_network("fd00:1::/64"))
PROXY = ProxySettings("X-Forwarded-User", "X-Forwarded-Groups", NETWORKS)
ANN = {"X-Forwarded-User": "ann"}

Opened = Callable[..., Browser]

pytestmark = pytest.mark.usefixtures("log")


@pytest.fixture
def opened(redis_url: str, app_id: str, keys: KeyRing) -> Iterator[Opened]:
    browsers: list[Browser] = []

    def browser(client: str, **settings: Any) -> Browser:
        browsers.append(Browser(redis_url, app_id, keys, client=client, proxy=PROXY, **settings))
        return browsers[-1]

    yield browser
    for one in browsers:
        one.close()


@pytest.mark.parametrize("client", ["10.1.2.3", "fd00:1::9", "::ffff:10.1.2.3"])
def test_whom_the_proxy_names_sees_the_page_without_a_key(opened: Opened, client: str) -> None:
    browser = opened(client)
    assert browser.get("/agreement", ANN).status_code == 200
    assert browser.get("/v1/leads", ANN).status_code == 200
    assert browser.get("/agreement").status_code == 303


@pytest.mark.parametrize("client", ["10.2.0.1", "127.0.0.1", "fd00:2::1", "::1", "nowhere", ""])
@pytest.mark.parametrize(
    "forged", [{}, {"X-Forwarded-For": "10.1.2.3"}, {"X-Real-IP": "10.1.2.3"}, {"Forwarded": "for=10.1.2.3"}]
)
def test_the_same_header_from_elsewhere_signs_nobody_in(opened: Opened, client: str, forged: dict[str, str]) -> None:
    browser = opened(client)
    assert browser.get("/agreement", ANN | forged).headers["location"] == "/sign-in?next=%2Fagreement"
    assert browser.get("/v1/leads", ANN | forged).status_code == 401


def test_a_header_that_is_there_twice_is_refused(redis_url: str, app_id: str, keys: KeyRing) -> None:
    browser = Browser(redis_url, app_id, keys, client="10.1.0.1", proxy=PROXY)
    answer = browser.get_with("/agreement", [("X-Forwarded-User", "ann"), ("X-Forwarded-User", "bob")])
    assert answer.status_code == 400
    assert "more than once" in words(answer.text)
    browser.close()


def test_who_is_in_none_of_the_groups_is_refused_in_words(opened: Opened) -> None:
    browser = opened("10.1.0.1", viewer_groups=frozenset({"sales"}), operator_groups=frozenset({"ops"}))
    assert browser.get("/agreement", {**ANN, "X-Forwarded-Groups": "press, sales"}).status_code == 200
    assert browser.get("/agreement", {**ANN, "X-Forwarded-Groups": "ops"}).status_code == 200
    for groups in ("", "press", "sales,ops".upper()):
        answer = browser.get("/agreement", {**ANN, "X-Forwarded-Groups": groups})
        assert answer.status_code == 403
        assert "You are known as ann, and none of your groups may see this page" in words(answer.text)


def test_the_foot_says_who_is_signed_in_and_offers_a_sign_out_that_has_an_effect(opened: Opened) -> None:
    browser = opened("10.1.0.1")
    named = browser.get("/agreement", ANN).text
    assert "Signed in as ann (by the proxy)." in words(named)
    assert "/sign-out" not in named
    browser.sign_in(READER)
    with_key = browser.get("/agreement").text
    assert "Signed in as page (a key)." in words(with_key)
    assert 'action="/sign-out"' in with_key


def test_a_key_still_signs_in_where_the_proxy_names_nobody(opened: Opened) -> None:
    browser = opened("10.1.0.1")
    assert browser.sign_in(READER).status_code == 303
    assert browser.get("/agreement").status_code == 200
