"""The Agreement: what was agreed when."""

from pathlib import Path
from typing import Any

import pytest

from schemas.policy_versions import PolicyVersion
from streams.policy_file import parse_policy
from tests.unit.report.browser import Browser, words
from workers.http.auth import KeyRing
from workers.report.policy_in_use import PolicyInUse
from workers.report.policy_log import PolicyLog

SCRIPT = "<script>alert(1)</script>"
OLD = f"version: '{SCRIPT}'\npromises: {{never_contacted: 3 days}}\nintake: {{owner: Ann Lee}}\n"
NEW = "version: 'autumn'\npromises: {never_contacted: 2 days}\nintake: {owner: Bo Ray}\n"


class KnownLog(PolicyLog):
    """What was recorded, without Kafka; the newest first."""

    def __init__(self, *texts: str) -> None:
        super().__init__({}, "", "loop")
        self._texts = texts

    def versions(self) -> list[PolicyVersion]:
        policies = [(text, parse_policy(text, "policy")) for text in self._texts]
        return [
            PolicyVersion(app_id="loop", version=one.version, digest=one.digest, at=1_780_000_000_000 - n, text=text)
            for n, (text, one) in enumerate(policies)
        ]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yml"
    path.write_text(NEW, encoding="utf-8")
    return path


class Pages:
    """Opens the Agreement with what was recorded."""

    def __init__(self, redis_url: str, app_id: str, keys: KeyRing, file: Path) -> None:
        self._given = redis_url, app_id, keys
        self._file = file

    def html(self, log: PolicyLog | None, **settings: Any) -> str:
        browser = Browser(*self._given, PolicyInUse(self._file, log=log), **settings)
        browser.sign_in()
        try:
            return browser.get("/agreement").text
        finally:
            browser.close()


@pytest.fixture
def pages(redis_url: str, app_id: str, keys: KeyRing, file: Path, log: object) -> Pages:  # noqa: ARG001  # fills Redis
    return Pages(redis_url, app_id, keys, file)


def test_each_version_has_its_date_and_what_it_changed(pages: Pages) -> None:
    html = pages.html(KnownLog(NEW, OLD))
    shown = words(html)
    assert "What was agreed when" in shown
    assert "autumn since " in shown
    assert "2 days instead of 3 days" in shown
    assert "Bo Ray" in shown
    assert "nothing is known before it" in shown
    assert SCRIPT not in html
    assert "this page has another file" not in shown


def test_a_page_with_another_file_than_streams_says_so(pages: Pages) -> None:
    assert "this page has another file" in words(pages.html(KnownLog(OLD)))


def test_where_owners_are_hidden_differences_name_none(pages: Pages) -> None:
    shown = words(pages.html(KnownLog(NEW, OLD), owners="hidden", secret="s" * 32))
    assert "What was agreed when" in shown
    assert "Ann Lee" not in shown
    assert "Bo Ray" not in shown
    assert shown.count("owner ") >= 2


def test_without_kafka_the_page_says_how_to_have_the_versions(pages: Pages) -> None:
    assert "KAFKA_BOOTSTRAP_SERVERS" in words(pages.html(None))


def test_a_record_without_versions_says_what_is_missing(pages: Pages) -> None:
    assert "No version is recorded yet" in words(pages.html(KnownLog()))
