"""Salesforce's change events, authenticated by a key; limits of one request."""

import json
from pathlib import Path

import pytest

from tests.unit.ingest.posting import Posting
from tests.unit.ingest.webhooks import (
    MAPPINGS,
    a_salesforce_event,
    from_salesforce,
)
from workers.http.keys import digest_of


async def test_a_salesforce_change_of_several_records_becomes_one_fact_per_record(webhooks: Posting) -> None:
    event = a_salesforce_event(Status="Contacted", header={"recordIds": ["00Q5e000009AbCdEAK", "00Q5e000009AbCeEAK"]})
    for wrapped in (event, {"payload": event}, [{"data": {"payload": event}}]):
        assert (await from_salesforce(webhooks, wrapped)).json()["accepted"] == 2
    ids = [fact.event_id for fact in webhooks.facts()]
    assert [fact.lead_id for fact in webhooks.facts()[:2]] == [
        "salesforce/00Q5e000009AbCdEAK",
        "salesforce/00Q5e000009AbCeEAK",
    ]
    assert len(set(ids)) == 2


async def test_salesforce_gaps_are_dead_letters_and_changes_by_leadloop_are_ignored(webhooks: Posting) -> None:
    own = {"changeOrigin": "com/salesforce/api/rest/57.0;client=leadloop"}
    events = [
        a_salesforce_event("GAP_UPDATE"),
        a_salesforce_event(header={"recordIds": ["001*"]}),
        a_salesforce_event("GAP_OVERFLOW", header={"recordIds": []}),
        a_salesforce_event(Status="Contacted", header=own),
        a_salesforce_event(Status="Contacted", header={"recordIds": None}),
        {"no": "header"},
    ]
    answer = await from_salesforce(webhooks, events)
    assert answer.json() == {"accepted": 0, "ignored": 1, "dead_letters": 5}
    assert [letter["dl_reason"] for letter in webhooks.dead()] == ["gap", "gap", "gap", "not_an_item", "not_an_item"]


@pytest.mark.parametrize(
    "event",
    [
        [0] * 3_000,
        [a_salesforce_event(header={"recordIds": ["*"] * 1_500}, note="x" * 20_000)],
        [
            a_salesforce_event(
                Status="Contacted", header={"recordIds": ["00Q5e000009AbCdEAK"] * 1_500}, note="x" * 20_000
            )
        ],
    ],
    ids=["many items", "huge dead letters", "a long event about many records"],
)
async def test_a_body_beyond_the_limits_becomes_one_dead_letter(webhooks: Posting, event: object) -> None:
    answer = await from_salesforce(webhooks, event)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 0, "ignored": 0, "dead_letters": 1})
    assert [letter["dl_reason"] for letter in webhooks.dead()] == ["too_many"]
    assert json.loads(webhooks.sender.sent[0].value or b"") == event


async def test_numbers_beyond_64_bits_are_accepted(webhooks: Posting) -> None:
    event = a_salesforce_event(Status="Contacted", Score=10**40, header={"sequenceNumber": 10**30})
    assert (await from_salesforce(webhooks, event)).status_code == 202
    assert (await from_salesforce(webhooks, {"no": 10**40})).status_code == 202


async def test_a_system_accepts_only_keys_of_its_own_source(webhooks: Posting) -> None:
    assert (await from_salesforce(webhooks, {}, "crm")).status_code == 403
    assert (await from_salesforce(webhooks, {}, "wrong")).status_code == 401


async def test_a_system_authenticated_by_a_key_has_the_rate_limit_of_its_source(tmp_path: Path) -> None:
    keys = f"sources: {{salesforce: {{keys: ['{digest_of('salesforce')}'], per_second: 1, burst: 2}}}}"
    systems = f"systems: {{salesforce: {{dialect: salesforce, mapping: {MAPPINGS}/salesforce.yml}}}}"
    posting = Posting(tmp_path, keys=keys, systems=systems)
    assert (await from_salesforce(posting, [a_salesforce_event("CREATE")] * 3)).status_code == 202
    assert (await from_salesforce(posting, [])).status_code == 429
