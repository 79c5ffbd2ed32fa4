from collections.abc import Callable

import pytest

from schemas import catalogue
from schemas.catalogue import RECORDS, releases
from schemas.events import LeadCreated
from schemas.registry import RegistryConf
from tests.registry import a_registry
from workers.admin import BrokerUnavailable, check_schemas, create_topics, push_schemas


def test_the_schemas_of_the_tree_are_released_and_compatible() -> None:
    assert check_schemas() == []


def test_a_changed_schema_is_named_with_what_releases_it(changed: Callable[[str, str], None]) -> None:
    changed('"name": "origin"', '"name": "channel"')
    (fault,) = check_schemas()
    assert fault.startswith("LeadCreated.avsc differs from what was released last: when it is final, copy it to ")
    assert "released/LeadCreated/v3.avsc" in fault
    assert f'{{"id": {len(releases()) + 1}, "record": "LeadCreated", "version": 3, "sha256": "' in fault


def test_a_change_that_breaks_readers_is_named(changed: Callable[[str, str], None]) -> None:
    changed('"type": "boolean", "default": false', '"type": "string", "default": ""')
    faults = check_schemas()
    assert any("the current one cannot read what v1 wrote: reader type: string" in fault for fault in faults)
    assert any("v1 cannot read what the current one wrote: reader type: boolean" in fault for fault in faults)


def test_every_release_of_every_record_is_pushed_once() -> None:
    with a_registry() as server:
        pushed = push_schemas(RegistryConf(url=server.url), prefix="acme.")
    assert len(pushed) == len(releases())
    assert len(server.subjects) == len(RECORDS)
    assert all(one.subject.startswith("acme.") for one in pushed)


def test_a_broker_that_does_not_answer_is_named_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.admin._ANSWER_SECONDS", 0.2)
    with pytest.raises(BrokerUnavailable):
        create_topics({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, app_id="loop", partitions=1)


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Change the current schema of LeadCreated, as an edit of its file would."""
    text_of = catalogue.text_of

    def change(old: str, new: str) -> None:
        changed = text_of(LeadCreated).replace(old, new)
        assert changed != text_of(LeadCreated)
        monkeypatch.setattr(catalogue, "text_of", lambda record: changed if record is LeadCreated else text_of(record))

    return change
