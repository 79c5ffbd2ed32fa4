"""What each of the policies that were in force changed."""

from dataclasses import replace

from schemas.policy_versions import PolicyVersion, decoded
from streams.domain.policy import Policy
from streams.domain.policy.intake import Intake
from workers.policies.versions import SHOWN, agreed_versions


def known(*texts: str) -> list[PolicyVersion]:
    """The newest first."""
    every = [
        PolicyVersion(app_id="loop", version=f"v{n}", digest=str(n), at=n * 86_400_000, text=text)
        for n, text in enumerate(texts)
    ]
    return every[::-1]


def as_it_is(policy: Policy) -> Policy:
    return policy


def test_each_version_says_what_it_changed_but_not_its_name() -> None:
    found = agreed_versions(known('version: "1"\n', 'version: "2"\npromises: {never_contacted: 3 days}\n'), as_it_is)
    assert [one.version for one in found] == ["v1", "v0"]
    assert found[0].changes is not None
    assert len(found[0].changes) == 1
    assert "3 days" in found[0].changes[0]
    assert (found[1].changes, found[1].is_first) == (None, True)


def test_what_this_version_of_leadloop_does_not_accept_is_said_to_be_unknown() -> None:
    newest, broken, oldest = agreed_versions(known('version: "1"\n', "colour: blue\n", 'version: "3"\n'), as_it_is)
    assert (newest.changes, newest.is_first) == (None, False)
    assert (broken.changes, broken.is_first) == (None, False)
    assert oldest.is_first


def test_a_reader_who_may_not_see_owners_sees_none_in_a_difference() -> None:
    def hidden(policy: Policy) -> Policy:
        return replace(policy, intake=Intake("owner 7F3K"))

    texts = ('version: "1"\n', 'version: "1"\nintake: {owner: ann}\n')
    assert "ann" in str(agreed_versions(known(*texts), as_it_is)[0].changes)
    assert agreed_versions(known(*texts), hidden)[0].changes == []


def test_the_oldest_of_many_versions_are_left_out_and_the_last_one_shown_is_not_called_the_first() -> None:
    found = agreed_versions(known(*(f'version: "{n}"\n' for n in range(SHOWN + 5))), as_it_is)
    assert len(found) == SHOWN
    assert not any(one.is_first for one in found)


def test_a_record_that_is_none_is_skipped() -> None:
    assert decoded(None) is None
    assert decoded(b"\xff") is None
    assert decoded(b'{"app_id": "loop"}') is None
