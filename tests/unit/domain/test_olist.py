"""Known figures of a real history: leads and won deals of Olist, a marketplace."""

import csv
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.domain.facts import Closed, Created, Fact
from streams.domain.lead import stage
from streams.domain.lead_fold import LeadFold
from streams.domain.lead_history import LeadHistory
from streams.domain.policy import Policy, PolicyLimits, Promises, days

PLACE = Path(os.environ.get("LEADLOOP_OLIST", Path(__file__).parents[4] / "shared" / "data" / "olist"))
LEADS = PLACE / "olist_marketing_qualified_leads_dataset.csv"
DEALS = PLACE / "olist_closed_deals_dataset.csv"


@pytest.fixture(scope="module")
def history() -> dict[str, list[Fact]]:
    if not LEADS.exists():
        reason = f"no data in {PLACE}: set LEADLOOP_OLIST to the folder of the Olist files"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    facts: dict[str, list[Fact]] = {}
    for lead_id, fact in facts_of_the_files():
        facts.setdefault(lead_id, []).append(fact)
    return facts


def facts_of_the_files() -> Iterator[tuple[str, Fact]]:
    for row in rows(LEADS):
        created_at = epoch_ms(row["first_contact_date"])
        yield row["mql_id"], Created(created_at, f"created {row['mql_id']}", row["origin"])
    for row in rows(DEALS):
        yield row["mql_id"], Closed(epoch_ms(row["won_date"]), f"won {row['mql_id']}", is_won=True)


def rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def epoch_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def one_clock(never_contacted_days: int, holdout_percent: int = 0) -> Policy:
    limits = PolicyLimits(holdout_percent=holdout_percent)
    promises = Promises(never_contacted=days(never_contacted_days))
    return Policy(promises=promises, limits=limits).for_history()


def run(history: dict[str, list[Fact]], policy: Policy, kept: int = 64) -> Counter[str]:
    """Emissions by kind, and the final stages of the leads."""
    until = max(fact.at for facts in history.values() for fact in facts) + 1
    counts: Counter[str] = Counter()
    for lead_id, facts in history.items():
        ledger = LeadFold(lead_id, LeadHistory(kept))
        for fact in sorted(facts, key=lambda fact: fact.order):
            ledger.tick(policy, fact.at)
            ledger.add(fact, policy, fact.at)
        ledger.tick(policy, until)
        counts.update(type(emission.what).__name__ for emission in ledger.emissions)
        counts[stage(ledger.lead)] += 1
    return counts


def test_a_deadline_of_thirty_days_recycles_a_third_of_the_later_won_leads(
    history: dict[str, list[Fact]],
) -> None:
    counts = run(history, one_clock(30))
    assert counts == {"Stalled": 7_453, "Recycle": 7_453, "Revoke": 295, "nurture": 7_158, "won": 842}


def test_a_deadline_of_ninety_days_recycles_fewer_of_them(history: dict[str, list[Fact]]) -> None:
    counts = run(history, one_clock(90))
    assert counts == {"Stalled": 7_309, "Recycle": 7_309, "Revoke": 151, "nurture": 7_158, "won": 842}


def test_a_holdout_of_a_tenth_is_kept_out(history: dict[str, list[Fact]]) -> None:
    counts = run(history, one_clock(90, holdout_percent=10))
    assert counts["Recycle"] + counts["Holdout"] == counts["Stalled"] == 7_309
    assert 650 < counts["Holdout"] < 810
    assert counts["won"] == 842


def test_the_shortest_history_gives_the_same_emissions(history: dict[str, list[Fact]]) -> None:
    assert run(history, one_clock(30), kept=1) == run(history, one_clock(30))
