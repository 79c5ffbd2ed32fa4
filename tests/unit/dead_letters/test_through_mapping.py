"""Dead letters of webhooks, replayed through the current mapping: the facts of a first delivery, with the same ids."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from schemas.events import LeadCreated
from schemas.topics import TOPICS
from tests.builders import T0
from tests.unit.ingest.lives import post, shipped_posting, shipped_systems
from tests.unit.ingest.posting import CODEC, TRACE, Posting
from tests.unit.ingest.test_life_pipedrive import DEAL, a_deal, an_activity, an_item
from tests.unit.ingest.test_life_salesforce import an_event
from tests.unit.ingest.test_webhooks_other_systems import NEW, ODOO, twenty_signature
from tests.unit.ingest.webhooks import SECRET, STANDARD
from workers import signing
from workers.dead_letters.parsing import DeadLetter
from workers.dead_letters.resend import NotReplayable, replay_of
from workers.dead_letters.through_mapping import MappingReplay, is_of_webhook
from workers.http.keys import digest_of

CREATED = "facts: [{kind: lead-created, lead_id: who, occurred_at: at}]"
FORMS = (
    "systems: {{forms: {{dialect: standard-webhooks, secret: {{env: FORMS}},"
    " tables: {{t: {{files: {files}, {facts}}}}}}}}}"
)


def letters(posting: Posting) -> list[DeadLetter]:
    sent = [one for one in posting.sender.sent if one.topic == "lead-dead-letters"]
    return [DeadLetter.of(0, offset, one.key, one.value, one.headers) for offset, one in enumerate(sent)]


def replay(folder: Path, systems: str, found: Sequence[DeadLetter]) -> list[Any]:
    """What each dead letter becomes by this webhooks file: its facts, or why not."""
    path = folder / "now.yml"
    path.write_text(systems, encoding="utf-8")
    mapping = MappingReplay(path, CODEC, "", lambda: T0 + 86_400_000)
    results: list[Any] = []
    for one in found:
        records = mapping.records_of(one)
        if isinstance(records, NotReplayable):
            results.append(records.why)
        else:
            results.append(
                [CODEC.decode(record.value, TOPICS[record.topic].record or LeadCreated) for record in records]
            )
    return results


@pytest.fixture
def pipedrive(tmp_path: Path) -> Posting:
    """Pipedrive with a mapping that reads nothing of what is posted here."""
    keys = f"sources: {{pipedrive: {{keys: ['{digest_of('pipedrive')}']}}}}"
    tables = "{t: {files: none, facts: [{kind: lead-created, lead_id: a, occurred_at: b}]}}"
    return Posting(tmp_path, keys=keys, systems=f"systems: {{pipedrive: {{dialect: pipedrive, tables: {tables}}}}}")


async def test_unmapped_items_become_the_facts_that_the_right_mapping_would_have_made(
    pipedrive: Posting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = [
        an_item(0, "create", "deal", DEAL),
        an_activity(2, 2),
        an_activity(3, 2, {"note": "a"}),
        a_deal(9, {"status": "open"}, status="won", won_time="2025-10-01 10:00:00"),
        a_deal(9, {"title": "x"}),
    ]
    for item in life:
        await post(pipedrive, "pipedrive", item)
    (tmp_path / "shipped").mkdir()
    shipped = shipped_posting(tmp_path / "shipped", monkeypatch)
    for item in life:
        await post(shipped, "pipedrive", item)
    results = replay(tmp_path, shipped_systems(), letters(pipedrive))
    assert [len(facts) for facts in results] == [1, 1, 1, 1, 0]
    replayed = [fact for facts in results for fact in facts]
    assert [fact.event_id for fact in replayed] == [fact.event_id for fact in shipped.facts()]
    assert [fact.occurred_at for fact in replayed] == [fact.occurred_at for fact in shipped.facts()]


async def test_the_id_of_the_message_the_place_of_the_item_and_the_trace_are_kept_and_no_signature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORMS", STANDARD)
    body = json.dumps([{"who": f"L{n}", "at": "2025-10-01T10:00:00Z"} for n in range(3)]).encode()
    headers = signing.signed_headers("msg_1", T0 // 1000, body, [signing.parse_key(STANDARD)])
    made = {}
    for files in ("other", "event"):
        (tmp_path / files).mkdir()
        made[files] = Posting(tmp_path / files, systems=FORMS.format(files=files, facts=CREATED))
        sent = {**headers, "traceparent": TRACE, "cookie": "c", "authorization": ""}
        await made[files].send(body, "/v1/webhooks/forms?type=", **sent)
    found = letters(made["other"])
    results = replay(tmp_path, FORMS.format(files="event", facts=CREATED), found)
    assert [fact.event_id for (fact,) in results] == [fact.event_id for fact in made["event"].facts()]
    assert {name for one in found for name, _ in one.kept} == {"webhook-id", "traceparent"}


@pytest.mark.parametrize(
    ("system", "path", "value", "headers"),
    [
        ("{dialect: standard-webhooks, source: pipedrive, %s}", "?type=crm.lead", ODOO, {}),
        ("{dialect: salesforce, source: pipedrive, %s}", "", an_event(1, "CREATE", {"LeadSource": "Web"}), {}),
        ("{dialect: twenty, secret: {env: TWENTY}, %s}", "", NEW, twenty_signature(json.dumps(NEW).encode())),
    ],
    ids=["the type is in the URL", "what the dialect adds", "a signed item"],
)
async def test_an_item_of_any_dialect_is_converted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, path: str, value: Any, headers: dict[str, str]
) -> None:
    monkeypatch.setenv("TWENTY", "twenty")
    columns = {"_id": "create_date", "recordId": "ChangeEventHeader.commitTimestamp", "record.id": "eventDate"}
    parts = ", ".join(
        f"{{kind: lead-created, when: {{{lead}: {{empty: false}}}}, lead_id: {lead}, occurred_at: {at}}}"
        for lead, at in columns.items()
    )
    results = []
    keys = f"sources: {{pipedrive: {{keys: ['{digest_of('pipedrive')}']}}}}"
    files = {"wrong": "none", "right": '["*.*"]'}
    systems = {
        name: "systems: {one: "
        + system % f"tables: {{t: {{files: {f}, formats: [iso, epoch_ms], facts: [{parts}]}}}}"
        + "}"
        for name, f in files.items()
    }
    for name in files:
        (tmp_path / name).mkdir()
        posting = Posting(tmp_path / name, keys=keys, systems=systems[name])
        sent = {"authorization": "" if headers else "Bearer pipedrive", **headers}
        await posting.send(json.dumps(value).encode(), f"/v1/webhooks/one{path}", **sent)
        results.append(posting)
    ((replayed,),) = replay(tmp_path, systems["right"], letters(results[0]))
    (first,) = results[1].facts()
    assert (replayed.event_id, replayed.lead_id) == (first.event_id, first.lead_id)


async def test_what_is_still_wrong_stays_a_dead_letter_and_says_why(
    pipedrive: Posting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HUBSPOT_CLIENT_SECRET", "SEGMENT_SHARED_SECRET"):
        monkeypatch.setenv(name, SECRET)
    for item in (an_activity(2, 2, marked_as_done_time=None), an_item(1, "delete", "deal", None, merged_to_id=8)):
        await post(pipedrive, "pipedrive", item)
    await pipedrive.send(b"{", "/v1/webhooks/pipedrive", authorization="Bearer pipedrive")
    await pipedrive.send(b"5", "/v1/webhooks/pipedrive", authorization="Bearer pipedrive")
    found = letters(pipedrive)
    results = replay(tmp_path, shipped_systems(), found)
    assert [why.partition(":")[0] for why in results] == [
        "still unfit",
        "still merge",
        "still not_json",
        "still not_an_item",
    ]
    elsewhere = DeadLetter.of(0, 9, None, b"{}", [("dl_topic", b"webhooks/gone"), ("dl_reason", b"unfit")])
    cut = DeadLetter.of(0, 9, None, b"{}", [("dl_topic", b"webhooks/pipedrive"), ("dl_cut_bytes", b"7")])
    assert [
        "no system" in why or "were cut" in why for why in replay(tmp_path, shipped_systems(), [elsewhere, cut])
    ] == [
        True,
        True,
    ]


def test_without_the_mapping_a_dead_letter_of_a_webhook_says_how_to_replay_it() -> None:
    letter = DeadLetter.of(0, 1, None, b"{}", [("dl_topic", b"webhooks/crm"), ("dl_reason", b"unfit")])
    refused = replay_of(letter, "", T0)
    assert isinstance(refused, NotReplayable)
    assert "--through mapping" in refused.why
    assert is_of_webhook(letter)
    assert not is_of_webhook(DeadLetter.of(0, 1, None, b"", [("dl_topic", b"lead-created")]))
