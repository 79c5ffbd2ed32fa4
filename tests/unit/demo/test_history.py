"""The generated history: repeatable, importable without a reject, and rich enough to show every decision."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.domain.fact_of_record import fact_of
from workers.demo.generated_history import END, history_mapping, write_history
from workers.imports.conversion import TableConverter
from workers.imports.errors import RowError
from workers.imports.field_steps import ConversionContext
from workers.imports.file_assignment import assign
from workers.imports.files import SourceFile
from workers.imports.records import ImportedFact

NOW = round(END.timestamp() * 1000)


def _facts(folder: Path) -> list[ImportedFact]:
    mapping, facts = history_mapping(), []
    for given in assign([folder], [mapping]):
        converter = TableConverter(given.table, ConversionContext(mapping.source, mapping.zone, NOW))
        source = SourceFile(given.path, given.table, converter.columns)
        source.check()
        for _, cells, _ in source.rows():
            assert not isinstance(cells, RowError)
            facts += [fact for _, fact in converter.facts(cells)]
    return facts


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> list[ImportedFact]:
    folder = tmp_path_factory.mktemp("history")
    write_history(folder, leads=400)
    return _facts(folder)


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_seed_writes_the_same_files(tmp_path: Path) -> None:
    written = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        write_history(tmp_path / name, leads=30, seed=seed)
        written.append(_contents(tmp_path / name))
    assert written[0] == written[1] != written[2]


def test_more_leads_leave_the_first_ones_as_they_are(tmp_path: Path) -> None:
    few, many = tmp_path / "few", tmp_path / "many"
    for folder, leads in ((few, 20), (many, 40)):
        folder.mkdir()
        write_history(folder, leads=leads)
    assert {fact.event_id for fact in _facts(few)} < {fact.event_id for fact in _facts(many)}


def test_every_fact_is_one_that_streams_takes_and_lies_before_the_end(facts: list[ImportedFact]) -> None:
    for fact in facts:
        fact_of(fact)
        assert 0 < fact.occurred_at < NOW


def test_no_two_facts_share_an_id(facts: list[ImportedFact]) -> None:
    assert len({fact.event_id for fact in facts}) == len(facts)


def test_the_end_can_be_moved(tmp_path: Path) -> None:
    end = datetime(2021, 1, 1, tzinfo=UTC)
    write_history(tmp_path, leads=20, end=end)
    assert max(fact.occurred_at for fact in _facts(tmp_path)) < end.timestamp() * 1000


def test_there_is_something_of_everything(facts: list[ImportedFact]) -> None:
    kinds = Counter(type(fact).__name__ for fact in facts)
    passes = Counter(fact.lead_id for fact in facts if type(fact).__name__ == "LeadCreated")
    assert set(kinds) == {"LeadCreated", "LeadContacted", "DealClosed", "LeadStalled"}
    assert len(passes) > 390
    assert sum(count > 1 for count in passes.values()) > 50
