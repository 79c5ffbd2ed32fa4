"""docs/contract/asyncapi.yml is valid by AsyncAPI's official schema, and agrees with the table of topics."""

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from schemas.topics import TOPICS
from tests.toolchains import NPM, built

ROOT = Path(__file__).parents[2]
DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "contract" / "asyncapi.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def official() -> Any:
    """A validator with the schema of the document's version."""
    if shutil.which("npm") is None:
        pytest.skip("AsyncAPI's schemas come with npm, which is not installed")
    folder = built(ROOT / "tests" / "contract" / "asyncapi", ("npm",), NPM)
    path = folder / "node_modules" / "@asyncapi" / "specs" / "schemas" / f"{DOCUMENT['asyncapi']}.json"
    return jsonschema_rs.validator_for(json.loads(path.read_text(encoding="utf-8")))


def test_the_document_is_valid(official: Any) -> None:
    assert [f"{list(error.instance_path)}: {error.message}" for error in official.iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize("broken", [{"operations": {"x": {"action": "shout"}}}, {"channels": {"x": {"addres": "x"}}}])
def test_an_invalid_document_is_rejected(official: Any, broken: dict[str, Any]) -> None:
    assert not official.is_valid(DOCUMENT | broken)


def test_an_invalid_avro_schema_is_rejected(official: Any) -> None:
    text = json.dumps(DOCUMENT).replace('"type": "record"', '"type": "recrod"', 1)
    assert not official.is_valid(json.loads(text))


def test_the_channels_have_the_settings_of_the_topics() -> None:
    for name, channel in DOCUMENT["channels"].items():
        kafka = channel["bindings"]["kafka"]
        settings = kafka["topicConfiguration"]
        assert (
            TOPICS[name].config.items()
            >= {
                "cleanup.policy": ",".join(settings.pop("cleanup.policy")),
                **{key: str(value) for key, value in settings.items()},
            }.items()
        )
    assert set(DOCUMENT["channels"]) == {name for name, topic in TOPICS.items() if topic.record is not None}
