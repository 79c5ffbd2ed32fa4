"""The webhooks file: what is valid, and what is reported of errors."""

from pathlib import Path

import pytest

from streams.runtime.documents import DocumentError
from tests.unit.ingest.webhooks import (
    MAPPINGS,
    SECRET,
    STANDARD,
    SYSTEMS,
)
from workers.ingest.systems import load_systems


def test_the_example_of_a_webhooks_file_is_valid() -> None:
    systems = load_systems(MAPPINGS.parent / "webhooks.yml")
    assert set(systems) == {"salesforce", "pipedrive"}


def test_the_repr_of_a_system_contains_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("A_SECRET", "OTHER", "STANDARD"):
        monkeypatch.setenv(name, STANDARD)
    (tmp_path / "webhooks.yml").write_text(SYSTEMS, encoding="utf-8")
    systems = load_systems(tmp_path / "webhooks.yml")
    assert systems["hubspot"].secrets == (STANDARD,)
    assert STANDARD not in repr(systems)


@pytest.mark.parametrize(
    ("system", "message"),
    [
        ("{dialect: hubspt}", "did you mean 'hubspot'"),
        ("{dialect: segment}", "write either `mapping: FILE` or `tables:`"),
        ("{dialect: hubspot, secret: {env: A_SECRET}, mapping: x.yml}", "public_url"),
        ("{dialect: salesforce, secret: {env: A_SECRET}, mapping: x.yml}", "leave `secret:` out"),
        ("{dialect: standard-webhooks, secret: {env: A_SECRET}, mapping: x.yml}", "whsec_"),
        ("{dialect: segment, tables: {t: {files: a, facts: [{kind: lead-created}]}}}", "lead_id"),
    ],
)
def test_an_invalid_webhooks_file_is_reported_without_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, message: str
) -> None:
    monkeypatch.setenv("A_SECRET", SECRET)
    (tmp_path / "webhooks.yml").write_text(f"systems: {{one: {system}}}", encoding="utf-8")
    with pytest.raises(DocumentError, match=r"webhooks\.yml") as caught:
        load_systems(tmp_path / "webhooks.yml")
    assert message in str(caught.value)
    assert SECRET not in str(caught.value)


def test_brackets_in_names_of_events_are_matched_as_typed(tmp_path: Path) -> None:
    table = '{files: "track.Demo [EU] Requested", facts: [{kind: lead-created, lead_id: a, occurred_at: b}]}'
    text = f'systems: {{one: {{dialect: segment, ignore: ["track.Test [x]*"], tables: {{t: {table}}}}}}}'
    (tmp_path / "webhooks.yml").write_text(text, encoding="utf-8")
    system = load_systems(tmp_path / "webhooks.yml")["one"]
    assert system.table_of("track.demo [eu] requested") is not None
    assert system.table_of("track.Demo E Requested") is None
    assert system.ignores("track.Test [x] 2")
    assert not system.ignores("track.Test x 2")
