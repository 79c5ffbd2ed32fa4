"""The page in a real Chromium, on a real Kafka and Redis: what a reader sees, and what the browser complains about."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.builders import a_created
from tests.component.page.watched import SCHEMES, Scheme, Watched, serious
from tests.component.projection.harness import KEY, Process
from tests.component.projection.histories import END
from tests.waiting import wait_for
from tests.world import World
from workers.report.page.frame import VIEWS

PATHS = [
    *(path for path, _ in VIEWS),
    "/lead?id=lead-1",
    "/leads?cols=stage&cols=campaign&cols=reason&cols=touches&stage=nurture",
    "/leads?origin=web&owner=nobody",
    "/leads?compaign=spring",
    "/funnel?by=owner&pass=2",
    "/recycling?state=standing",
]

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def signed_in(chromium: Browser, report: Process) -> Iterator[BrowserContext]:
    """A reader who has signed in through the form."""
    context = chromium.new_context(base_url=report.address(), timezone_id="America/New_York")
    page = context.new_page()
    page.goto("/recycling?state=standing")
    page.get_by_label("Read key").fill(KEY)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/recycling?state=standing")
    page.close()
    yield context
    context.close()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_browser_complains_about_no_view(
    signed_in: BrowserContext, report: Process, path: str, scheme: Scheme
) -> None:
    watched = Watched(signed_in, report.address())
    watched.look_at(path, scheme)
    assert watched.complaints == []
    watched.page.close()


def test_the_sign_in_form_is_accessible(chromium: Browser, report: Process) -> None:
    context = chromium.new_context(base_url=report.address())
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Read key").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("The key was not accepted.").wait_for()
    assert serious(page) == []
    context.close()


def test_an_event_appears_without_a_reload(signed_in: BrowserContext, report: Process, world: World) -> None:
    watched = Watched(signed_in, report.address())
    watched.page.goto("/")
    leads = watched.page.locator('[data-figure="leads"]')
    before, name = int(leads.inner_text()), f"news-{uuid4().hex[:6]}"
    world.send(a_created(name, END + 1000, origin="web", owner_id="ann"))
    world.heartbeat(END + 2000)
    wait_for(lambda: int(leads.inner_text()) == before + 1, 30, "the number of leads has changed on the page")
    assert watched.complaints == []
    watched.page.close()


def test_a_list_does_not_move_but_offers_what_is_new(signed_in: BrowserContext, report: Process, world: World) -> None:
    watched = Watched(signed_in, report.address())
    page = watched.page
    page.goto("/leads")
    rows = page.locator("tbody tr").all_inner_texts()
    world.send(a_created(f"news-{uuid4().hex[:6]}", END + 3000, origin="web", owner_id="ann"))
    world.heartbeat(END + 4000)
    page.get_by_text("There is something new.").wait_for(timeout=300_000)
    assert page.locator("tbody tr").all_inner_texts() == rows
    page.get_by_role("link", name="Show").click()
    page.wait_for_load_state()
    page.close()


def test_times_are_in_the_zone_of_the_reader_but_for_stories_whose_sentences_have_times(
    signed_in: BrowserContext, report: Process
) -> None:
    page = Watched(signed_in, report.address()).page
    page.goto("/recycling")
    assert page.locator("footer p").first.inner_text() == "Times are in America/New_York."
    page.goto("/lead?id=lead-1")
    assert page.locator("footer p").first.inner_text() == "Times are in UTC."
    page.close()


def test_a_link_on_another_site_opens_the_page_for_who_is_signed_in(signed_in: BrowserContext, report: Process) -> None:
    link = f'<a href="{report.address()}/funnel?by=owner">a link of a colleague</a>'
    page = signed_in.new_page()
    page.route("http://mail.test/", lambda route: route.fulfill(body=link, content_type="text/html"))
    page.goto("http://mail.test/")
    page.get_by_role("link", name="a link of a colleague").click()
    page.get_by_role("heading", name="Where do leads stop?").wait_for()
    page.close()


def test_without_scripts_every_view_works(chromium: Browser, report: Process, signed_in: BrowserContext) -> None:
    context = chromium.new_context(
        base_url=report.address(), java_script_enabled=False, storage_state=signed_in.storage_state()
    )
    page = context.new_page()
    page.goto("/leads")
    page.get_by_role("combobox", name="Owner").fill("ann")
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url("**owner=ann*")
    assert page.locator("tbody tr").count() > 0
    page.get_by_role("link", name="Next page").click()
    page.wait_for_url("**cursor=*")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    context.close()
