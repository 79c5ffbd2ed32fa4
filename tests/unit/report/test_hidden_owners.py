"""With hidden owners no page, file or live update has a name of one, whatever a reader opens from there."""

import inspect
import re
import time
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus, urlencode, urlsplit

import pytest

from schemas.events import (
    AnyRecord,
    DeliveryResult,
    LeadContacted,
    LeadCreated,
    LeadEscalated,
    LeadRecycled,
    LeadSnapshot,
    LeadStalled,
    LeadUpdated,
    PastPass,
)
from schemas.topics import TOPIC_OF
from streams.policy_file import parse_policy
from tests.builders import DAY, T0
from tests.projected import LogOf, append
from tests.unit.report.api_client import READER, project
from tests.unit.report.browser import Browser, numbers_with_links, tags, words
from workers.http.auth import KeyRing
from workers.read_model.generation import PartitionId
from workers.report.hidden_owners import HiddenOwners
from workers.report.owner_pseudonyms import SHAPE, OwnerPseudonyms
from workers.report.page.frame import VIEWS
from workers.report.policy_in_use import PolicyInUse
from workers.report.queries import ReadModel

MARK = "quibblethorpe"
BUSY = "Ann Quibblethorpe"
OWNERS = [BUSY, *(f"{number}.quibblethorpe@sales.test" for number in range(60))]
INTAKE = "desk.quibblethorpe@sales.test"
POLICY = f"""
version: test
promises: {{never_contacted: 3 days, no_follow_up: 7 days}}
intake: {{owner: {INTAKE}, away: [{BUSY}, "*.quibblethorpe@away.test"]}}
rules:
  - name: leads of ann quibblethorpe
    when: {{owner: [{BUSY}, "?.quibblethorpe*"]}}
    promises: {{never_contacted: 1 day}}
"""
SECRET = "the secret of the page"  # noqa: S105
MOST_ALIKE = 2
COLUMNS = "cols=owner&cols=origin"
START = (
    *(path for path, _ in VIEWS),
    *("/funnel?by=owner", "/funnel?by=owner&pass=2", f"/leads?{COLUMNS}", "/lead?id=lead-0", "/lead?id=lead-100"),
    *("/v1/leads", "/v1/leads.csv", "/v1/overview", "/v1/funnel?by=owner", "/v1/funnel.csv?by=owner"),
    *("/v1/funnel?by=owner&order=leads", "/v1/funnel?by=owner&limit=2", "/v1/escalations", "/v1/escalations.csv"),
    *("/v1/recycles", "/v1/recycles.csv", "/v1/leads/lead-0", "/v1/leads/lead-0/explanation", "/v1/changes"),
    *("/v1/leads/lead-100/explanation", "/v1/tracks", "/v1/cohorts"),
)


class NamingPolicy(PolicyInUse):
    """A policy that names owners."""

    def __init__(self) -> None:
        super().__init__(None, wall=lambda: (T0 + 10 * DAY) / 1000)
        self._policy = parse_policy(POLICY, "policy")


@pytest.fixture
def named_log(redis_url: str, app_id: str) -> LogOf:
    """Leads with an owner in every field and text that can have one; the first owner has more than a page of them."""
    log = LogOf({}, {})
    owners = [BUSY] * 110 + OWNERS[1:]
    for number, owner in enumerate(owners):
        lead = f"lead-{number}"
        for record in _life(lead, owner, OWNERS[(number + 7) % len(OWNERS)]):
            append(log.records, PartitionId(TOPIC_OF[type(record)].name, 0), lead, record)
    project(log, redis_url, app_id)
    return log


def _life(lead: str, owner: str, former: str) -> Iterator[AnyRecord]:
    common: dict[str, Any] = {"lead_id": lead, "occurred_at": T0}
    later: dict[str, Any] = {"lead_id": lead, "occurred_at": T0 + DAY}
    note = f"call {owner.upper()}, not {former}"
    yield LeadCreated(event_id=f"{lead}-1", owner_id=former, **common)
    yield LeadContacted(event_id=f"{lead}-2", outcome="connected", owner_id=owner, **common)
    yield LeadUpdated(event_id=f"{lead}-3", owner_id=owner, **common)
    yield LeadStalled(event_id=f"{lead}-4", declared_by="sales", reason="price", note=note, **later)
    yield LeadRecycled(
        event_id=f"{lead}-5",
        action="RECYCLE",
        recycle_id=f"{lead}-r",
        stall_id="s",
        pass_no=1,
        reason="price",
        track="offer",
        **later,
    )
    yield LeadEscalated(
        event_id=f"{lead}-6", action="ESCALATE", escalation_id=f"{lead}-6", stall_id="s", owner_id=INTAKE,
        lead_owner_id=owner, **later,
    )  # fmt: skip
    yield LeadEscalated(
        event_id=f"{lead}-7", action="ESCALATE", escalation_id=f"{lead}-7", stall_id="s", owner_id=owner, **later
    )
    yield DeliveryResult(
        lead_id=lead, recycle_id=f"{lead}-r", action="RECYCLE", endpoint="nurture", outcome="dead",
        occurred_at=T0 + DAY, detail=f"unknown user {owner}",
    )  # fmt: skip
    yield LeadSnapshot(
        lead_id=lead, occurred_at=T0 + DAY, stage="stalled", pass_no=2, created_at=T0, owner_id=owner, stall_id="s",
        stall_reason="price", stalled_at=T0 + DAY, reached=3, due_at=T0 + 10 * DAY + 1, due_reason="no_follow_up",
        decision="ESCALATE", until=T0 + 12 * DAY, recycles=1,
        passes=(PastPass(pass_no=1, created_at=T0, owner_id=former, reached=3),),
    )  # fmt: skip


@pytest.fixture
def reader(redis_url: str, app_id: str, keys: KeyRing) -> Iterator[Browser]:
    browser = Browser(redis_url, app_id, keys, NamingPolicy(), owners="hidden", secret=SECRET)
    browser.sign_in()
    yield browser
    browser.close()


def _has_name(text: str) -> bool:
    return MARK in unquote_plus(text).lower() or any(
        MARK.encode() in urlsafe_b64decode(one[: len(one) // 4 * 4]).lower() for one in re.findall(r"[\w-]{16,}", text)
    )


def _links(html: str) -> list[str]:
    found = [one.get("href", "") for tag, one in tags(html) if tag == "a"]
    return [one for one in found if one.startswith("/") and not one.startswith(("/static/", "/sign-out"))]


@pytest.mark.usefixtures("named_log")
def test_nothing_that_a_reader_can_open_has_the_name_of_an_owner(reader: Browser) -> None:
    busy = urlencode({"owner": OwnerPseudonyms(SECRET).of(BUSY)})
    start = [*START, f"/leads?{busy}", f"/leads?{busy}&cols=owner", f"/promises?{busy}", f"/v1/leads.csv?{busy}"]
    waiting, seen, alike = start.copy(), set[str](), Counter[str]()
    while waiting:
        path = waiting.pop(0)
        shape = re.sub(r"=[^&]*", "", path)
        if path in seen or (path not in start and alike[shape] >= MOST_ALIKE):
            continue
        seen.add(path)
        alike[shape] += 1
        answer = reader.get(path)
        assert answer.status_code == 200, (path, words(answer.text))
        assert not _has_name(answer.text), path
        assert not _has_name(str(answer.headers)), path
        waiting += _links(answer.text)
        if following := re.search(r'"next":"([^"]+)"', answer.text):
            waiting.append(f"{path.split('&cursor')[0]}{'&' if '?' in path else '?'}cursor={following[1]}")
    assert {urlsplit(path).path for path in seen} >= {path for path, _ in VIEWS} | {"/lead", "/v1/leads.csv"}
    assert any("cursor=" in path and "owner=" in path for path in seen)
    assert any(path.startswith("/promises?owner=") and "cursor=" in path for path in seen)
    assert any("/v1/funnel?by=owner&limit=2&cursor=" in path for path in seen)


@pytest.mark.usefixtures("named_log")
def test_who_has_a_key_reads_names_in_the_api(reader: Browser) -> None:
    key = {"Authorization": f"Bearer {READER}"}
    assert reader.get("/v1/leads/lead-0", key).json()["owner_id"] == BUSY
    assert SHAPE.fullmatch(reader.get("/v1/leads/lead-0").json()["owner_id"])


@pytest.mark.usefixtures("named_log")
def test_live_updates_have_no_names(reader: Browser) -> None:
    sent = reader.stream("/live", until=b"event: figures")
    assert '"revision"' in sent
    assert not _has_name(sent)


@pytest.mark.usefixtures("named_log")
def test_a_link_by_owner_opens_their_leads_in_every_process_that_shares_the_secret(
    redis_url: str, app_id: str, keys: KeyRing, reader: Browser
) -> None:
    pseudonym = OwnerPseudonyms(SECRET).of(BUSY)
    fresh = Browser(redis_url, app_id, keys, NamingPolicy(), owners="hidden", secret=SECRET)
    fresh.sign_in()
    for browser in (fresh, reader):
        page = browser.get(f"/leads?{urlencode({'owner': pseudonym})}").text
        assert "110 leads fit these filters." in words(page)
        assert pseudonym in words(page)
    fresh.close()
    other = Browser(redis_url, app_id, keys, owners="hidden")
    other.sign_in()
    assert "No lead fits these filters." in words(other.get(f"/leads?{urlencode({'owner': pseudonym})}").text)
    other.close()


@pytest.mark.usefixtures("named_log")
@pytest.mark.parametrize("path", ["/promises", "/funnel?by=owner", "/"])
def test_every_number_by_owner_is_that_of_the_page_behind_it(reader: Browser, path: str) -> None:
    found = [(number, link) for number, link in numbers_with_links(reader.get(path).text) if "owner=" in link]
    assert found
    for number, link in found:
        address = (
            link.replace("/leads?", "/v1/leads?").replace("/promises?", "/v1/escalations?").replace("%28none%29", "")
        )
        seen, following = 0, f"{address}&limit=500"
        while following:
            answer = reader.get(following).json()
            seen += len(answer.get("leads", answer.get("escalations")))
            following = f"{address}&limit=500&cursor={answer['next']}" if answer["next"] else ""
        assert seen == number, link


@pytest.mark.usefixtures("named_log")
@pytest.mark.parametrize("path", ["/leads", "/promises", "/v1/leads", "/v1/escalations"])
def test_a_name_is_refused_whether_there_is_such_an_owner_or_not(reader: Browser, path: str) -> None:
    for name in (BUSY, "nobody"):
        answer = reader.get(f"{path}?{urlencode({'owner': name})}")
        assert answer.status_code == 422
        assert "names are hidden here" in answer.text
        assert name not in answer.text
    assert reader.get(f"{path}?{urlencode({'cursor': 'bGVhZHMAeA'})}").status_code == 422


@pytest.mark.usefixtures("named_log")
def test_sentences_and_the_agreement_have_pseudonyms(reader: Browser) -> None:
    names = OwnerPseudonyms(SECRET)
    busy, intake = names.of(BUSY), names.of(INTAKE)
    story = words(reader.get("/lead?id=lead-0").text)
    assert f"It belongs to {busy}, who is away; escalations and warnings about it go to {intake}." in story
    assert f'The rule "leads of {busy}" of policy test applies, because its owner is "{busy}"' in story
    assert f"call {busy}, not {names.of(OWNERS[7])}" in story
    agreement = words(reader.get("/agreement").text)
    assert f'goes to "{intake}"' in agreement
    assert f'leads whose owner is "{busy}" or "(hidden)" ("leads of {busy}")' in agreement
    failed = words(reader.get("/delivery").text)
    assert re.search(rf"unknown user {SHAPE.pattern}", failed), failed


def test_every_answer_of_the_read_model_was_considered() -> None:
    """A new method has to be overridden, or be named here because it returns no owner (or no page uses it)."""
    nameless = {"changes", "revision", "as_of", "close", "count", "counts", "documents", "passed_dates"}
    methods = {name for name, _ in inspect.getmembers(ReadModel, inspect.isfunction) if not name.startswith("_")}
    assert methods - nameless <= vars(HiddenOwners).keys()


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("Ann", "ann, ANN; Anna joann Ann's", "X, X; Anna joann X's"),
        ("ann@sales.test", "to ann@sales.test.", "to X."),
        ("(Ann)", "by Ann", "by Ann"),
        ("Ann Lee", "Ann Lee and Ann", "X and Ann"),
        ("Zoë", "zoë", "X"),
        ("Anna Groß", "anna groß, Anna Großmann", "X, Anna Großmann"),
        ("***", "***", "***"),
        ("Ann", "", ""),
    ],
)
def test_names_in_texts_are_found_as_words(name: str, text: str, found: str) -> None:
    names = OwnerPseudonyms(SECRET)
    assert names.in_text(text) == text
    assert names.in_text(text) == text
    pseudonym = names.of(name)
    assert names.in_text(text) == found.replace("X", pseudonym)
    assert (names.name_of(pseudonym), names.of("")) == (name, "")


@pytest.mark.parametrize("shape", ["owner-{}", "{}@sales.test"])
def test_100_000_owners_cost_what_their_number_is_not_its_square(shape: str) -> None:
    names, begun = OwnerPseudonyms(SECRET), time.process_time()
    for number in range(100_000):
        names.of(shape.format(number))
    text = f"call {shape.format(99_999)}, not {shape.format(1)}"
    for _ in range(100):
        assert names.in_text(text) == f"call {names.of(shape.format(99_999))}, not {names.of(shape.format(1))}"
    assert time.process_time() - begun < 20  # it takes about one; once for each pair of names it took 90
