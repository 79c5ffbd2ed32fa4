"""Authenticates requests before anything is read, counted or parsed; a failed attempt costs one digest."""

import hashlib
import hmac
import logging
import time
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from schemas.errors import UserError
from streams.runtime.documents import DocumentError, load
from workers import signing

from .access_log import note_source
from .keys import KeysFile, Scope
from .problems import Problem, unauthorized

CHECK_EVERY_SECONDS = 1.0  # a changed keys file is effective after that, at the latest
NO_KEYS_FILE = (
    "LEADLOOP_KEYS_FILE is not set, and all requests need a key. Create one:\n"
    "  leadloop keys new --source crm        prints a key, and what to write into the file\n"
    "then export LEADLOOP_KEYS_FILE=keys.yml"
)
_NO_WEBHOOK_KEYS = "no source has a webhook secret"
_LOG = logging.getLogger("leadloop.http")


@dataclass(frozen=True, slots=True)
class Principal:
    """The source that a key authenticates. `per_second` and `burst` count events; None: no limit."""

    name: str
    scopes: frozenset[Scope]
    per_second: float | None = None
    burst: int | None = None

    def require(self, scope: Scope) -> None:
        """Check that the source has a scope.

        Raises:
            Problem: 403, it does not.
        """
        if scope not in self.scopes:
            raise Problem("forbidden", f"the keys of {self.name!r} have no scope `{scope}`: add it to the keys file")


@dataclass(frozen=True, slots=True)
class _LoadedKeys:
    """A keys file, indexed for lookups."""

    bearers: tuple[tuple[bytes, Principal], ...] = ()
    webhook_keys: tuple[tuple[tuple[signing.WebhookKey, ...], Principal], ...] = ()
    principals: Mapping[str, Principal] = field(default_factory=dict)


class KeyRing:
    """The keys of a file, reloaded when it changes. If it becomes invalid, the old keys stay and an error is logged.

    Raises:
        UserError: no file is configured, or it cannot be read.
        DocumentError: it is not a valid keys file.
    """

    def __init__(self, path: Path | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        if path is None:
            raise UserError(NO_KEYS_FILE)
        self._path = path
        self._monotonic = monotonic
        self._seen = _file_version(path)
        self._keys = _read(path)
        self._checked_at = monotonic()

    @property
    def sources(self) -> Mapping[str, Principal]:
        """All sources of the file, by name."""
        return self._current().principals

    def admit(self, authorization: str | None, scope: Scope, *, basic: bool = False) -> Principal:
        """Authenticate an `Authorization` header: `Bearer KEY`; with `basic`, the key as the password too.

        Raises:
            Problem: 401 for an unknown key, 403 for a key without the scope.
        """
        if not authorization:
            raise unauthorized("send `Authorization: Bearer KEY`")
        principal = self._owner(_token(authorization, basic=basic))
        if principal is None:
            raise unauthorized("this key is unknown, or has been removed")
        note_source(principal.name)
        principal.require(scope)
        return principal

    def verify(self, headers: Mapping[str, str], body: bytes, scope: Scope, now: float) -> Principal:
        """Authenticate a body by its Standard Webhooks signature. `now` in seconds since 1970.

        Raises:
            Problem: 401 if no source signed it, 403 if the source lacks the scope.
        """
        error = signing.VerificationError(_NO_WEBHOOK_KEYS)
        for secrets, principal in self._current().webhook_keys:
            try:
                signing.verify(headers, body, secrets, now)
            except signing.VerificationError as unverified:
                error = unverified
            else:
                note_source(principal.name)
                principal.require(scope)
                return principal
        raise unauthorized(str(error))

    def expect_signatures(self) -> None:
        """Check, before a body is read, that some source has a webhook secret.

        Raises:
            Problem: 401, none has.
        """
        if not self._current().webhook_keys:
            raise unauthorized(_NO_WEBHOOK_KEYS)

    def holder(self, mark: str, scope: Scope) -> Principal | None:
        """The source whose key has this mark, if it is still in the file and has the scope; None otherwise."""
        found = (one for known, one in self._current().bearers if hmac.compare_digest(_mark(known), mark))
        return next((one for one in found if scope in one.scopes), None)

    def reload(self) -> None:
        """Read the file again. If it is invalid, keep the old keys and log the error."""
        self._seen = _file_version(self._path)
        try:
            self._keys = _read(self._path)
        except (UserError, DocumentError) as error:
            _LOG.error("the keys file is invalid, the old keys stay: %s", error)

    def _owner(self, token: str) -> Principal | None:
        digest = hashlib.sha256(token.encode(errors="surrogateescape")).digest()
        found = None
        # All are compared, each in constant time: the duration reveals nothing.
        for known, principal in self._current().bearers:
            if hmac.compare_digest(known, digest):
                found = principal
        return found

    def _current(self) -> _LoadedKeys:
        now = self._monotonic()
        if now - self._checked_at >= CHECK_EVERY_SECONDS:
            self._checked_at = now
            if _file_version(self._path) != self._seen:
                self.reload()
        return self._keys


def mark_of(key: str) -> str:
    """A text that recognises a key, from which neither the key nor its digest can be computed."""
    return _mark(hashlib.sha256(key.encode(errors="surrogateescape")).digest())


def _mark(digest: bytes) -> str:
    return hashlib.sha256(b"mark of a key" + digest).hexdigest()


def _token(authorization: str, *, basic: bool) -> str:
    scheme, _, rest = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return rest.strip()
        case "basic" if basic:
            return _password(rest.strip())
        case _:
            raise unauthorized("send `Authorization: Bearer KEY`")


def _password(encoded: str) -> str:
    try:
        return b64decode(encoded, validate=True).decode().partition(":")[2]
    except ValueError:
        raise unauthorized("what follows `Basic` is not the base64 of user:password") from None


def _file_version(path: Path) -> tuple[int, int, int] | None:
    """Return a value that changes with the file: a mounted secret is replaced as a whole, so its inode changes."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _read(path: Path) -> _LoadedKeys:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the keys file {path} cannot be read: {error}") from error
    document = load(text, str(path), KeysFile)
    principals = {
        name: Principal(name, frozenset(source.scopes), source.per_second, source.burst)
        for name, source in document.sources.items()
    }
    sources = document.sources.items()
    return _LoadedKeys(
        tuple((bytes.fromhex(key.removeprefix("sha256:")), principals[n]) for n, one in sources for key in one.keys),
        tuple((one.webhook_keys, principals[name]) for name, one in sources if one.webhook_keys),
        principals,
    )
