"""Tokens of forms that change something: that of the reader's session, which other sites cannot know."""

import hashlib
import hmac
import secrets

from workers.http.problems import Problem

from .reader import PageReader

FIELD = "token"


class FormTokens:
    """Makes and checks tokens. `secret` as that of the sessions: the same for all processes under one address."""

    def __init__(self, secret: str = "") -> None:
        self._key = hashlib.sha256(b"leadloop-form" + (secret or secrets.token_urlsafe(32)).encode()).digest()

    def of(self, reader: PageReader) -> str:
        """The token of all forms of a session."""
        return hmac.new(self._key, f"{reader.way} {reader.session_id}".encode(), hashlib.sha256).hexdigest()

    def check(self, reader: PageReader, token: str) -> None:
        """Check what a form sent.

        Raises:
            Problem: 403, it is not that of the session.
        """
        if not hmac.compare_digest(self.of(reader).encode(), token.encode(errors="surrogateescape")):
            raise Problem("forbidden", "this form is not of your session: open the page again, and send it from there")
