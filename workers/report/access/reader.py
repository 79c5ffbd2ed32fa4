"""A person (or a key) that sees the page, and what their groups permit."""

from collections.abc import Collection
from typing import Literal, NamedTuple

from workers.http.problems import Problem

Role = Literal["viewer", "operator"]
Way = Literal["key", "proxy", "oidc"]


class PageReader(NamedTuple):
    """Who sends a request.

    Attributes:
        name: Of the person; with a key, that of its source in the keys file.
        role: A viewer reads, an operator may act too.
        way: How they were authenticated.
        session_id: What the tokens of their forms are bound to.
        subject: A lasting name, where the provider of OpenID Connect has one.
    """

    name: str
    role: Role
    way: Way
    session_id: str
    subject: str = ""

    @property
    def identity(self) -> str:
        """Who it was, for the record: also when the name changes."""
        named = self.name if self.subject in {"", self.name} else f"{self.name} ({self.subject})"
        return f"{self.way}:{named}"[:200]

    @property
    def is_operator(self) -> bool:
        return self.role == "operator"

    def require_operator(self) -> None:
        """Check that they may act.

        Raises:
            Problem: 403, they may only read.
        """
        if not self.is_operator:
            raise Problem("forbidden", f"{self.name} may read, and not act: {_HOW[self.way]}")


_HOW = {
    "key": "this takes a key with the scopes read and operate, which whoever runs Leadloop can make",
    "proxy": "ask whoever runs Leadloop for a group that LEADLOOP_OPERATOR_GROUPS names",
    "oidc": "ask whoever runs Leadloop for a group that LEADLOOP_OPERATOR_GROUPS names, and sign in again",
}


class Groups:
    """What groups permit. `viewers` empty: everybody may read."""

    def __init__(self, viewers: Collection[str], operators: Collection[str]) -> None:
        self._viewers = frozenset(viewers)
        self._operators = frozenset(operators)

    def role(self, name: str, groups: Collection[str]) -> Role:
        """The role of a person with these groups.

        Raises:
            Problem: 403, none of the groups may see the page.
        """
        if self._operators & set(groups):
            return "operator"
        if self._viewers and not self._viewers & set(groups):
            raise Problem(
                "forbidden",
                f"you are known as {name}, and none of your groups may see this page: ask whoever runs Leadloop for "
                "one that LEADLOOP_VIEWER_GROUPS names, then sign in again",
            )
        return "viewer"
