"""What doctor says of heartbeats, dead letters and alerts."""

import pytest

from schemas.names import client_id, version_here, version_of
from workers.doctor import alerts, dead_letter_counts, heartbeats


def test_heartbeats_of_all_partitions_are_one_line() -> None:
    finding = heartbeats.evaluate_ages({0: 0.4, 1: 1.2})
    assert (finding.verdict, finding.todo) == ("ok", "")


def test_partitions_without_a_heartbeat_are_named_with_the_age_of_the_last_one() -> None:
    finding = heartbeats.evaluate_ages({0: 0.4, 1: 95.0, 7: 31.0})
    assert (finding.verdict, finding.found) == ("fail", "none for up to 1m 35s of partitions 1, 7")


@pytest.mark.parametrize(
    ("by_reason", "recent", "verdict", "found"),
    [
        ({}, 0, "ok", "none within a day"),
        ({"bad_time": 2, "no_lead_id": 30}, 3, "warn", "32 within a day: 30 no_lead_id, 2 bad_time"),
        ({"bad_time": 200}, 101, "fail", "101 within 15 minutes; 200 within a day: 200 bad_time"),
    ],
)
def test_dead_letters_are_counted_by_reason(by_reason: dict[str, int], recent: int, verdict: str, found: str) -> None:
    finding = dead_letter_counts.evaluate(by_reason, recent)
    assert (finding.verdict, finding.found) == (verdict, found)


def an_alert(name: str, severity: str, state: str = "firing") -> dict[str, object]:
    labels = {"alertname": name, "severity": severity}
    return {"labels": labels, "state": state, "activeAt": "2026-03-16T09:30:00.5Z", "annotations": {"summary": "S."}}


def test_an_alert_that_pages_fails_and_a_ticket_warns() -> None:
    found = alerts.evaluate(
        [
            an_alert("LeadloopLag", "ticket"),
            an_alert("LeadloopDeliveryBudgetBurn", "page"),
            an_alert("LeadloopIngestMissing", "page", "pending"),
            an_alert("Watchdog", "none"),
            an_alert("LeadloopAftermath", "none"),
            an_alert("DiskFull", "page"),
        ]
    )
    assert [(one.about, one.verdict) for one in found] == [
        ("alert LeadloopDeliveryBudgetBurn", "fail"),
        ("alert LeadloopLag", "warn"),
    ]
    assert found[0].found == "S. (page, since 2026-03-16T09:30:00Z)"
    assert found[0].todo == "docs/runbooks.md#leadloopdeliverybudgetburn"


def test_without_alerts_that_fire_all_is_well() -> None:
    assert [one.verdict for one in alerts.evaluate([an_alert("Watchdog", "none")])] == ["ok"]


def test_a_client_id_has_the_version_of_its_process() -> None:
    assert version_of(client_id("deliver")) == version_here()
    assert version_of("aiokafka-0.14.0") == "unknown"
    assert version_of("rdkafka") == "unknown"
