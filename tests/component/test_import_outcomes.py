"""What an import leaves in the topics when files change, or most of their rows are wrong; on a broker."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.builders_imports import CONTACTED, CREATED, NOW, a_mapping
from tests.component.test_import import World, file_of, world

__all__ = ["file_of", "world"]  # fixtures

FileOf = Callable[..., Path]


def test_a_later_export_of_calls_with_other_owners_and_results_adds_no_fact(world: World, file_of: FileOf) -> None:
    call = {**CONTACTED, "activity": {"constant": "call"}, "outcome": "result", "owner_id": "owner"}
    header = "id,at,result,owner"
    first = file_of("L1,2024-05-01,no_answer,ada", "L2,2024-05-02,,ada", name="may.csv", header=header)
    later = file_of("L1,2024-05-01,connected,bob", "L2,2024-05-02,,bob", name="june.csv", header=header)
    for file in (first, later):
        world.take_in(file, mappings=[a_mapping(call)])
    ids = Counter(fact.event_id for fact in world.values("lead-contacted"))
    assert sorted(ids.values()) == [2, 2]


def test_an_import_that_rejects_most_rows_declares_nothing_complete(world: World, file_of: FileOf) -> None:
    leads = file_of("L1,2024-05-01", "L2,soon", "L3,later")
    summary = world.take_in(leads, mappings=[a_mapping(CREATED)], until=NOW)
    assert (summary.facts, summary.exit_code(strict=False)) == (1, 1)
    assert "nothing is declared complete" in str(summary)
    assert world.beats() == {}
