"""Sign-ins: a signed cookie that ends after twelve hours, and a key in Redis that ends it earlier.

Both have to be valid. Only this page can make the cookie, so that who can write to Redis makes no session. A session
whose key is gone from Redis, after a sign-out or because Redis was emptied, has ended in all processes at once.
"""

import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from itsdangerous import BadSignature, URLSafeTimedSerializer
from redis.exceptions import RedisError
from starlette.requests import HTTPConnection
from starlette.responses import Response

from schemas.names import page_session_key
from streams.runtime.page_settings import PageSettings
from workers.http.auth import KeyRing
from workers.report.access.reader import PageReader, Role, Way
from workers.report.generation_reader import ReadModelUnavailable

if TYPE_CHECKING:
    from redis.asyncio import Redis

SESSION_SECONDS = 12 * 3600
LINK_SECONDS = 600
COOKIE, SECURE_COOKIE = "leadloop-session", "__Host-leadloop-session"
"""The second one, over TLS: browsers accept it from this host only, and send it over TLS only."""


class SignIn(NamedTuple):
    """What a session was begun with.

    Attributes:
        way: `key`, or `oidc`.
        of: The mark of the key; otherwise the name of the person.
        role: Of the person. That of a key is what its scopes are now.
        subject: The provider's lasting name of the person.
    """

    way: Way
    of: str
    role: Role = "viewer"
    subject: str = ""


class Sessions:
    """Makes and reads session cookies.

    Args:
        redis: Has a key for each session that has not ended.
        app_id: Of the application.
        keys: Whose sessions are valid: those of keys that still have the scope `read`.
        page: Its secret signs cookies. If its address has TLS, only cookies that browsers keep for TLS alone are
            sessions: others may have been planted.
        clock: Epoch seconds.
    """

    def __init__(
        self,
        redis: "Redis",
        app_id: str,
        keys: KeyRing,
        page: PageSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._redis: Any = redis  # redis-py's stubs give a union of awaitable and plain results
        self._app_id = app_id
        self._keys = keys
        self._ways: tuple[Way, ...] = ("key", "oidc") if page.oidc else ("key",)
        self._names = (SECURE_COOKIE,) if page.address.startswith("https://") else (SECURE_COOKIE, COOKIE)
        self._clock = clock
        self._serializer = URLSafeTimedSerializer(page.secret or secrets.token_urlsafe(32), salt="leadloop-session")
        self._links: dict[str, tuple[str, float]] = {}

    async def begin(self, sign_in: SignIn) -> str:
        """Begin a session; returns the value of its cookie. Raises ReadModelUnavailable, as all of these."""
        session_id = secrets.token_urlsafe(16)
        await self._ask("set", page_session_key(self._app_id, session_id), "1", ex=SESSION_SECONDS)
        return str(self._serializer.dumps([session_id, *sign_in]))

    async def of(self, connection: HTTPConnection) -> PageReader | None:
        """Whose session the cookie of a request is; None if it has none that is valid."""
        cookie = next(filter(None, map(connection.cookies.get, self._names)), None)
        reader = self._read(cookie) if cookie else None
        if reader is None or not await self._ask("exists", page_session_key(self._app_id, reader.session_id)):
            return None
        return reader

    async def end(self, connection: HTTPConnection) -> PageReader | None:
        """End the session of a request, for all processes; returns whose it was."""
        reader = await self.of(connection)
        if reader is not None:
            await self._ask("delete", page_session_key(self._app_id, reader.session_id))
        return reader

    def _read(self, cookie: str) -> PageReader | None:
        try:
            session_id, way, of, role, subject = self._serializer.loads(cookie, max_age=SESSION_SECONDS)
        except (BadSignature, ValueError, TypeError):
            return None
        if way not in self._ways:
            return None
        if way != "key":
            return PageReader(of, role, way, session_id, subject)
        principal = self._keys.holder(of, "read")
        if principal is None:
            return None
        return PageReader(principal.name, "operator" if "operate" in principal.scopes else "viewer", "key", session_id)

    async def _ask(self, command: str, *arguments: object, **options: object) -> Any:
        try:
            return await getattr(self._redis, command)(*arguments, **options)
        except (RedisError, OSError) as error:
            raise ReadModelUnavailable(
                f"Redis does not answer ({type(error).__name__}), so nobody can be signed in"
            ) from error

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
