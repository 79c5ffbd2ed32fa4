from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from streams.domain.policy import Action, Policy
from workers.doctor.read_model import evaluate, evaluate_dates, evaluate_read_model, evaluate_reasons, refusal
from workers.report.api_models import AsOf
from workers.report.funnel_models import FunnelPage, FunnelRow
from workers.report.passed_dates import PassedDates

NOW = datetime(2026, 3, 2, tzinfo=UTC)
WELL: dict[str, Any] = {
    "redis_version": "7.2.4",
    "redis_mode": "standalone",
    "role": "master",
    "maxmemory": 0,
    "used_memory": 1,
    "maxmemory_policy": "noeviction",
}


def test_a_redis_that_is_fit_fails_in_nothing() -> None:
    assert {one.verdict for one in evaluate(WELL)} == {"ok"}


def test_valkey_is_called_by_its_name() -> None:
    assert evaluate(WELL | {"valkey_version": "9.0.1"})[0].found.startswith("Valkey 9.0.1")


@pytest.mark.parametrize(
    ("info", "verdict", "words"),
    [
        ({"redis_version": "6.2.14"}, "fail", "too old"),
        ({"redis_version": ""}, "warn", "version"),
        ({"maxmemory_policy": "allkeys-lfu"}, "fail", "allkeys-lfu"),
        ({"maxmemory_policy": "volatile-lru"}, "warn", "limits of endpoints"),
        ({"redis_mode": "cluster"}, "fail", "Cluster"),
        ({"role": "slave"}, "fail", "replica"),
        ({"loading": 1}, "warn", "loading"),
        ({"maxmemory": 2**20, "used_memory": 2**20}, "warn", "are used"),
    ],
)
def test_what_is_not_fit_in_a_redis_is_named(info: dict[str, Any], verdict: str, words: str) -> None:
    found = [one for one in evaluate(WELL | info) if one.verdict != "ok"]
    assert [one.verdict for one in found] == [verdict]
    assert words in found[0].found
    assert found[0].todo


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        (AuthenticationError("invalid"), "fail"),
        (NoPermissionError("no"), "warn"),
        (ResponseError("unknown command 'INFO'"), "warn"),
        (ResponseError("max number of clients reached"), "fail"),
        (ConnectionRefusedError(), "fail"),
    ],
)
def test_a_redis_that_does_not_say_is_judged_by_why(fault: Exception, verdict: str) -> None:
    finding = refusal(fault, is_there=True)
    assert finding.verdict == verdict
    assert finding.todo


@pytest.mark.parametrize(
    ("at", "is_filling", "verdict"),
    [
        (NOW - timedelta(seconds=3), False, "ok"),
        (NOW - timedelta(minutes=3), False, "warn"),
        (NOW - timedelta(seconds=3), True, "warn"),
        (None, False, "warn"),
    ],
)
def test_a_read_model_is_judged_by_its_age(at: datetime | None, is_filling: bool, verdict: str) -> None:
    as_of = AsOf(at=at, behind_records=7, is_filling=is_filling)
    assert evaluate_read_model(as_of, NOW).verdict == verdict


def passes(**stalled: int) -> FunnelPage:
    rows = [FunnelRow(value="", created=9), *(FunnelRow(value=name, stalled=n) for name, n in stalled.items())]
    as_of = AsOf(at=NOW, behind_records=0, is_filling=False)
    return FunnelPage(by="reason", rows=rows, total=FunnelRow(value=""), next=None, as_of=as_of)


def test_reasons_that_the_policy_does_not_name_are_named_with_their_counts_the_most_frequent_first() -> None:
    policy = Policy(reasons={"price": Action("offer")})
    found = evaluate_reasons(policy, passes(price=7, weather=2, budget=1_300))
    assert found.verdict == "warn"
    assert "does not name 'budget' (1,300 passes), 'weather' (2 passes): 'otherwise' applies" in found.found
    assert evaluate_reasons(policy, passes(price=7)).verdict == "ok"


def test_dates_that_have_passed_are_counted_with_the_oldest_lead() -> None:
    at = int(NOW.timestamp() * 1000)
    waiting = {"promises": 1_200, "holds": 30, "escalations": 0}
    well = PassedDates(waiting, {"promises": [], "holds": [], "escalations": []})
    assert evaluate_dates(well, NOW).verdict == "ok"
    late = {"promises": [(at - 400_000, "b")], "holds": [(at - 7_200_000, "a"), (at - 500_000, "c")], "escalations": []}
    found = evaluate_dates(PassedDates(waiting, late), NOW)
    assert found.verdict == "warn"
    assert "1 promises, 2 holds; the oldest 2h ago, lead a" in found.found
    assert "audit --stalls" in found.todo
