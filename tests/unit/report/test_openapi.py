"""The OpenAPI document: every response has an example that fits its schema, and every parameter is described."""

import json
from typing import Any

import jsonschema_rs
import pytest

from tests.unit.report.api_client import Client, every
from workers.report.openapi_examples import TIME


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def _responses(document: dict[str, Any]) -> dict[str, Any]:
    return {
        path: operation["get"]["responses"]["200"]["content"]["application/json"]
        for path, operation in document["paths"].items()
        if path.startswith("/v1/")
    }


def test_every_response_has_an_example_that_fits_its_schema(document: dict[str, Any]) -> None:
    found = _responses(document)
    assert {"/v1/leads", "/v1/leads/{lead_id}", "/v1/overview", "/v1/funnel", "/v1/recycles"} <= found.keys()
    for path, content in found.items():
        schema = {**content["schema"], "components": document["components"]}
        jsonschema_rs.validate(schema, content["example"])
        assert content["example"], path


def test_examples_show_times_with_their_zone(document: dict[str, Any]) -> None:
    assert f'"{TIME}"' in json.dumps(_responses(document)["/v1/leads"]["example"])


def test_every_filter_with_a_form_of_its_own_has_a_description_or_an_example(document: dict[str, Any]) -> None:
    parameters = {one["name"]: one for one in document["paths"]["/v1/leads"]["get"]["parameters"]}
    for name in ("created_from", "amount_from", "currency", "at_risk", "human_delay_from", "sort", "fields"):
        assert parameters[name].get("description") or parameters[name]["schema"].get("examples"), name


@pytest.mark.usefixtures("log")
def test_answers_have_exactly_the_fields_of_the_example(client: Client, document: dict[str, Any]) -> None:
    example = _responses(document)["/v1/leads"]["example"]["leads"][0]
    assert {tuple(lead) for lead in every(client, "/v1/leads")} == {tuple(example)}
