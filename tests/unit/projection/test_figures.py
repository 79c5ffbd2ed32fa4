"""Counts of money, durations and cohorts: what was added up step by step equals a recount of all documents."""

import random
from collections import Counter
from itertools import chain
from typing import Any

import pytest

from schemas.events import DealClosed, LeadSnapshot
from streams.domain.lead import CREATED, TOUCHED, WON
from tests.builders import DAY, T0
from tests.projected import CODEC, LogOf, Records, a_log, append, content, project
from workers.projection.fold import contribution_of
from workers.read_model.generation import PartitionId
from workers.read_model.index import RANKED_BY, counts_of
from workers.read_model.lead_document import decode
from workers.read_model.listed_facts import MOST_MINOR
from workers.read_model.pass_figures import amounts_of, marks_of

SNAPSHOTS = PartitionId("lead-snapshots", 0)


@pytest.mark.parametrize("seed", range(6))
def test_counts_equal_a_recount_of_all_documents_after_changes_and_deletions(
    redis: Any, app_id: str, seed: int
) -> None:
    dice, log = random.Random(seed), a_log(random.Random(seed), leads=25)
    _delete_some(log, dice)
    project(log.records, redis, app_id, dice)
    found = content(redis, app_id)
    recounted, leads = Counter[tuple[str, str]](), Counter[tuple[str, bytes]]()
    for name, value in found.items():
        if not name.startswith("lead:"):
            continue
        adds = contribution_of(decode(value), CODEC.decode)
        marks = (mark for one in adds.figures for marks in marks_of(one) for mark in marks)
        counts = [(one, 1) for one in chain(*map(counts_of, adds.passes), marks, adds.escalations)]
        for count, amount in chain(counts, adds.tracks, *map(amounts_of, adds.figures)):
            recounted[f"count:{count.by}:{count.value}", count.field] += amount
            if count.field == "1/created" and count.by in RANKED_BY:
                leads[f"list:top:{count.by}", count.value.encode()] += amount
    stored = {
        (name, field.decode()): count
        for name, row in found.items()
        if name.startswith("count:")
        for field, count in row.items()
    }
    assert stored == {key: amount for key, amount in recounted.items() if amount}
    ranked = {(n, member): score for n, row in found.items() if n.startswith("list:top:") for member, score in row}
    assert ranked == leads


def _delete_some(log: LogOf, dice: random.Random) -> None:
    for lead_id in dice.sample(sorted(log.leads), 5):
        place = next(one for one, kept in log.records.items() if one.topic == SNAPSHOTS.topic and _has(kept, lead_id))
        append(log.records, place, lead_id, None)
        if dice.random() < 0.5:
            append(log.records, place, lead_id, log.leads[lead_id])


def _has(kept: Any, lead_id: str) -> bool:
    return any(one.key == lead_id.encode() for one in kept)


def test_money_equals_that_of_the_closed_deals_in_each_dimension(redis: Any, app_id: str) -> None:
    log = a_log(random.Random(8), leads=80)
    project(log.records, redis, app_id, random.Random(8))
    paid, unpriced = Counter[str](), 0
    for records in log.records.values():
        closed = {one.value: one for one in records if records and one.place.topic == "deal-closed"}
        for one in closed:
            deal = CODEC.decode(one or b"", DealClosed)
            if deal.outcome == "won" and deal.amount is not None:
                paid[deal.currency] += deal.amount
            unpriced += deal.outcome == "won" and deal.amount is None
    assert len(paid) == 3
    found = content(redis, app_id)
    for by in ("origin", "campaign", "owner", "segment", "pass", "month"):
        sums = Counter[str]()
        for name, row in found.items():
            if name.startswith(f"count:{by}:"):
                for field, amount in row.items():
                    sums[field.decode().partition("/")[2]] += amount
        assert {name.partition(":")[2]: n for name, n in sums.items() if name.startswith("won:")} == paid, by
        assert sums["unpriced"] == unpriced, by


def _snapshot(**values: Any) -> LeadSnapshot:
    return LeadSnapshot(lead_id="L", occurred_at=T0, pass_no=1, created_at=T0, **values)


def _row(redis: Any, app_id: str, lead: LeadSnapshot, by: str, value: str = "") -> dict[str, int]:
    records = Records()
    append(records, SNAPSHOTS, "L", lead)
    project(records, redis, app_id, random.Random(1))
    row = content(redis, app_id)[f"count:{by}:{value}"]
    return {field.decode(): count for field, count in row.items()}


def test_an_open_deal_is_expected_and_a_won_one_is_not(redis: Any, app_id: str) -> None:
    open_deal = _snapshot(stage="new", reached=CREATED, expected_amount=7, expected_currency="EUR", origin="a")
    assert _row(redis, app_id, open_deal, "origin", "a")["1/expected:EUR"] == 7
    won = _snapshot(stage="won", reached=CREATED | WON, expected_amount=7, expected_currency="EUR", amount=5)
    row = _row(redis, f"{app_id}b", won, "origin")
    assert row["1/won:"] == 5
    assert "1/expected:EUR" not in row


@pytest.mark.parametrize("amount", [-1, MOST_MINOR, 2**63 - 1])
def test_an_amount_that_nobody_can_mean_is_not_known(redis: Any, app_id: str, amount: int) -> None:
    lead = _snapshot(stage="won", reached=CREATED | WON, amount=amount, currency="EUR")
    row = _row(redis, app_id, lead, "origin")
    assert row["1/unpriced"] == 1
    assert not [name for name in row if name.startswith("1/won:")]


def test_what_is_no_currency_makes_no_row_of_its_own(redis: Any, app_id: str) -> None:
    lead = _snapshot(stage="won", reached=CREATED | WON, amount=4, currency="<b>")
    assert _row(redis, app_id, lead, "origin")["1/won:"] == 4


def test_won_deals_are_counted_by_hour(redis: Any, app_id: str) -> None:
    lead = _snapshot(stage="won", reached=CREATED | TOUCHED | WON, first_touch_at=T0, closed_at=T0 + DAY, amount=9)
    records = Records()
    append(records, SNAPSHOTS, "L", lead)
    project(records, redis, app_id, random.Random(1))
    hours = sorted((name, row) for name, row in content(redis, app_id).items() if name.startswith("count:hour:"))
    assert [row for _, row in hours] == [{b"won": 1, b"won:": 9}]
