"""docs/mapping.md says what is so."""

import re
from pathlib import Path

from streams.runtime.documents import load
from tests.builders_imports import NOW
from workers.imports import (
    conversion,
    field_steps,
    json_names,
    money,
    row_reader,
    rows,
    time_readers,
    timestamps,
    values,
)
from workers.imports.conversion import TableConverter
from workers.imports.errors import RowError
from workers.imports.field_sources import AmountSource, InstantSource, LeadIdSource, TextSource
from workers.imports.field_steps import ConversionContext
from workers.imports.files import SourceFile
from workers.imports.mapping import (
    KINDS,
    ClosedPart,
    Condition,
    ContactedPart,
    CreatedPart,
    Mapping,
    StalledPart,
    Table,
    UpdatedPart,
)
from workers.values import amounts as parsing_of_amounts
from workers.values import identifiers as parsing_of_ids

PAGE = (Path(__file__).parents[3] / "docs/mapping.md").read_text(encoding="utf-8")


def _block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_of_the_page_makes_as_many_facts_as_it_says(tmp_path: Path) -> None:
    path = tmp_path / "leads-2024.csv"
    path.write_text(_block("csv"), encoding="utf-8")
    mapping = load(_block("yaml"), "crm.yml", Mapping)
    table = mapping.tables["leads"]
    converter = TableConverter(table, ConversionContext(mapping.source, mapping.zone, NOW))
    source = SourceFile(path, table, converter.columns)
    source.check()
    made = []
    for _, cells, _ in source.rows():
        assert not isinstance(cells, RowError)
        made += [fact for _, fact in converter.facts(cells)]
    assert len(made) == 7
    assert {fact.lead_id for fact in made} == {"4711", "4712", "4713"}


def test_every_reason_for_rejecting_a_row_is_documented() -> None:
    sources = [
        Path(module.__file__ or "").read_text("utf-8")
        for module in (
            *(conversion, field_steps, json_names, money, row_reader, rows, time_readers, timestamps, values),
            *(parsing_of_amounts, parsing_of_ids),
        )
    ]
    reasons = set(re.findall(r'(?:RowError|NotAnAmount|IdFault)\(\s*"(\w+)"', "\n".join(sources)))
    assert len(reasons) > 10
    assert {reason for reason in reasons if f"`{reason}`" not in PAGE} == set()


def test_every_key_of_a_mapping_is_documented() -> None:
    parts = (
        Mapping,
        Table,
        CreatedPart,
        UpdatedPart,
        ContactedPart,
        StalledPart,
        ClosedPart,
        TextSource,
        InstantSource,
        AmountSource,
        LeadIdSource,
    )
    named = {key for part in parts for key in part.model_fields} - {"fallbacks"}  # `column:` with a list
    assert {key for key in named if not re.search(rf"\b{key}\b", PAGE)} == set()


def test_every_kind_of_fact_is_documented() -> None:
    assert {kind for kind in KINDS if f"`{kind}`" not in PAGE} == set()


def test_the_documented_example_of_conditions_is_valid() -> None:
    block = re.findall(r"```yaml\n(when:.*?)```", PAGE, re.DOTALL)[0]
    fact = "    - kind: lead-created\n      lead_id: a\n      occurred_at: a\n"
    text = f"source: a\ntables:\n  t:\n    files: a\n    facts:\n{fact}"
    indented = "".join(f"      {line}\n" for line in block.splitlines())
    (part,) = load(text + indented, "page", Mapping).tables["t"].facts
    assert part.when["Stage"] == Condition.model_validate({"is": ["Lead", "Prospect"]})
