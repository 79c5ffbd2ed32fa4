import copy
from typing import Any, get_args

import pytest

from schemas.catalogue import RECORDS, schema_of
from schemas.compatibility import faults_between, faults_of
from schemas.events import AnyRecord, By, LeadContacted
from schemas.topics import Compatibility

V1 = schema_of(LeadContacted)
SYMBOLS: tuple[str, ...] = get_args(By)
ADDED = {"name": "mood", "type": "string", "default": ""}


def _changed(**changes: Any) -> dict[str, Any]:
    """The schema with fields replaced by name; None takes one out."""
    schema = copy.deepcopy(V1)
    fields = [{**field, **(changes.get(field["name"]) or {})} for field in schema["fields"]]
    schema["fields"] = [field for field in fields if changes.get(field["name"], True) is not None]
    return schema


def _enum(*symbols: str) -> dict[str, Any]:
    return {"type": {"type": "enum", "name": "By", "symbols": list(symbols), "default": "unknown"}}


@pytest.mark.parametrize("record", RECORDS)
def test_every_version_of_a_record_keeps_its_promise(record: type[AnyRecord]) -> None:
    assert faults_of(record) == []


@pytest.mark.parametrize(
    "new",
    [
        {**V1, "fields": [*V1["fields"], ADDED]},
        _changed(note=None, owner_id=None),
        _changed(by=_enum(*SYMBOLS, "robot")),
        _changed(by=_enum("unknown", "sales")),
    ],
    ids=["field added", "field dropped", "symbol added", "symbol dropped"],
)
def test_a_change_that_every_reader_survives_is_allowed(new: dict[str, Any]) -> None:
    assert list(faults_between(V1, new, "FULL_TRANSITIVE")) == []


@pytest.mark.parametrize(
    ("new", "what"),
    [
        ({**V1, "fields": [*V1["fields"], {"name": "mood", "type": "string"}]}, "new cannot read what old wrote: mood"),
        (_changed(occurred_at={"type": "string", "default": ""}), "new cannot read what old wrote: reader type"),
        ({**V1, "name": "LeadTouched"}, "a new name is a new topic"),
        ({**V1, "namespace": "leadloop.v2"}, "a new name is a new topic"),
    ],
    ids=["field without default", "other type", "renamed", "another namespace"],
)
def test_a_change_that_breaks_a_reader_is_named(new: dict[str, Any], what: str) -> None:
    faults = list(faults_between(V1, new, "FULL_TRANSITIVE"))
    assert what in faults[0]


@pytest.mark.parametrize(("level", "faults"), [("FULL_TRANSITIVE", 1), ("BACKWARD_TRANSITIVE", 0)])
def test_only_full_compatibility_spares_the_older_readers(level: Compatibility, faults: int) -> None:
    wider = _changed(next_step_at={"type": ["null", "long", "string"]})
    assert len(list(faults_between(V1, wider, level))) == faults
