"""The data contracts of docs/contract are valid by the official schema of the Open Data Contract Standard."""

import json
from copy import deepcopy
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "docs" / "contract"
SCHEMA = resources.files("open_data_contract_standard").joinpath("schema.json")
OFFICIAL = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))


def contract(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.odcs.yml").read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("name", ["facts", "outputs"])
def test_the_contract_is_valid(name: str) -> None:
    assert [f"{list(error.instance_path)}: {error.message}" for error in OFFICIAL.iter_errors(contract(name))] == []


def test_an_invalid_contract_is_rejected() -> None:
    broken = deepcopy(contract("facts"))
    broken["schema"][0]["properties"][0]["quality"][0]["metric"] = "luck"
    assert not OFFICIAL.is_valid(broken)
    del (without_id := deepcopy(contract("facts")))["id"]
    assert not OFFICIAL.is_valid(without_id)


@pytest.mark.parametrize("name", ["facts", "outputs"])
def test_the_contract_has_owners_quality_and_service_levels(name: str) -> None:
    document = contract(name)
    assert [member["role"] for member in document["team"]["members"]] == ["owner"]
    assert {level["property"] for level in document["slaProperties"]} >= {"retention", "latency"}
    for table in document["schema"]:
        (lead_id,) = (field for field in table["properties"] if field["name"] == "lead_id")
        assert lead_id["required"]
        assert {rule["metric"] for rule in lead_id["quality"]} == {"missingValues", "invalidValues"}
