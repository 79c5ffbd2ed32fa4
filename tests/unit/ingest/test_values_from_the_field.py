"""Times, ids and words as clients really send them: the same is refused here as in an import.

After HubSpot/hubspot-api-php#207 and n8n-io/n8n#14659 (seconds), opengovsg/postmangovsg#88 (invisible characters),
segmentio/analytics-react-native#977 and PostHog/posthog#98250 (a clock ahead),
alexmorrisnz/moodle-paygw_stripe#2 (yen).
"""

import json
from pathlib import Path
from unicodedata import normalize

import pytest

from schemas.instants import iso
from tests.builders import T0
from tests.builders_imports import CREATED
from tests.builders_imports import fact_of as imported
from tests.unit.ingest.posting import Posting, a_fact, faults
from tests.unit.ingest.webhooks import KEYS

SECONDS = T0 // 1000


@pytest.mark.parametrize(
    ("kind", "fields", "path", "fix"),
    [
        ("lead-created", {"occurred_at": SECONDS}, "/occurred_at", "is it in seconds?"),
        ("lead-created", {"occurred_at": T0 * 1000}, "/occurred_at", "is it in microseconds?"),
        ("lead-created", {"occurred_at": 20251009}, "/occurred_at", "is it in compact digits"),
        ("lead-created", {"occurred_at": 45939}, "/occurred_at", "is it in days of a spreadsheet"),
        ("lead-created", {"occurred_at": "1970-01-21T12:00:00Z"}, "/occurred_at", "is it in seconds?"),
        ("lead-created", {"consent_expires_at": SECONDS}, "/consent_expires_at", "is it in seconds?"),
        ("lead-updated", {"consent_expires_at": SECONDS}, "/consent_expires_at", "is it in seconds?"),
        ("lead-contacted", {"next_step_at": SECONDS}, "/next_step_at", "is it in seconds?"),
        ("lead-contacted", {"next_step_at": T0 * 1000}, "/next_step_at", "is it in microseconds?"),
        ("lead-stalled", {"resume_at": SECONDS}, "/resume_at", "is it in seconds?"),
        ("lead-created", {"recorded_at": SECONDS}, "/recorded_at", "is it in seconds?"),
    ],
)
async def test_a_time_in_another_unit_is_refused_with_that_unit(
    posting: Posting, kind: str, fields: dict[str, object], path: str, fix: str
) -> None:
    answer = await posting.post({**a_fact(**fields), "kind": kind})
    assert answer.status_code == 422
    (error,) = faults(answer)
    assert error[0] == path
    assert error[1].startswith(fix)
    assert posting.facts() == []


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("lead-contacted", "next_step_at", "9999-12-30T00:00:00Z"),
        ("lead-contacted", "next_step_at", "2099-12-31T00:00:00Z"),
        ("lead-contacted", "next_step_at", "0001-01-01T00:00:00Z"),
        ("lead-contacted", "next_step_at", 253_402_214_400_000),
        ("lead-stalled", "resume_at", "2099-12-31T00:00:00Z"),
        ("lead-created", "consent_expires_at", "9999-12-31T00:00:00Z"),
        ("lead-created", "consent_expires_at", "0001-01-01T00:00:00Z"),
        ("lead-contacted", "next_step_at", "0000-00-00 00:00:00"),
        ("lead-stalled", "resume_at", "0000-00-00T00:00:00Z"),
    ],
)
async def test_a_placeholder_in_an_optional_field_is_not_given(
    posting: Posting, kind: str, name: str, value: object
) -> None:
    answer = await posting.post({**a_fact(**{name: value}), "kind": kind})
    assert answer.status_code == 202
    (fact,) = posting.facts()
    assert getattr(fact, name) is None


async def test_whole_floats_are_integers(posting: Posting) -> None:
    body = f'{{"kind":"lead-created","lead_id":"L1","occurred_at":{T0}.0,"expected_amount":1250.0}}'
    assert (await posting.send(body.encode())).status_code == 202
    (fact,) = posting.facts()
    assert (fact.occurred_at, fact.expected_amount) == (T0, 1_250)


@pytest.mark.parametrize(
    "lead_id",
    ["4711", "4711\u200b", "\ufeff4711", "4711\u00ad", "\u200f4711", " 4711 ", '="4711"', "'4711"],
)
async def test_an_id_is_the_same_over_the_api_and_in_a_file(posting: Posting, lead_id: str) -> None:
    assert (await posting.post(a_fact(lead_id))).status_code == 202
    (fact,) = posting.facts()
    assert fact.lead_id == imported({"id": lead_id}, CREATED).lead_id == "4711"


NO_IDS = ["undefined", "null", "0", "crm/undefined", "[object Object]", "{{contact.id}}", "NaN", "ada@x.de, bob@x.de"]


@pytest.mark.parametrize(
    "lead_id", ["47\u200b11", "1.23457E+12", "4.892E+092", "501;777", "501, 777", "a\u202eb", *NO_IDS]
)
@pytest.mark.parametrize("name", ["lead_id", "event_id"])
async def test_what_is_not_one_id_is_refused(posting: Posting, lead_id: str, name: str) -> None:
    answer = await posting.post({**a_fact(), name: lead_id})
    assert (answer.status_code, [path for path, _ in faults(answer)]) == (422, [f"/{name}"])


async def test_words_are_composed(posting: Posting) -> None:
    words = {"lead_id": "Müller", "origin": "Größe"}
    await posting.post([{**a_fact(), **{name: normalize(form, word) for name, word in words.items()}}
                        for form in ("NFC", "NFD")])  # fmt: skip
    one, other = posting.facts()
    assert one == other
    assert (one.lead_id, one.origin) == ("Müller", "Größe")


TABLES = """
systems:
  crm:
    dialect: pipedrive
    tables:
      leads:
        files: create.lead
        facts:
          - kind: lead-created
            lead_id: {column: data.ids, split: ";"}
            occurred_at: {column: [data.at, data.received], empty: received, formats: [iso, epoch_ms]}
      deals:
        files: create.deal
        facts:
          - kind: deal-closed
            lead_id: data.id
            occurred_at: {constant: received}
            outcome: {constant: won}
            amount: data.value
            currency: data.currency
"""


@pytest.fixture
def hook(tmp_path: Path) -> Posting:
    return Posting(tmp_path, keys=KEYS, systems=TABLES)


@pytest.mark.parametrize("value", [*NO_IDS, False, True])
async def test_an_item_whose_id_stands_for_none_is_a_dead_letter(hook: Posting, value: object) -> None:
    await _send(hook, "deal", id=value)
    assert hook.facts() == []
    (letter,) = hook.dead()
    assert letter["dl_reason"] == "unfit"
    assert "data.id=" in letter["dl_error"]


async def test_a_union_as_avro_writes_it_is_read_only_of_salesforce(hook: Posting) -> None:
    """Elsewhere an object with the key `string` may be an honest value."""
    await _send(hook, "deal", id={"string": "L1"})
    assert hook.facts() == []
    assert "`data.id.string`" in hook.dead()[0]["dl_error"]


async def _send(hook: Posting, entity: str = "lead", **data: object) -> dict[str, int]:
    item = {"meta": {"action": "create", "entity": entity, "id": f"m-{json.dumps(data)}"}, "data": data}
    answer = await hook.post(item, "/v1/webhooks/crm", authorization="Bearer crm")
    assert answer.status_code == 202
    return dict(answer.json())


@pytest.mark.parametrize(
    ("ahead_ms", "expected"), [(14 * 86_400_000, T0 - 5), (11 * 60_000, T0 - 5), (9 * 60_000, T0 + 9 * 60_000)]
)
async def test_a_clock_ahead_gives_way_to_a_second_column(hook: Posting, ahead_ms: int, expected: int) -> None:
    await _send(hook, ids="L1", at=iso(T0 + ahead_ms), received=iso(T0 - 5))
    (fact,) = hook.facts()
    assert fact.occurred_at == expected


async def test_without_a_usable_time_the_time_of_receipt_applies(hook: Posting) -> None:
    await _send(hook, ids="L1", at=iso(T0 + 86_400_000))
    (fact,) = hook.facts()
    assert fact.occurred_at == T0


async def test_an_item_with_a_time_in_seconds_is_a_dead_letter_with_advice(hook: Posting) -> None:
    assert (await _send(hook, ids="L1", at=SECONDS))["dead_letters"] == 1
    (letter,) = hook.dead()
    assert letter["dl_reason"] == "unfit"
    assert "is it in seconds" in letter["dl_error"]


async def test_an_item_about_several_leads_becomes_a_fact_for_each(hook: Posting) -> None:
    for _ in range(2):
        assert (await _send(hook, ids="501;777", at=T0 - 5))["accepted"] == 2
    assert [fact.lead_id for fact in hook.facts()] == ["501", "777"] * 2
    assert len({fact.event_id for fact in hook.facts()}) == 2


@pytest.mark.parametrize(("currency", "minor"), [("JPY", 5_000), ("EUR", 500_000), ("KWD", 5_000_000)])
async def test_an_amount_of_an_item_has_the_digits_of_its_currency(hook: Posting, currency: str, minor: int) -> None:
    await _send(hook, "deal", id=4711.0, value=5_000, currency=currency)
    (fact,) = hook.facts()
    assert (fact.lead_id, fact.amount, fact.occurred_at) == ("4711", minor, T0)


@pytest.mark.parametrize("number", [1.5e23, 9007199254740994.0])
async def test_an_id_that_lost_digits_as_a_json_number_is_a_dead_letter(hook: Posting, number: float) -> None:
    assert (await _send(hook, "deal", id=number))["dead_letters"] == 1
