"""Times, ids and amounts over HTTP, as clients and CRMs send them, on a real Kafka."""

from tests.component.ingest.served import Served, a_posted, facts
from tests.component.ingest.test_served import served

__all__ = ["served"]  # a fixture


def test_a_time_in_seconds_or_a_cell_of_ids_is_refused(served: Served) -> None:
    seconds = ({"occurred_at": 1_772_442_000}, {"consent_expires_at": 1_798_761_600}, {"lead_id": "501;777"})
    for fields in seconds:
        answer = served.client.post("/v1/events", json={**a_posted("seconds"), **fields})
        assert (answer.status_code, [error["path"] for error in answer.json()["errors"]]) == (422, [f"/{min(fields)}"])
    assert [fact for fact in facts(served.world) if fact.lead_id in ("seconds", "501;777")] == []


def test_yen_of_a_webhook_are_yen(served: Served) -> None:
    won = {
        "id": 7,
        "person_id": 4711,
        "status": "won",
        "won_time": "2026-03-02 10:00:00",
        "value": 5000,
        "currency": "JPY",
    }
    meta = {"action": "change", "entity": "deal", "id": "yen", "version": "2.0"}
    answer = served.client.post(
        "/v1/webhooks/pipedrive", json={"meta": meta, "data": won, "previous": {"status": "open"}}
    )
    assert answer.status_code == 202
    (fact,) = [fact for fact in facts(served.world) if fact.lead_id == "pipedrive/4711"]
    assert (fact.amount, fact.currency) == (5_000, "JPY")
