"""The page tells what a tool has from what it never got and from what it gets only later."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.events import DeliveryResult, LeadCreated, LeadRecycled, LeadSnapshot
from schemas.topics import TOPIC_OF
from tests.builders import DAY, T0
from tests.component.page.shown_tables import shown_tables
from tests.projected import LogOf, append
from tests.unit.report.api_client import project
from tests.unit.report.browser import Browser, words
from workers.http.auth import KeyRing
from workers.read_model.generation import PartitionId

LATER = int(time.time() * 1000) + 30 * DAY
BEFORE = "taken back before it was sent"


def _handed_back(lead: str, **more: Any) -> Iterator[LeadCreated | LeadRecycled]:
    yield LeadCreated(event_id=f"{lead} created", lead_id=lead, occurred_at=T0)
    recycle = {"recycle_id": f"{lead} r", "stall_id": "s", "pass_no": 1, "reason": "price", "track": "offer"}
    yield LeadRecycled(
        event_id=f"{lead} r", lead_id=lead, occurred_at=T0 + DAY, action="RECYCLE", **{**recycle, **more}
    )


def _stands(lead: str) -> LeadSnapshot:
    return LeadSnapshot(
        lead_id=lead, occurred_at=T0 + DAY, stage="nurture", pass_no=1, created_at=T0, stall_id="s",
        stall_reason="price", stalled_at=T0 + DAY, reached=27, recycle_id=f"{lead} r", decision="RECYCLE", recycles=1,
    )  # fmt: skip


def _answer(lead: str, action: Any, outcome: Any, **more: Any) -> DeliveryResult:
    at = T0 + DAY + (1 if action == "RECYCLE" else DAY)
    return DeliveryResult(
        endpoint="nurture", lead_id=lead, recycle_id=f"{lead} r", action=action, outcome=outcome, occurred_at=at, **more
    )


def _records() -> Iterator[LeadCreated | LeadRecycled | DeliveryResult | LeadSnapshot]:
    """One lead that the tool has, one that was taken back before, one that is due, and one whose track begins later."""
    for lead in ("has", "due"):
        yield from _handed_back(lead)
        yield _stands(lead)
    yield _answer("has", "RECYCLE", "accepted", attempts=1)
    yield from _handed_back("later", not_before=LATER)
    yield _stands("later")
    yield from _handed_back("back")
    yield LeadRecycled(
        event_id="back q",
        lead_id="back",
        occurred_at=T0 + 2 * DAY,
        action="REVOKE",
        recycle_id="back r",
        cause="moved",
        stall_id="s",
        pass_no=1,
    )
    yield _answer("back", "RECYCLE", "no_op", detail=BEFORE)
    yield _answer("back", "REVOKE", "no_op", detail="what it takes back was never sent")
    yield LeadSnapshot(lead_id="back", occurred_at=T0 + 2 * DAY, stage="working", pass_no=1, created_at=T0, recycles=1)


@pytest.fixture
def reader(redis_url: str, app_id: str, keys: KeyRing) -> Iterator[Browser]:
    log = LogOf({}, {})
    for record in _records():
        append(log.records, PartitionId(TOPIC_OF[type(record)].name, 0), record.lead_id, record)
    project(log, redis_url, app_id)
    browser = Browser(redis_url, app_id, keys)
    browser.sign_in()
    yield browser
    browser.close()


@pytest.mark.parametrize(
    ("lead", "said"),
    [
        ("has", "nurture has it: confirmed "),
        ("due", "No tool has confirmed it yet."),
        ("later", "No tool has it yet: it is sent from "),
        ("back", f"A hand-back was not sent to nurture: {BEFORE}."),
    ],
)
def test_a_story_says_whether_the_tool_has_the_lead(reader: Browser, lead: str, said: str) -> None:
    told = words(reader.get(f"/lead?id={lead}").text)
    assert said in told
    assert ("Do the tools have it?" in told) == (lead != "back")
    assert "accepted that it was taken back" not in told


def test_delivery_counts_what_was_never_sent_apart_from_what_the_tool_has(reader: Browser) -> None:
    html = reader.get("/delivery").text
    (handed_back, *_) = [row for row in _rows(html) if row.startswith("nurture handed back")]
    assert handed_back == "nurture handed back 1 – – 1"
    said = words(html)
    assert "Not quite: of the newest 4 recycles, 1 is due without a result. 1 may be sent later." in said
    assert "due: due since " in said
    assert "later: from " in said


def _rows(html: str) -> list[str]:
    return [words(f"<tr{row}".replace("<", " <")).strip() for row in html.split("<tr")]


def test_recycling_says_in_words_where_each_lead_is_and_what_tools_have(reader: Browser) -> None:
    html = reader.get("/recycling").text
    rows = {row.split()[0]: row for row in _rows(html) if " offer " in row}
    assert "with marketing nurture : accepted" in rows["has"]
    assert "with marketing none yet: not before " in rows["later"]
    assert "with marketing none yet" in rows["due"]
    assert rows["back"].endswith(f"taken back: the lead moved again nurture : not sent: {BEFORE}")
    assert "Leads were handed back 4 times." in words(html)
    assert shown_tables(html)["Handed back, by track"]["offer"]["With marketing now"] == 3
