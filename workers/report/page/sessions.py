"""Who is signed in: a signed cookie that ends after twelve hours, or with the key that it was made with.

A session has an id of its own, made at sign-in, and a mark of the key; the key itself is nowhere. Sign-out ends a
session in the process that answers; with several processes, a copy of the cookie is valid in the others until it ends.
"""

import secrets
import time
from collections.abc import Callable
from typing import NamedTuple

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.requests import HTTPConnection
from starlette.responses import Response

from workers.http.auth import KeyRing, Principal

SESSION_SECONDS = 12 * 3600
LINK_SECONDS = 600
MOST_ENDED = 10_000
COOKIE, SECURE_COOKIE = "leadloop-session", "__Host-leadloop-session"
"""The second one, over TLS: browsers accept it from this host only, and send it over TLS only."""


class Session(NamedTuple):
    """A sign-in that is valid: its id, and whose key it was."""

    session_id: str
    principal: Principal


class Sessions:
    """Makes and reads session cookies.

    Args:
        keys: Whose sessions are valid: those of keys that still have the scope `read`.
        secret: Signs cookies; the same for all processes that answer under one address. Empty: one of this process.
        clock: Epoch seconds.
    """

    def __init__(self, keys: KeyRing, secret: str = "", clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._clock = clock
        self._serializer = URLSafeTimedSerializer(secret or secrets.token_urlsafe(32), salt="leadloop-session")
        self._ended: dict[str, float] = {}
        self._links: dict[str, tuple[str, float]] = {}

    def begin(self, mark: str) -> str:
        """The value of a cookie for the holder of the key with this mark."""
        return str(self._serializer.dumps([secrets.token_urlsafe(16), mark]))

    def of(self, connection: HTTPConnection) -> Session | None:
        """The session of a request; None if it has none that is valid."""
        cookie = connection.cookies.get(SECURE_COOKIE) or connection.cookies.get(COOKIE)
        if not cookie:
            return None
        try:
            session_id, mark = self._serializer.loads(cookie, max_age=SESSION_SECONDS)
        except (BadSignature, ValueError, TypeError):
            return None
        principal = self._keys.holder(mark, "read")
        return None if principal is None or session_id in self._ended else Session(session_id, principal)

    def end(self, connection: HTTPConnection) -> None:
        """End the session of a request, if it has one."""
        session = self.of(connection)
        if session is None:
            return
        now = self._clock()
        self._ended[session.session_id] = now + SESSION_SECONDS
        self._ended = {one: ends for one, ends in self._ended.items() if ends > now}
        while len(self._ended) > MOST_ENDED:
            del self._ended[next(iter(self._ended))]

    def new_link(self, mark: str) -> str:
        """A token that signs the holder of a key in once, within ten minutes."""
        token, now = secrets.token_urlsafe(32), self._clock()
        self._links = {one: link for one, link in self._links.items() if link[1] > now}
        self._links[token] = mark, now + LINK_SECONDS
        return token

    def use_link(self, token: str) -> str | None:
        """The mark of the key of a link, which is used up now; None if it was used or is too old."""
        mark, ends = self._links.pop(token, ("", 0.0))
        return mark if ends > self._clock() else None


def set_cookie(response: Response, value: str, *, is_secure: bool) -> None:
    """Let the browser keep a session, for this site only and out of reach of scripts."""
    response.set_cookie(
        SECURE_COOKIE if is_secure else COOKIE,
        value,
        max_age=SESSION_SECONDS,
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="strict",
    )


def delete_cookies(response: Response) -> None:
    """Let the browser forget its session."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    response.delete_cookie(SECURE_COOKIE, path="/", secure=True, httponly=True, samesite="strict")
