"""docs/contract is what the schemas and the code say: regenerated, and held to what streams requires and decides."""

import json
from fnmatch import fnmatch
from io import BytesIO
from pathlib import Path
from typing import Any, get_args

import pytest
from fastavro import parse_schema, schemaless_reader
from fastavro.schema import to_parsing_canonical_form
from msgspec.structs import replace

from schemas import events
from schemas.catalogue import RECORDS, Catalogue, schema_of
from schemas.topics import TOPICS
from streams.domain import lead
from streams.domain.decisions import WHYS
from streams.domain.errors import Poison
from streams.domain.lead import Cause
from streams.domain.policy.promises import CLOCKS
from streams.domain.received import received
from tests.builders import DAY
from workers.contract.contract_files import documents, exported
from workers.contract.contract_meanings import meanings
from workers.contract.described import described, documented_schema
from workers.contract.examples import EXAMPLES

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "contract"
CATALOGUE = Catalogue.bundled()
TOPICS_WITH_RECORDS = described(CATALOGUE)
FACTS = [topic for topic in TOPICS_WITH_RECORDS if topic.is_upstream]
LATER = 2_000_000_000_000
EMPTY = {"event_id": "", "lead_id": "", "occurred_at": 0, "outcome": "unknown"}


def test_the_committed_documents_are_those_that_make_contract_writes() -> None:
    wanted = documents(CATALOGUE)
    for name, text in wanted.items():
        assert (FOLDER / name).is_file(), f"{name} is not there: `make contract`"
        assert (FOLDER / name).read_text(encoding="utf-8") == text, f"{name} is old: `make contract`"
    generated = {path.name for path in FOLDER.iterdir() if path.is_file()} - {"README.md"}
    assert generated == set(wanted)


def test_every_topic_record_field_and_symbol_has_a_meaning_and_nothing_else_has() -> None:
    known = meanings()
    opaque = [name for name, topic in TOPICS.items() if topic.record is None]
    assert all(any(fnmatch(name, pattern) for pattern in known.opaque) for name in opaque)
    assert all(any(fnmatch(name, pattern) for name in opaque) for pattern in known.opaque)
    fields: dict[str, set[str]] = {}
    symbols: dict[str, set[str]] = {}
    for topic in TOPICS_WITH_RECORDS:
        for name, described_fields in ((topic.record.__name__, topic.fields), *topic.nested.items()):
            fields[name] = {field.name for field in described_fields}
            symbols |= {field.type.words: set(field.type.symbols) for field in described_fields if field.type.symbols}
    assert {name: set(of) for name, of in known.symbols.items()} == symbols
    assert set(known.records) == set(fields)
    for name, record in known.records.items():
        assert set(record.fields) <= fields[name], name
        assert fields[name] <= {*record.fields, *known.shared}, name
        assert set(record.required) <= fields[name], name


@pytest.mark.parametrize("topic", FACTS, ids=lambda topic: topic.name)
def test_a_required_field_of_a_fact_is_one_without_which_streams_rejects_it(topic: Any) -> None:
    example: Any = EXAMPLES[topic.record][0]
    rejected = set()
    for field in topic.fields:
        emptied = replace(example, **{field.name: EMPTY.get(field.name, field.default)})
        try:
            received(emptied, emptied.lead_id.encode(), LATER)
        except Poison:
            rejected.add(field.name)
    assert rejected == set(topic.meaning.required)


@pytest.mark.parametrize("topic", TOPICS_WITH_RECORDS, ids=lambda topic: topic.name)
def test_the_examples_have_what_is_required(topic: Any) -> None:
    assert EXAMPLES[topic.record]
    for example in EXAMPLES[topic.record]:
        empty = [
            name for name in topic.meaning.required if getattr(example, name) in ("", 0, None, "unknown", "UNKNOWN")
        ]
        assert empty == []


def test_the_words_of_the_contract_are_those_of_the_code() -> None:
    words = meanings().words
    causes = set(get_args(Cause))
    assert set(words["cause"].values) == causes
    assert set(words["why"].values) == causes | {why for whys in WHYS.values() for why in whys}
    assert set(words["promise"].values) == {*CLOCKS, "attempts_exhausted"}
    assert {getattr(lead, name.upper()): name for name in meanings().reached.values()} == dict(meanings().reached)


@pytest.mark.parametrize("record", RECORDS)
def test_the_documented_schema_has_the_layout_of_the_released_one(record: type[events.AnyRecord]) -> None:
    documented = documented_schema(record)
    assert to_parsing_canonical_form(documented) == to_parsing_canonical_form(schema_of(record))
    for field in documented["fields"]:
        is_required = field["name"] in meanings().records[record.__name__].required
        assert field["doc"].startswith("Required. ") == is_required


def test_the_exported_examples_can_be_decoded_with_the_exported_schemas_alone() -> None:
    files = exported(CATALOGUE)
    for name, topic in json.loads(files["ids.json"])["topics"].items():
        schema = parse_schema(json.loads(files[topic["schema"]]))
        for row in json.loads(files[f"examples/{name}.json"]):
            value = bytes.fromhex(row["hex"])
            assert value[:5] == b"\0" + topic["id"].to_bytes(4, "big")
            assert schemaless_reader(BytesIO(value[5:]), schema, None) == row["record"]


def test_the_service_levels_of_the_data_contracts_are_those_of_the_alert_rules() -> None:
    text = (ROOT / "deploy/prometheus/rules/objectives.yml").read_text(encoding="utf-8")
    assert "99.9 %  of stalls are published within 60 s" in text
    assert "99.5 %  of the time a partition has processed each event within 5 s" in text
    outputs = documents(CATALOGUE)["outputs.odcs.yml"]
    assert "99.9% of stalls" in outputs
    assert "99.5% of the time" in outputs
    assert f"value: {TOPICS['lead-recycled'].retention_ms // DAY}" in outputs
