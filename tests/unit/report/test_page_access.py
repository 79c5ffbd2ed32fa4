"""Who may see the page: sign-in, sessions, and what is refused."""

import re
from urllib.parse import quote

import httpx
import pytest
from redis import Redis

from streams.runtime.page_settings import PageSettings
from tests.unit.report.api_client import READER, WRITER
from tests.unit.report.browser import HOST, Browser, tags, words
from workers.http.auth import KeyRing, mark_of
from workers.http.keys import new_key
from workers.read_model.redis_clients import connect_async
from workers.report.page.attempts_limit import PAUSE_SECONDS, TRIES, AttemptsLimit
from workers.report.page.frame import VIEWS
from workers.report.page.sessions import LINK_SECONDS, SESSION_SECONDS, Sessions
from workers.report.page.sign_in_form import local_target

PATHS = [path for path, _ in VIEWS] + ["/lead?id=lead-0", "/live"]


def _cookie(response: httpx.Response) -> str:
    return next(one for one in response.headers.get_list("set-cookie") if "leadloop-session=" in one)


@pytest.mark.parametrize("path", PATHS)
def test_every_view_asks_for_a_sign_in(browser: Browser, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


def test_a_read_key_signs_in_and_returns_to_the_page_that_was_asked_for(browser: Browser) -> None:
    asked = browser.get("/leads?stage=new")
    form = browser.get(asked.headers["location"])
    fields = {one["name"]: one.get("value", "") for tag, one in tags(form.text) if tag == "input"}
    answer = browser.post("/sign-in", {**fields, "key": READER})
    assert (answer.status_code, answer.headers["location"]) == (303, "/leads?stage=new")
    assert browser.get("/sign-in").status_code == 303


def test_a_link_on_another_site_is_opened_again_with_the_cookie_and_only_once(browser: Browser) -> None:
    asked = "/leads?stage=new&origin=a%22b"
    answer = browser.get(asked, {"Sec-Fetch-Site": "cross-site"})
    (refresh,) = [one["content"] for tag, one in tags(answer.text) if tag == "meta" and "http-equiv" in one]
    assert (answer.status_code, refresh) == (200, f"0;url={asked}")
    assert browser.get(asked, {"Sec-Fetch-Site": "same-origin"}).status_code == 303


@pytest.mark.parametrize(
    ("sent_from", "next_page"),
    [
        (f"http://{HOST}/delivery/act?action=pause&endpoint=a", "/delivery/act?action=pause&endpoint=a"),
        ("https://evil.test/delivery", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("site", ["same-origin", "cross-site"])
def test_after_the_sign_in_the_form_that_came_too_late_is_asked_again(
    browser: Browser, site: str, sent_from: str, next_page: str | None
) -> None:
    sent = {"Sec-Fetch-Site": site, "Referer": sent_from}
    answer = browser.post("/delivery/act", {"action": "pause", "endpoint": "a"}, sent)
    sign_in = "/sign-in" if next_page is None else f"/sign-in?next={quote(next_page, safe='')}"
    assert (answer.status_code, answer.headers["location"]) == (303, sign_in)


def test_the_cookie_is_out_of_reach_of_scripts_other_sites_and_plain_connections(browser: Browser) -> None:
    plain = _cookie(browser.sign_in())
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(plain.split("; "))
    assert "Secure" not in plain
    over_tls = {"Origin": f"https://{HOST}", "Sec-Fetch-Site": "same-origin"}
    secure = _cookie(browser.post("/sign-in", {"key": READER}, over_tls))
    assert secure.startswith("__Host-")
    assert "Secure" in secure.split("; ")
    assert READER not in plain + secure


def test_a_sign_in_makes_a_new_session_and_ends_the_one_before(browser: Browser) -> None:
    first = _cookie(browser.sign_in()).split(";")[0]
    second = _cookie(browser.sign_in()).split(";")[0]
    assert first != second
    browser.cookies.clear()
    assert browser.get("/agreement", {"Cookie": first}).status_code == 303


@pytest.mark.usefixtures("log")
def test_sign_out_ends_the_session_even_for_who_copied_the_cookie(browser: Browser) -> None:
    cookie = _cookie(browser.sign_in()).split(";")[0]
    assert browser.get("/agreement", {"Cookie": cookie}).status_code == 200
    assert browser.post("/sign-out", {}).status_code == 303
    browser.cookies.clear()
    assert browser.get("/agreement", {"Cookie": cookie}).status_code == 303


@pytest.mark.parametrize("cookie", ["leadloop-session=x", "leadloop-session=", "leadloop-session=WyJhIl0.a.b"])
def test_a_cookie_that_nobody_signed_is_no_session(browser: Browser, cookie: str) -> None:
    assert browser.get("/", {"Cookie": cookie}).status_code == 303


def test_a_cookie_of_another_secret_is_no_session(redis_url: str, app_id: str, keys: KeyRing, browser: Browser) -> None:
    other = Browser(redis_url, app_id, keys, secret=f"another {app_id}")
    cookie = _cookie(other.sign_in()).split(";")[0]
    assert other.get("/sign-in", {"Cookie": cookie}).status_code == 303
    assert browser.get("/", {"Cookie": cookie}).headers["location"] == "/sign-in"
    other.close()


@pytest.mark.usefixtures("log")
def test_a_sign_out_ends_the_session_in_every_process(redis_url: str, app_id: str, keys: KeyRing) -> None:
    one, other = (Browser(redis_url, app_id, keys, secret=f"of both {app_id}") for _ in range(2))
    cookie = _cookie(one.sign_in()).split(";")[0]
    assert other.get("/agreement", {"Cookie": cookie}).status_code == 200
    one.post("/sign-out", {})
    assert other.get("/agreement", {"Cookie": cookie}).status_code == 303
    one.close()
    other.close()


@pytest.mark.usefixtures("log")
def test_a_redis_that_was_emptied_brings_no_session_back(redis_url: str, app_id: str, browser: Browser) -> None:
    browser.sign_in()
    with Redis.from_url(redis_url) as client:
        (session,) = client.keys(f"leadloop:{app_id}:page-session:*")
        assert 0 < client.ttl(session) <= SESSION_SECONDS
        client.delete(session)
    assert browser.get("/agreement").status_code == 303


def test_a_cookie_that_was_planted_before_the_sign_in_is_no_session_after_it(browser: Browser) -> None:
    planted = _cookie(browser.sign_in()).split(";")[0]
    browser.post("/sign-out", {})
    answer = browser.post("/sign-in", {"key": READER}, {"Sec-Fetch-Site": "same-origin", "Cookie": planted})
    assert _cookie(answer).split(";")[0] != planted
    browser.cookies.clear()
    assert browser.get("/agreement", {"Cookie": planted}).status_code == 303


def test_a_page_behind_tls_takes_only_cookies_that_no_other_host_can_plant(
    redis_url: str, app_id: str, keys: KeyRing
) -> None:
    browser = Browser(redis_url, app_id, keys, address=f"https://{HOST}")
    cookie = _cookie(browser.sign_in())
    assert cookie.startswith("__Host-leadloop-session=")
    assert "Secure" in cookie.split("; ")
    value = cookie.split(";")[0].partition("=")[2]
    browser.cookies.clear()
    assert browser.get("/sign-in", {"Cookie": f"leadloop-session={value}"}).status_code == 200
    assert browser.get("/sign-in", {"Cookie": f"__Host-leadloop-session={value}"}).status_code == 303
    browser.close()


def test_a_session_ends_with_its_key(keys: KeyRing) -> None:
    assert keys.holder(mark_of(READER), "read") is not None
    assert keys.holder(mark_of(WRITER), "read") is None
    assert keys.holder(mark_of(new_key()), "read") is None


@pytest.mark.parametrize(
    ("key", "status"), [("wrong", 401), ("", 401), pytest.param(WRITER, 403, id="without the scope")]
)
def test_another_key_is_refused_in_words(browser: Browser, key: str, status: int) -> None:
    answer = browser.sign_in(key)
    assert answer.status_code == status
    assert "The key was not accepted. 4 tries are left" in words(answer.text)
    assert "set-cookie" not in answer.headers


def test_after_five_wrong_keys_even_the_right_one_has_to_wait(browser: Browser) -> None:
    assert [browser.sign_in("wrong").status_code for _ in range(TRIES)] == [401] * TRIES
    answer = browser.sign_in()
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= PAUSE_SECONDS
    assert "Too many failed sign-ins: try again in" in words(answer.text)


def test_a_client_is_limited_by_its_address_for_a_pause() -> None:
    now = [0.0]
    limit = AttemptsLimit(lambda: now[0])
    for place in range(TRIES):
        limit.fail(f"2001:db8::{place}")
    with pytest.raises(Exception, match="too many"):
        limit.check("2001:db8::ffff")
    limit.check("2001:db8:0:1::1")
    now[0] = PAUSE_SECONDS
    limit.check("2001:db8::1")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"},
        {"Sec-Fetch-Site": "same-site", "Origin": f"http://other.{HOST}"},
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {},
    ],
)
@pytest.mark.parametrize("path", ["/sign-in", "/sign-out"])
def test_a_form_of_another_site_is_refused(browser: Browser, path: str, headers: dict[str, str]) -> None:
    answer = browser.post(path, {"key": READER}, headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test/",
        "//evil.test/",
        "/\\evil.test",
        "\\\\evil.test",
        "/\t/evil.test",
        "javascript:alert(1)",
        "/leads\r\nSet-Cookie: a=b",
        "",
        "/sign-out",
        "///evil.test",
        "http:/leads",
    ],
)
def test_a_sign_in_leads_to_no_other_site(browser: Browser, target: str) -> None:
    assert local_target(target) == "/"
    assert browser.sign_in(target=target).headers["location"] == "/"


def test_every_page_has_the_headers_that_protect_it(browser: Browser) -> None:
    for answer in (browser.get("/sign-in"), browser.get("/"), browser.sign_in("wrong")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"] == (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
            "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"


def test_style_and_script_may_be_kept_for_a_year_and_have_the_address_of_their_content(browser: Browser) -> None:
    page = browser.get("/sign-in").text
    paths = re.findall(r'"(/static/[^"]+)"', page)
    assert len(paths) == 3
    for path in paths:
        answer = browser.get(path)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert browser.get(re.sub(r"\.[0-9a-f]{16}\.", ".0123456789abcdef.", path)).status_code == 404
    assert sum(len(browser.get(path).content) for path in paths) < 25_000


def test_a_link_signs_in_once_and_only_for_some_minutes(redis_url: str, app_id: str, keys: KeyRing) -> None:
    now = [0.0]
    sessions = Sessions(connect_async(redis_url), app_id, keys, PageSettings(), clock=lambda: now[0])
    used, late = sessions.new_link(mark_of(READER)), sessions.new_link(mark_of(READER))
    assert sessions.use_link(used) == mark_of(READER)
    assert sessions.use_link(used) is None
    now[0] = LINK_SECONDS
    assert sessions.use_link(late) is None


@pytest.mark.parametrize("headers", [{}, {"X-Forwarded-For": "127.0.0.1"}, {"Host": "localhost"}])
def test_links_are_made_on_this_machine_only(browser: Browser, headers: dict[str, str]) -> None:
    made = browser.post("/sign-in/links", {}, {"Authorization": f"Bearer {READER}", **headers})
    is_here = headers == {"Host": "localhost"}
    assert made.status_code == (201 if is_here else 403)
    if is_here:
        used = browser.get(made.json()["path"], {"Host": "localhost"})
        assert (used.status_code, used.headers["location"]) == (303, "/")
        assert "leadloop-session=" in used.headers["set-cookie"]


@pytest.mark.usefixtures("log")
def test_who_is_signed_in_may_read_the_api(browser: Browser) -> None:
    assert browser.get("/v1/leads").status_code == 401
    browser.sign_in()
    assert browser.get("/v1/leads").status_code == 200
