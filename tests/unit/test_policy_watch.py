"""The policy file of a running worker."""

from pathlib import Path

import pytest

from schemas.errors import UserError
from streams.domain.policy import Policy
from streams.policy_watch import PolicyWatch, read_policy

ONE, TWO = 'version: "1"\n', 'version: "2"\npromises: {never_contacted: 3 days}\n'


class Watched:
    """A policy file with its watch; `adopted` are the versions that came into force."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.adopted: list[str] = []
        self.reports: list[str] = []
        file.write_text(ONE, encoding="utf-8")
        self.watch = PolicyWatch(file, read_policy(file), self.adopt, self.reports.append, seconds=60)

    def adopt(self, policy: Policy) -> None:
        self.adopted.append(policy.version)

    def write(self, text: str, *, looks: int = 2) -> None:
        self.file.write_text(text, encoding="utf-8")
        for _ in range(looks):
            self.watch.look()


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "policy.yml")


def test_an_unchanged_file_changes_nothing(watched: Watched) -> None:
    watched.write(ONE)
    assert (watched.adopted, watched.watch.fault) == ([], "")


def test_a_changed_file_is_adopted_once_it_was_read_twice_without_a_change(watched: Watched) -> None:
    watched.write(TWO, looks=1)
    assert watched.adopted == []
    watched.watch.look()
    watched.watch.look()
    assert watched.adopted == ["2"]
    assert watched.reports == []


def test_a_file_that_is_still_being_written_is_not_adopted(watched: Watched) -> None:
    for text in (TWO[:15], TWO[:30], TWO):
        watched.write(text, looks=1)
    assert watched.adopted == []
    watched.watch.look()
    assert watched.adopted == ["2"]


def test_an_invalid_file_is_reported_and_changes_nothing_until_it_is_corrected(watched: Watched) -> None:
    watched.write("version: 1\npromises: {never_contacted: soon}\n", looks=3)
    assert watched.adopted == []
    assert "line 2" in watched.watch.fault or ":2" in watched.watch.fault
    assert watched.reports == [watched.watch.fault]
    watched.write(ONE)
    assert (watched.watch.fault, watched.reports[1:], watched.adopted) == ("", [""], [])


def test_a_file_that_is_gone_is_reported_and_changes_nothing(watched: Watched) -> None:
    watched.file.unlink()
    watched.watch.look()
    watched.watch.look()
    assert "cannot be read" in watched.watch.fault
    assert watched.adopted == []


def test_the_same_version_with_another_content_is_a_change(watched: Watched) -> None:
    watched.write(TWO.replace('"2"', '"1"'))
    assert watched.adopted == ["1"]


def test_an_invalid_file_starts_no_worker(tmp_path: Path) -> None:
    file = tmp_path / "policy.yml"
    file.write_text("version: 1\nrules: 7\n", encoding="utf-8")
    with pytest.raises(UserError, match="rules"):
        read_policy(file)
