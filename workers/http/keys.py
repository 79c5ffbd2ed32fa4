"""The keys file: which sources have access, with which scopes. It contains keys as SHA-256 digests only.

Keys are 256 random bits, so a plain digest is as good as a slow one: they cannot be guessed.
"""

import hashlib
import re
import secrets
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from streams.runtime.documents import violation
from workers import signing
from workers.secret import Secret

Scope = Literal["ingest", "read", "operate"]
SCOPES = get_args(Scope)

PREFIX = "llk_"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NAME_RULE = "use up to 64 letters, digits, dots, dashes, underscores"
"""The rule for names of sources, for error messages."""


def new_key() -> str:
    """Generate a key of 256 random bits. The caller shows it once; it is stored nowhere."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(key: str) -> str:
    """Return a key as it is written into the keys file."""
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def is_name(text: str) -> bool:
    """Whether a text is a valid name of a source."""
    return _NAME.fullmatch(text) is not None


def _digest(text: str) -> str:
    if _DIGEST.fullmatch(text):
        return text
    if text.startswith(PREFIX):
        raise violation(
            "this is the key itself, not its digest", f"write {digest_of(text)}, or better create a new key"
        )
    raise violation("this is not the digest of a key", "`leadloop keys new` prints the line to write here")


def _as_list(value: object) -> object:
    return [value] if isinstance(value, (str, dict)) else value


class _KeysFileModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceKeys(_KeysFileModel):
    """The keys, scopes and rate limit of one source or reader. Several keys at once are a rotation."""

    keys: Annotated[tuple[Annotated[str, AfterValidator(_digest)], ...], BeforeValidator(_as_list)] = ()
    scopes: Annotated[tuple[Scope, ...], BeforeValidator(_as_list)] = ("ingest",)
    webhook_secrets: Annotated[tuple[Secret, ...], BeforeValidator(_as_list)] = ()
    per_second: float | None = Field(default=None, gt=0, le=1_000_000)
    burst: int | None = Field(default=None, ge=1, le=10_000_000)
    _webhook_keys: tuple[signing.WebhookKey, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _can_authenticate(self) -> Self:
        if not self.keys and not self.webhook_secrets:
            raise violation("neither a key nor a webhook secret", "write `keys:` or `webhook_secrets:`")
        if self.burst is not None and self.per_second is None:
            raise violation("`burst` without `per_second`", "write `per_second:` as well")
        self._webhook_keys = tuple(_webhook_key(secret) for secret in self.webhook_secrets)
        return self

    @property
    def webhook_keys(self) -> tuple[signing.WebhookKey, ...]:
        """The keys that verify its Standard Webhooks signatures."""
        return self._webhook_keys


class KeysFile(_KeysFileModel):
    """All sources by name. The name becomes the `source` of their facts, or the prefix of it."""

    sources: dict[str, SourceKeys] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_valid_names_and_distinct_keys(self) -> Self:
        for name in self.sources:
            if not is_name(name):
                raise violation(f"{name!r} is not a valid source name", NAME_RULE)
        digests = [digest for source in self.sources.values() for digest in source.keys]
        if len(set(digests)) < len(digests):
            raise violation("one key belongs to two sources", "remove one of them, or create a new key")
        return self


def _webhook_key(secret: Secret) -> signing.WebhookKey:
    try:
        return signing.parse_key(secret.reveal())
    except signing.InvalidKey as error:
        raise violation(f"a webhook secret cannot be used: {error}", "write one such as whsec_ and base64") from None
