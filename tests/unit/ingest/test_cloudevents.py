"""CloudEvents over HTTP: structured, batched and binary."""

import pytest

from tests.unit.ingest.posting import AT, BATCH, ISO, STRUCTURED, Posting, an_event, faults


async def test_a_structured_cloudevent_becomes_a_fact(posting: Posting) -> None:
    answer = await posting.post(an_event(data={"origin": "web"}), content_type=STRUCTURED)
    assert (answer.status_code, answer.json()["event_id"]) == (202, "crm:1")
    (fact,) = posting.facts()
    assert (fact.lead_id, fact.occurred_at, fact.origin) == ("L1", AT, "web")


async def test_a_batch_of_cloudevents_gets_one_result_per_event(posting: Posting) -> None:
    answer = await posting.post([an_event(), an_event(id="2", type="lead-created"), {}], content_type=BATCH)
    assert answer.status_code == 207
    assert [item.get("event_id") for item in answer.json()["items"]] == ["crm:1", "crm:2", None]
    assert [error["path"] for error in answer.json()["items"][2]["errors"]] == [
        "/2/id",
        "/2/source",
        "/2/type",
        "/2/specversion",
    ]


async def test_a_binary_cloudevent_has_its_attributes_in_headers(posting: Posting) -> None:
    headers = {"ce_specversion": "1.0", "ce_id": "a%20b", "ce_source": "crm/eu", "ce_type": "lead-created"}
    answer = await posting.post({"occurred_at": AT}, **headers, ce_subject="L%C3%A9a")
    assert answer.json()["event_id"] == "crm/eu:a b"
    (fact,) = posting.facts()
    assert (fact.lead_id, fact.source, fact.occurred_at) == ("Léa", "crm/eu", AT)


async def test_errors_of_a_binary_cloudevent_name_the_header_or_the_path_in_the_body(posting: Posting) -> None:
    headers = {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "crm", "ce_type": "lead-created"}
    answer = await posting.post({"lead_id": 5}, **headers, ce_time=ISO)
    assert [place for place, _ in faults(answer)] == ["/lead_id"]
    answer = await posting.post({}, **{**headers, "ce_id": ""})
    assert [place for place, _ in faults(answer)] == ["header ce-id"]


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        ({"specversion": "0.3"}, "/specversion"),
        ({"type": "com.example.other"}, "/type"),
        ({"data": None}, "/data"),
        ({"data": [1]}, "/data"),
        ({"data_base64": "e30="}, "/data_base64"),
        ({"data": {"orign": "x"}}, "/data/orign"),
        ({"time": "yesterday"}, "/data/occurred_at"),
        ({"id": 5}, "/id"),
        ({"id": "a\x1b[2J"}, "/id"),
    ],
)
async def test_an_invalid_cloudevent_is_rejected_with_the_path_of_the_error(
    posting: Posting, attributes: dict[str, object], path: str
) -> None:
    answer = await posting.post(an_event(**attributes), content_type=STRUCTURED)
    assert (answer.status_code, faults(answer)[0][0]) == (422, path)


async def test_a_long_cloudevents_id_is_replaced_by_a_digest_that_stays_the_same(posting: Posting) -> None:
    for _ in range(2):
        assert (await posting.post(an_event(id="i" * 400), content_type=STRUCTURED)).status_code == 202
    one, same = posting.facts()
    assert one.event_id == same.event_id
    assert len(one.event_id) == 32
