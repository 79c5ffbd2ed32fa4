"""How many leads would fall due at once under another policy."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from streams.domain.facts import Stalled
from streams.domain.lead_fold import LeadFold
from streams.domain.policy import PlainTime, Policy, PolicyLimits, Promises, days
from tests.builders import DAY, a_contact, a_created, a_loss
from tests.projected import CODEC, a_log
from tests.unit.explaining.lives import HOUR, MONDAY, Life, a_life, a_random_policy, lived
from tests.unit.report.api_client import project
from workers.cli import cli
from workers.policies.impact import DueGroup, Impact, ImpactCount


def count(lives: list[Life], before: Policy, after: Policy) -> Impact:
    counting = ImpactCount(before, after, CODEC)
    for life in lives:
        counting.add(life.document(), life.snapshot, life.now)
    return counting.impact


def falls_due(life: Life, policy: Policy) -> DueGroup | None:
    """What streams would emit first, if it were past the lead's date by now under this policy."""
    ledger = LeadFold(life.ledger.lead_id, type(life.ledger.history).decode(life.ledger.history.encode(), 10_000))
    waiting = ledger.lead.stall
    ledger.tick(policy, life.now)
    stalls = [emission.what for emission in ledger.emissions if isinstance(emission.what, Stalled)]
    if stalls:
        return DueGroup(monday(ledger.emissions[0].now), stalls[0].reason)
    return DueGroup(monday(waiting.at), "held") if ledger.emissions and waiting else None


def monday(at: int) -> date:
    day = datetime.fromtimestamp(at / 1000, UTC).date()
    return day - timedelta(days=day.weekday())


def test_exactly_the_leads_are_counted_that_streams_would_find_due_at_once() -> None:
    groups = Counter[DueGroup]()
    for seed in range(600):
        life, after = a_life(seed), a_random_policy(random.Random(-seed), with_warnings=False)
        found = count([life], life.policy, after)
        expected = falls_due(life, after)
        assert list(found.due) == ([] if expected is None else [expected]), seed
        groups.update(found.due)
    assert {group.reason for group in groups} >= {"held", "never_contacted", "no_follow_up", "no_progress"}


def test_a_lead_that_is_due_under_both_policies_is_not_counted() -> None:
    long, short = (Policy(promises=Promises(days(n))) for n in (2, 1))
    life = lived([a_created("L", MONDAY)], long, MONDAY + 30 * HOUR)
    assert count([life], long, short).due == {DueGroup(date(2026, 3, 2), "never_contacted"): 1}
    late = life._replace(now=MONDAY + 3 * DAY)
    assert count([late], long, short).due == {}


def test_a_stall_that_waits_counts_in_the_week_in_which_it_arose() -> None:
    before, after = (Policy(limits=PolicyLimits(cooldown=days(n))) for n in (60, 10))
    facts = (
        a_created("L", MONDAY),
        a_contact("L", MONDAY + HOUR),
        a_loss("L", MONDAY + DAY),
        a_created("L", MONDAY + 2 * DAY),
        a_loss("L", MONDAY + 3 * DAY, reason="competitor"),
    )
    life = lived(facts, before, MONDAY + 20 * DAY)
    assert life.snapshot.decision == "HOLD"
    assert count([life], before, after).due == {DueGroup(date(2026, 3, 2), "held"): 1}


def test_a_warning_is_no_stall() -> None:
    policy = Policy()
    warned = Policy(promises=Promises(days(2), warn={"never_contacted": PlainTime(47 * HOUR)}))
    life = lived([a_created("L", MONDAY)], policy, MONDAY + 10 * HOUR)
    assert count([life], policy, warned).due == {}


def test_leads_without_all_their_events_are_counted_apart() -> None:
    policy = Policy()
    life = lived([a_created("L", MONDAY), a_contact("L", MONDAY + HOUR)], policy, MONDAY + DAY)
    counting = ImpactCount(policy, policy, CODEC)
    counting.add(life.document(since=MONDAY + 1), life.snapshot, life.now)
    counting.add(life.document(), life.snapshot, life.now)
    assert (counting.impact.leads, counting.impact.partial) == (2, 1)


# -- the command ---------------------------------------------------------------------------------------

BEFORE = """version: a
promises: { never_contacted: 3 days, no_follow_up: 3000 days, no_progress: off, max_attempts: 4 }
"""


def diff(folder: Path, after: str, redis_url: str, app_id: str) -> Result:
    for name, text in (("a.yml", BEFORE), ("b.yml", after)):
        (folder / name).write_text(text, encoding="utf-8")
    arguments = ["policy", "diff", str(folder / "a.yml"), str(folder / "b.yml"), "--read-model"]
    return CliRunner().invoke(cli, arguments, env={"REDIS_URL": redis_url, "LEADLOOP_APP_ID": app_id})


@pytest.fixture
def app_id() -> str:
    return f"i{uuid4().hex[:8]}"


def test_the_command_counts_the_leads_of_the_read_model(tmp_path: Path, redis_url: str, app_id: str) -> None:
    log = a_log(random.Random(3), leads=450)  # more than are read at once
    project(log, redis_url, app_id)
    result = diff(tmp_path, BEFORE.replace("version: a", "version: b").replace("3000", "7"), redis_url, app_id)
    assert result.exit_code == 1, result.output
    working = sum(lead.stage == "working" for lead in log.leads.values())
    assert f"Of 450 leads in the read model, {working} would fall due at once." in result.stdout
    assert result.stdout.count("no_follow_up") > 1  # a row for each week


def test_policies_that_mean_the_same_make_nothing_due(tmp_path: Path, redis_url: str, app_id: str) -> None:
    project(a_log(random.Random(3), leads=5), redis_url, app_id)
    result = diff(tmp_path, BEFORE, redis_url, app_id)
    assert result.exit_code == 0
    assert "Of 5 leads in the read model, 0 would fall due at once." in result.stdout


def test_without_a_read_model_the_command_fails(tmp_path: Path, redis_url: str, app_id: str) -> None:
    result = diff(tmp_path, BEFORE, redis_url, app_id)
    assert (result.exit_code, "there is no read model yet" in result.stderr) == (2, True)
