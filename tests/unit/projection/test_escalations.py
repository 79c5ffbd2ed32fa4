"""Which escalations are open, which were answered in time, and which were missed."""

import random
from typing import Any

from schemas.events import AnyRecord, LeadDecided, LeadEscalated, LeadRecycled, LeadSnapshot
from schemas.topics import TOPIC_OF
from tests.builders import DAY, T0
from tests.projected import Records, append, content, project
from workers.read_model.generation import PartitionId

UNTIL = T0 + DAY


def an_escalation(**fields: Any) -> LeadEscalated:
    given = {"escalation_id": "e1", "stall_id": "s1", "owner_id": "ann", "until": UNTIL, **fields}
    return LeadEscalated(event_id=given["escalation_id"], lead_id="L", action="ESCALATE", occurred_at=T0, **given)


def a_decision(decision: Any, at: int, stall_id: str = "s1") -> LeadDecided:
    return LeadDecided(
        event_id=f"{decision} {at}", lead_id="L", occurred_at=at, stall_id=stall_id, decision=decision, until=UNTIL
    )


def a_snapshot(at: int = T0, stall_id: str = "s1", decision: Any = "ESCALATE") -> LeadSnapshot:
    return LeadSnapshot(lead_id="L", occurred_at=at, stage="stalled", pass_no=1, stall_id=stall_id, decision=decision)


def lists(redis: Any, app_id: str, *records: AnyRecord) -> set[str]:
    """The lists of escalations that the lead is in, whatever the order in which its topics are read."""
    found = []
    for seed in range(5):
        log = Records()
        for record in records:
            append(log, PartitionId(TOPIC_OF[type(record)].name, 0), "L", record)
        project(log, redis, f"{app_id}-{seed}", random.Random(seed))
        held = content(redis, f"{app_id}-{seed}")
        counted = held.get("count:escalated:ann", {})
        assert counted == {
            state: 1 for state in (b"open", b"answered", b"missed") if f"list:escalations:{state.decode()}" in held
        }
        found.append({name.removeprefix("list:") for name in held if "escalations" in name})
    assert all(one == found[0] for one in found)
    return found[0]


def in_state(state: str) -> set[str]:
    return {"escalations", f"escalations:{state}", "owner-escalations:ann", f"owner-escalations-{state}:ann"}


def test_an_escalation_is_open_while_its_stall_waits_for_sales(redis: Any, app_id: str) -> None:
    told = (an_escalation(), a_decision("ESCALATE", T0), a_snapshot())
    assert lists(redis, app_id, *told) == in_state("open")


def test_a_snapshot_older_than_the_escalation_settles_nothing(redis: Any, app_id: str) -> None:
    assert lists(redis, app_id, an_escalation(), a_snapshot(T0 - 1, "", "UNKNOWN")) == in_state("open")


def test_an_escalation_whose_stall_no_longer_stands_was_answered(redis: Any, app_id: str) -> None:
    told = (an_escalation(), a_decision("ESCALATE", T0), a_snapshot(T0 + 5, "", "UNKNOWN"))
    assert lists(redis, app_id, *told) == in_state("answered")


def test_an_escalation_of_a_lead_that_came_to_sales_again_was_not_missed(redis: Any, app_id: str) -> None:
    again = LeadSnapshot(lead_id="L", occurred_at=T0 + 5, stage="new", pass_no=2)
    later = (a_decision("RECYCLE", UNTIL + 5, "s2"), a_snapshot(UNTIL + 5, "s2", "RECYCLE"))
    told = (an_escalation(), a_decision("ESCALATE", T0))
    assert lists(redis, app_id, *told, again) == in_state("answered")
    assert lists(redis, f"{app_id}-later", *told, *later) == in_state("answered")


def test_an_escalation_whose_stall_was_decided_again_was_missed_for_good(redis: Any, app_id: str) -> None:
    told = (an_escalation(), a_decision("ESCALATE", T0), a_decision("RECYCLE", UNTIL))
    assert lists(redis, app_id, *told, a_snapshot(UNTIL, "s1", "RECYCLE")) == in_state("missed")
    assert lists(redis, f"{app_id}-later", *told, a_snapshot(UNTIL + DAY, "", "UNKNOWN")) == in_state("missed")


def test_a_decision_about_another_stall_or_before_the_escalation_does_not_count(redis: Any, app_id: str) -> None:
    told = (an_escalation(), a_decision("SUPPRESS", T0 - 5), a_decision("RETIRE", UNTIL, "s2"), a_snapshot())
    assert lists(redis, app_id, *told) == in_state("open")


def test_a_warning_is_in_no_list(redis: Any, app_id: str) -> None:
    warning = LeadEscalated(event_id="w", escalation_id="w", lead_id="L", action="AT_RISK", occurred_at=T0)
    assert lists(redis, app_id, warning, a_snapshot()) == set()


def test_a_recycle_that_a_new_pass_ended_is_requalified_not_revoked(redis: Any, app_id: str) -> None:
    common: dict[str, Any] = {"lead_id": "L", "recycle_id": "r", "stall_id": "s1"}
    log = Records()
    for record in (
        LeadRecycled(event_id="r", action="RECYCLE", occurred_at=T0, **common),
        LeadRecycled(event_id="v", action="REVOKE", occurred_at=T0 + 5, cause="requalified", **common),
        a_snapshot(T0 + 5, "", "UNKNOWN"),
    ):
        append(log, PartitionId(TOPIC_OF[type(record)].name, 0), "L", record)
    project(log, redis, app_id, random.Random(1))
    assert {name for name in content(redis, app_id) if "recycles" in name} == {
        "list:recycles",
        "list:recycles:requalified",
    }
