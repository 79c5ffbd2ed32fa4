"""How many escalations were answered in time, and by whom: in metrics, where owners have names only if asked for."""

import asyncio
from collections import Counter

import pytest
from prometheus_client import CollectorRegistry

from tests.projected import CODEC, LogOf
from tests.unit.report.api_client import Client, pages
from workers.read_model.redis_clients import connect_async
from workers.report.escalation_counts import OwnerLabels, owner_counts
from workers.report.metrics import ReportMetrics
from workers.report.queries import ReadModel

OWNERS = {
    "ann": {"answered": 3, "missed": 1, "open": 1},
    "bob": {"answered": 1, "open": 0},
    "cleo": {"missed": 2},
    "": {"missed": 4, "unknown": 9},
}


def test_the_counts_are_those_of_the_escalations_that_the_api_lists(
    client: Client, log: LogOf, redis_url: str, app_id: str
) -> None:
    async def counted() -> dict[tuple[str, str], int]:
        model = ReadModel(connect_async(redis_url), app_id, CODEC)
        found = await owner_counts(model)
        await model.close()
        return {(owner, state): n for owner, states in found.items() for state, n in states.items() if n}

    assert log.leads
    listed = [one for page in pages(client, "/v1/escalations", "escalations") for one in page]
    assert listed
    assert asyncio.run(counted()) == Counter((one["owner_id"], one["state"]) for one in listed)


def test_without_the_setting_no_owner_is_named() -> None:
    assert OwnerLabels(0).summed(OWNERS) == {("all", "open"): 1, ("all", "answered"): 4, ("all", "missed"): 7}


def test_the_owners_with_the_most_escalations_are_named_and_the_others_are_summed() -> None:
    sums = OwnerLabels(2).summed(OWNERS)
    assert {label for label, _ in sums} == {"ann", "cleo", "other", "nobody"}
    assert (sums["ann", "answered"], sums["ann", "missed"], sums["cleo", "missed"]) == (3, 1, 2)
    assert (sums["other", "answered"], sums["nobody", "missed"]) == (1, 4)
    assert sum(sums.values()) == 12


def test_a_name_that_was_given_stays_and_no_other_one_takes_its_place() -> None:
    labels = OwnerLabels(1)
    labels.summed(OWNERS)
    sums = labels.summed({"bob": {"answered": 100}, "ann": {"missed": 1}})
    assert (sums["ann", "missed"], sums["other", "answered"]) == (1, 100)
    assert labels.summed({})["ann", "missed"] == 0


def test_an_owner_who_is_called_like_a_sum_is_part_of_the_others() -> None:
    sums = OwnerLabels(5).summed({"all": {"open": 1}, "nobody": {"open": 2}, "other": {"open": 4}})
    assert {key: count for key, count in sums.items() if count} == {("other", "open"): 7}


@pytest.mark.parametrize(("owners", "label"), [(0, "all"), (3, "other")])
def test_the_series_are_there_from_the_start(owners: int, label: str) -> None:
    registry = CollectorRegistry()
    metrics = ReportMetrics(registry, owners)

    def value(owner: str, state: str) -> float | None:
        return registry.get_sample_value("leadloop_report_escalations", {"owner": owner, "state": state})

    assert [value(label, state) for state in ("open", "answered", "missed")] == [0, 0, 0]
    metrics.record_escalations(OWNERS)
    assert value("ann" if owners else "all", "answered") == (3 if owners else 4)
