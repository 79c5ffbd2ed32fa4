"""The policies that were in force one after the other, and in sentences what each one changed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from schemas.policy_versions import PolicyVersion
from streams.domain.policy import Policy
from streams.policy_file.policy_document import PolicyError, PolicyReading, read_policy

from .diff.policy_differences import policy_differences

SHOWN = 30
"""So many of the newest are compared."""


class AgreedVersion(NamedTuple):
    """A policy, and what it changed.

    Attributes:
        version: As its file calls itself.
        digest: Of its content.
        since: When streams began to follow it.
        changes: In sentences; None: one of both cannot be read any more, or nothing is known before it.
        is_first: Whether nothing is known before it.
    """

    version: str
    digest: str
    since: datetime
    changes: list[str] | None
    is_first: bool = False


@lru_cache(maxsize=2 * SHOWN)
def reading_of(text: str) -> PolicyReading | None:
    """A policy as it was recorded; None if this version of Leadloop does not accept it."""
    try:
        return read_policy(text, "policy")
    except PolicyError:
        return None


def agreed_versions(known: Sequence[PolicyVersion], shown: Callable[[Policy], Policy]) -> list[AgreedVersion]:
    """What each of the newest policies changed.

    Args:
        known: The newest first.
        shown: A policy as the reader may see it.
    """
    found = [
        AgreedVersion(one.version, one.digest, _instant(one.at), _changes(before, one, shown))
        for one, before in pairwise(known[: SHOWN + 1])
    ]
    if known and len(known) <= SHOWN:
        oldest = known[-1]
        found.append(AgreedVersion(oldest.version, oldest.digest, _instant(oldest.at), None, is_first=True))
    return found


def _changes(before: PolicyVersion, after: PolicyVersion, shown: Callable[[Policy], Policy]) -> list[str] | None:
    old, new = reading_of(before.text), reading_of(after.text)
    if old is None or new is None:
        return None
    terms = shown(new.policy)
    old = old._replace(policy=replace(shown(old.policy), version=terms.version))  # each version says its own name
    found = policy_differences(old, new._replace(policy=terms), _instant(after.at).date())
    return [one.text for one in found]


def _instant(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)
