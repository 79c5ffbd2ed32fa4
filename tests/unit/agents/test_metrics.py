"""What Prometheus scrapes: every series from the start, labels that are bounded, sums over partitions."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from schemas.codec import Reason
from schemas.events import Heartbeat
from streams.agents.chunk_stats import ChunkStats
from streams.agents.lead_job import whys_of
from streams.agents.metrics import CLOCKS, MAX_ORIGINS, OTHER, Metrics, Origins, live_partitions, register_process_info
from streams.domain.errors import PoisonReason
from streams.domain.policy import Action, Policy
from streams.engine import PartitionStatus, Status
from streams.runtime.settings import Settings
from tests.builders import T0, a_contact, a_created, a_stall, a_win
from tests.builders_domain import a_policy, within

from .agent_harness import AgentHarness

Labels = tuple[tuple[str, str], ...]
POLICY = a_policy(within(never_contacted=30))


def scraped(registry: CollectorRegistry) -> dict[tuple[str, Labels], float]:
    """Every sample of one scrape, through the text that Prometheus reads."""
    families = text_string_to_metric_families(generate_latest(registry).decode())
    samples = [sample for family in families for sample in family.samples]
    found = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}
    assert len(found) == len(samples), "a series that is exported twice"
    return found


def values(registry: CollectorRegistry, name: str, *labels: str) -> dict[Any, float]:
    """The samples of a series, by the values of these labels."""
    return {
        tuple(dict(found)[label] for label in labels): value
        for (sample, found), value in scraped(registry).items()
        if sample == f"leadloop_{name}"
    }


def a_status(number: int = 0, **ends: int) -> PartitionStatus:
    return PartitionStatus(
        number, is_ready=True, remaining=5, positions={"a": 7}, ends=ends, moved_at=0, chunk_at=0, keys=9
    )


# -- from the start --------------------------------------------------------------------------------


def test_every_series_is_exported_as_zero_before_the_first_event() -> None:
    registry = AgentHarness(POLICY).registry
    found = {name: value for (name, _), value in scraped(registry).items() if not name.endswith(("_created", "_info"))}
    assert set(found.values()) == {0.0}
    assert set(found) >= {
        f"leadloop_{name}"
        for name in (
            *("facts_total", "rejected_total", "duplicate_facts_total", "late_facts_total", "rerouted_total"),
            *("stalls_total", "decisions_total", "leads", "funnel_leads", "overdue_leads", "ready"),
            *("first_contact_seconds_count", "detection_delay_seconds_count", "chunk_seconds_count"),
            *("freshness_seconds_count", "recycles_total", "live_partitions", "group_member"),
            *("assignments_total", "refused_commits_total"),
        )
    }


def test_every_value_of_a_bounded_label_is_exported_before_the_first_event() -> None:
    registry = AgentHarness(POLICY).registry
    assert {kind for (kind,) in values(registry, "facts_total", "kind")} == {
        *("created", "updated", "contacted", "closed", "stalled", "recycled", "revoked")
    }
    reasons = {*get_args(Reason), *get_args(PoisonReason)}
    assert {reason for (reason,) in values(registry, "rejected_total", "reason")} == reasons
    assert {reason for (reason,) in values(registry, "stalls_total", "reason")} == set(CLOCKS)
    assert {reason for (reason,) in values(registry, "overdue_leads", "reason")} == set(CLOCKS)
    assert {action for action, _ in values(registry, "decisions_total", "action", "why")} == {
        *("RECYCLE", "HOLDOUT", "SUPPRESS", "HOLD", "RETIRE", "REVOKE")
    }


@pytest.mark.parametrize("reasons", [{}, {"price": Action("offer"), "invalid": None}])
def test_the_reasons_of_the_detector_are_label_values_even_if_the_policy_does_not_name_them(
    reasons: dict[str, Action | None],
) -> None:
    whys = whys_of(Policy(reasons=reasons))
    assert {("RECYCLE", reason) for reason in (*CLOCKS, OTHER)} <= whys
    assert ("RECYCLE", "invalid") not in whys


def test_a_policy_without_a_default_action_has_no_label_value_other() -> None:
    assert {why for action, why in whys_of(Policy(reasons={}, otherwise=None)) if action == "RECYCLE"} == set()


# -- what happened ---------------------------------------------------------------------------------


def test_the_counters_of_a_chunk_are_exported() -> None:
    harness = AgentHarness(POLICY).add(a_created("ada"), a_created("bob"), a_contact("bob", T0 + 10))
    harness.until(T0 + 50).run()
    assert values(harness.registry, "facts_total", "kind")["created",] == 2
    assert values(harness.registry, "stalls_total", "reason")["never_contacted",] == 1
    assert values(harness.registry, "decisions_total", "action", "why")["RECYCLE", "never_contacted"] == 1
    assert values(harness.registry, "first_contact_seconds_sum", "origin") == {("unknown",): 0.0, ("webinar",): 0.01}
    assert values(harness.registry, "detection_delay_seconds_count") == {(): 1}
    leads = values(harness.registry, "leads", "stage", "origin")
    assert {labels: count for labels, count in leads.items() if count} == {
        ("nurture", "webinar"): 1,
        ("working", "webinar"): 1,
    }
    assert values(harness.registry, "funnel_leads", "pass", "origin", "step")["1", "webinar", "stalled"] == 1
    assert values(harness.registry, "overdue_leads", "reason")["never_contacted",] == 1


def test_the_detection_delay_starts_when_the_lead_became_known() -> None:
    day = 86_400_000
    known = AgentHarness(POLICY).add(a_created("ada")).until(T0 + day).run()
    known.add(a_created("bob", T0 + 10)).until(T0 + day + 20).run()
    assert values(known.registry, "stalls_total", "reason")["never_contacted",] == 2
    assert values(known.registry, "detection_delay_seconds_count")[()] == 2
    (seconds,) = values(known.registry, "detection_delay_seconds_sum").values()
    assert seconds == pytest.approx((day - 30) / 1000 + 0.02)


def test_the_durations_of_an_origin_are_exported_as_zero_with_its_first_lead() -> None:
    harness = AgentHarness(POLICY).add(a_created("ada")).until(T0 + 10).run()
    assert values(harness.registry, "leads", "stage", "origin")["new", "webinar"] == 1
    assert values(harness.registry, "first_contact_seconds_count", "origin") == {("unknown",): 0, ("webinar",): 0}


def test_a_contribution_that_no_longer_holds_is_subtracted() -> None:
    harness = AgentHarness(POLICY).add(a_created("ada")).until(T0 + 50).run()
    harness.add(a_win("ada", T0 + 60)).until(T0 + 61).run()
    assert values(harness.registry, "overdue_leads", "reason")["never_contacted",] == 0
    assert {key for key, count in values(harness.registry, "leads", "stage", "origin").items() if count} == {
        ("won", "webinar")
    }


def test_the_leads_of_a_recovered_partition_are_counted() -> None:
    first = AgentHarness(POLICY).add(a_created("ada"), a_created("bob")).until(T0 + 50).run()
    again = AgentHarness(POLICY)
    again.store = first.store
    again.add(a_created("eve", T0 + 60)).run()
    leads = values(again.registry, "leads", "stage", "origin")
    assert (leads["nurture", "webinar"], leads["new", "webinar"]) == (2, 1)


def test_freshness_is_measured_by_heartbeats() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry, ())
    metrics.observe(ChunkStats(freshness=1.25), 0.1)
    metrics.observe(ChunkStats(), 0.1)
    assert values(registry, "freshness_seconds_sum") == {(): 1.25}
    assert values(registry, "freshness_seconds_count") == {(): 1}


def test_the_time_of_the_newest_heartbeat_is_exported_once_it_was_consumed() -> None:
    harness = AgentHarness(POLICY).add(a_created("ada")).run()
    assert values(harness.registry, "heartbeat_timestamp_seconds", "partition") == {("0",): 0}
    harness.add(*(Heartbeat(occurred_at=T0 + n, recorded_at=T0 + n, source="test", says="alive") for n in (0, 2000)))
    harness.run()
    assert values(harness.registry, "heartbeat_timestamp_seconds", "partition") == {("0",): T0 / 1000 + 2}


def test_a_recycled_lead_is_counted_by_its_pass() -> None:
    day = 86_400_000
    harness = AgentHarness(POLICY).add(a_created("ada")).until(T0 + day).run()
    harness.add(a_created("ada", T0 + 400 * day, event_id="again")).until(T0 + 401 * day).run()
    assert values(harness.registry, "recycles_total", "pass") == {("1",): 1, ("2",): 1, ("3",): 0, ("4+",): 0}


def test_lag_recovery_and_size_come_from_the_engine() -> None:
    harness = AgentHarness(POLICY)
    status = Status(is_assigned=True, is_member=True, partitions=(a_status(3, a=10, b=2),))
    harness.driver.now = status
    assert values(harness.registry, "lag_records", "topic", "partition") == {("a", "3"): 3, ("b", "3"): 2}
    assert values(harness.registry, "recovering_records", "partition") == {("3",): 5}
    assert values(harness.registry, "partition_ready", "partition") == {("3",): 1}
    assert values(harness.registry, "state_leads", "partition") == {("3",): 9}


def test_lag_in_seconds_is_the_age_of_the_oldest_unprocessed_record_or_zero() -> None:
    waits = replace(a_status(3), oldest_at=int(time.time() * 1000) - 90_000)
    harness = AgentHarness(POLICY)
    status = Status(is_assigned=True, is_member=True, partitions=(waits, a_status(4)))
    harness.driver.now = status
    found = values(harness.registry, "lag_seconds", "partition")
    assert found["4",] == 0
    assert 90 <= found["3",] < 120


def test_rebalances_refused_commits_and_membership_are_exported() -> None:
    harness = AgentHarness(POLICY)
    status = Status(is_assigned=True, is_member=True, assignments=3, refused_commits=2)
    harness.driver.now = status
    names = ("assignments_total", "refused_commits_total", "group_member")
    assert [values(harness.registry, name)[()] for name in names] == [3, 2, 1]


def test_only_live_operation_expects_heartbeats_of_its_partitions() -> None:
    assert [live_partitions(Settings(clock=clock, partitions=8)) for clock in ("wall", "events")] == [8, 0]


def test_the_policy_version_and_the_free_disk_space_are_exported(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    register_process_info(registry, Settings(data_dir=tmp_path), Policy("2026-1", digest="ab"))
    assert values(registry, "streams_info", "clock", "policy", "digest") == {("wall", "2026-1", "ab"): 1}
    assert values(registry, "store_free_bytes")[()] > 0


def test_changes_of_the_policy_are_exported() -> None:
    harness = AgentHarness(POLICY)
    harness.agent.report_policy("line 2: not a span")
    assert (values(harness.registry, "policy_invalid")[()]) == 1
    harness.agent.report_policy("")
    harness.agent.adopt(Policy("2026-2", digest="ab"))
    assert values(harness.registry, "policy_invalid")[()] == 0
    assert values(harness.registry, "policy_changes_total", "result") == {("adopted",): 1, ("rejected",): 1}
    assert values(harness.registry, "streams_info", "policy", "digest") == {("2026-2", "ab"): 1}


# -- bounded labels --------------------------------------------------------------------------------


def test_origins_beyond_the_first_twenty_are_counted_as_other() -> None:
    harness = AgentHarness(POLICY).add(*(a_created(f"lead-{n}", T0 + n, origin=f"origin-{n}") for n in range(60)))
    harness.add(*(a_contact(f"lead-{n}", T0 + 100, event_id=f"touch-{n}") for n in range(60))).run()
    for name, labels in (("leads", "stage"), ("funnel_leads", "step"), ("first_contact_seconds_count", "origin")):
        found = values(harness.registry, name, "origin", labels)
        assert len({origin for origin, _ in found} - {"unknown", OTHER}) <= MAX_ORIGINS
        assert any(origin == OTHER for origin, _ in found)
    assert sum(values(harness.registry, "leads", "origin", "stage").values()) == 60


def test_an_origin_keeps_its_label_value() -> None:
    origins = Origins(limit=2)
    assert [origins(name) for name in ("a", "b", "c", "a", "")] == ["a", "b", OTHER, "a", OTHER]


def test_a_lead_without_an_origin_is_counted_as_unknown() -> None:
    assert Origins()("") == "unknown"


@pytest.mark.parametrize("origin", ['say "hi"', "back\\slash", "two\nlines", "ünï"])
def test_an_origin_may_be_any_text(origin: str) -> None:
    harness = AgentHarness(POLICY).add(a_created("ada", origin=origin)).run()
    assert ("new", origin) in values(harness.registry, "leads", "stage", "origin")


def test_reasons_that_the_policy_does_not_name_are_counted_as_other() -> None:
    harness = AgentHarness(POLICY)
    harness.add(*(a_created(f"lead-{n}") for n in range(9)))
    harness.add(*(a_stall(f"lead-{n}", T0 + 1, reason=f"reason-{n}") for n in range(9))).run()
    decisions = values(harness.registry, "decisions_total", "action", "why")
    assert decisions["RECYCLE", OTHER] == 9
    assert not any(why.startswith("reason-") for _, why in decisions)


# -- the thread that scrapes -----------------------------------------------------------------------


def test_a_scrape_during_a_chunk_is_consistent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop works on in its own thread; switching often makes them meet."""
    harness = AgentHarness(POLICY)
    faults: list[object] = []
    monkeypatch.setattr(threading, "excepthook", faults.append)
    harness.add(*(a_created(f"lead-{n}", T0 + n, origin=f"origin-{n}") for n in range(600)))
    harness.add(*(a_contact(f"lead-{n}", T0 + 600 + n) for n in range(0, 600, 2))).until(T0 + 5000)
    with _switching_often():
        worker = threading.Thread(target=harness.run, args=([20] * 100,))
        worker.start()
        scrapes = 0
        while worker.is_alive():
            assert sum(values(harness.registry, "leads", "origin", "stage").values()) <= 600
            scrapes += 1
        worker.join()
    assert faults == []
    assert scrapes > 5
    assert sum(values(harness.registry, "leads", "origin", "stage").values()) == 600


@contextmanager
def _switching_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
