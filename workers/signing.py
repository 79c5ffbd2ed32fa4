"""Standard Webhooks 1.0: signs requests that we send, verifies those that we receive. Pure; time is an argument.

The signed content is `id.timestamp.body`. `v1` is HMAC-SHA256 with a shared secret (`whsec_`, base64 of 24 to 64
bytes), `v1a` is ed25519 with a key pair (`whsk_` signs, `whpk_` verifies). Several secrets at once are a rotation:
every one signs, and one matching signature is enough.

    VerificationError(ValueError)
     ├── MissingHeader            a header is missing
     ├── MalformedHeader          a header violates the specification
     ├── TimestampOutOfTolerance  signed too long ago, or in the future: a replay, or a wrong clock
     └── NoMatchingSignature      signed with none of these secrets, or another body
    InvalidKey(ValueError)        a secret that cannot be used: fix the configuration (contains no part of it)
"""

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
_SVIX = {ID: "svix-id", TIMESTAMP: "svix-timestamp", SIGNATURE: "svix-signature"}
"""The same headers, as Svix named them before the specification; senders that use its library still do."""
TOLERANCE_SECONDS = 300
MAX_SIGNATURES = 16

_KEY_BYTES = range(24, 65)
_ED25519_BYTES = 32
_MESSAGE_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,256}")  # no dot: the three signed parts would be ambiguous
_FROM_URL_SAFE = str.maketrans("-_", "+/")
_SECONDS = re.compile(r"[0-9]{1,12}")


class VerificationError(ValueError):
    """The request was not signed recently with one of these secrets. Answer 401 for every subclass."""


class MissingHeader(VerificationError):
    """A header is missing."""


class MalformedHeader(VerificationError):
    """A header violates the specification."""


class TimestampOutOfTolerance(VerificationError):
    """Signed more than the tolerance ago, or in the future."""


class NoMatchingSignature(VerificationError):
    """No signature matches one of the secrets and this body."""


class InvalidKey(ValueError):
    """The text is not a usable secret. The message contains no part of it."""


@dataclass(frozen=True, slots=True)
class SharedKey:
    """`whsec_`: a shared secret, signs and verifies."""

    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """`whsk_`: signs, and verifies too."""

    key: Ed25519PrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """`whpk_`: verifies only."""

    key: Ed25519PublicKey


WebhookKey = SharedKey | PrivateKey | PublicKey


def parse_key(text: str) -> WebhookKey:
    """Parse a secret in any of its usual spellings.

    The base64 may lack its padding, or be of the URL-safe alphabet; `whsec_` may be missing, or follow `v1,`.

    Raises:
        InvalidKey: unknown prefix, invalid base64, or wrong length.
    """
    prefix, is_prefixed, rest = text.strip().removeprefix("v1,").partition("_")
    if not is_prefixed:
        prefix, rest = "whsec", prefix
    key = _from_base64(_padded(rest))
    if key is None:
        raise InvalidKey("invalid base64 after the prefix")
    match prefix:
        case "whsec":
            return _shared(key)
        case "whsk":
            return PrivateKey(_private(key))
        case "whpk" if len(key) == _ED25519_BYTES:
            return PublicKey(Ed25519PublicKey.from_public_bytes(key))
        case "whpk":
            raise InvalidKey(f"a whpk_ key has {_ED25519_BYTES} bytes, this one {len(key)}")
        case _:
            raise InvalidKey("no prefix whsec_, whsk_ or whpk_")


def header(headers: Mapping[str, str], name: str) -> str:
    """Return one of the three headers in either of its spellings; empty if it is missing. Names are in lower case."""
    return headers.get(name) or headers.get(_SVIX[name], "")


def sign(message_id: str, at_seconds: int, body: bytes, secrets: Sequence[WebhookKey]) -> str:
    """Return the value of `webhook-signature`: one signature per secret, in their order.

    Args:
        message_id: The same on every attempt; 1 to 256 visible ASCII characters without a dot.
        at_seconds: Time of this attempt, seconds since 1970.
        body: Exactly the bytes that are sent.
        secrets: At least one.

    Raises:
        ValueError: an invalid id, no secret, or one that cannot sign.
    """
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError("a message id is 1 to 256 visible ASCII characters without a dot")
    if not secrets:
        raise ValueError("nothing to sign with")
    content = _content(message_id, str(at_seconds), body)
    return " ".join(_signature(secret, content) for secret in secrets)


def signed_headers(message_id: str, at_seconds: int, body: bytes, secrets: Sequence[WebhookKey]) -> dict[str, str]:
    """Return the three headers of a message. `at_seconds` is the time of this attempt, not of the event.

    Raises:
        ValueError: as `sign`.
    """
    return {ID: message_id, TIMESTAMP: str(at_seconds), SIGNATURE: sign(message_id, at_seconds, body, secrets)}


def verify(headers: Mapping[str, str], body: bytes, secrets: Iterable[WebhookKey], now: float) -> str:
    """Verify a message and return its id.

    Args:
        headers: Names in any case.
        body: Exactly the bytes that were received.
        secrets: Any of them may have signed.
        now: Seconds since 1970.

    Raises:
        VerificationError: one of its subclasses; do not process any part of the message.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    given = {name: header(lowered, name) for name in _SVIX}
    missing = [name for name in (ID, TIMESTAMP, SIGNATURE) if not given.get(name)]
    if missing:
        raise MissingHeader(f"{', '.join(missing)} is missing")
    message_id, at = given[ID], given[TIMESTAMP]
    if not _MESSAGE_ID.fullmatch(message_id):
        raise MalformedHeader(f"{ID} is not 1 to 256 visible ASCII characters without a dot")
    if not _SECONDS.fullmatch(at):
        raise MalformedHeader(f"{TIMESTAMP} is not in whole seconds since 1970")
    signatures = _signatures(given[SIGNATURE])
    if abs(now - int(at)) > TOLERANCE_SECONDS:
        raise TimestampOutOfTolerance(
            f"signed {int(now) - int(at)} s ago by our clock; {TOLERANCE_SECONDS} s either way are allowed"
        )
    content = _content(message_id, at, body)
    # Every secret is tried on every signature: the duration does not reveal which one matches.
    matches = [_matches(secret, content, signature) for secret in secrets for signature in signatures]
    if not any(matches):
        raise NoMatchingSignature("no signature matches this body and one of our secrets")
    return message_id


def _shared(key: bytes) -> SharedKey:
    if len(key) not in _KEY_BYTES:
        raise InvalidKey(f"a whsec_ secret has 24 to 64 bytes, this one {len(key)}")
    return SharedKey(key)


def _private(key: bytes) -> Ed25519PrivateKey:
    """Accept the seed alone, or followed by the public key, as the reference server writes it."""
    if len(key) not in (_ED25519_BYTES, 2 * _ED25519_BYTES):
        raise InvalidKey(f"a whsk_ key has 32 bytes, or 64 with its public key, this one {len(key)}")
    private = Ed25519PrivateKey.from_private_bytes(key[:_ED25519_BYTES])
    public = key[_ED25519_BYTES:]
    if public and not hmac.compare_digest(public, private.public_key().public_bytes_raw()):
        raise InvalidKey("the second half of a whsk_ key is not the public key of the first")
    return private


def _content(message_id: str, at: str, body: bytes) -> bytes:
    return f"{message_id}.{at}.".encode() + body


def _signature(secret: WebhookKey, content: bytes) -> str:
    match secret:
        case SharedKey(key):
            return "v1," + b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
        case PrivateKey(key):
            return "v1a," + b64encode(key.sign(content)).decode()
        case PublicKey():
            raise ValueError("a whpk_ key verifies, it cannot sign")
        case never:
            assert_never(never)


def _signatures(value: str) -> list[tuple[str, bytes]]:
    """Return the signatures of supported versions, decoded; others are allowed and ignored."""
    parts = value.split()
    if not parts or len(parts) > MAX_SIGNATURES:
        raise MalformedHeader(f"{SIGNATURE} is not 1 to {MAX_SIGNATURES} signatures, divided by spaces")
    cut = [part.partition(",") for part in parts]
    if not any(comma for _, comma, _ in cut):
        raise MalformedHeader(f"{SIGNATURE} is not written as version,base64")
    decoded = [(version, _from_base64(text)) for version, _, text in cut if version in ("v1", "v1a")]
    return [(version, signature) for version, signature in decoded if signature]


def _matches(secret: WebhookKey, content: bytes, signature: tuple[str, bytes]) -> bool:
    match secret, signature:
        case SharedKey(key), ("v1", given):
            return hmac.compare_digest(hmac.digest(key, content, hashlib.sha256), given)
        case PrivateKey(private), ("v1a", given):
            return _is_signed(private.public_key(), content, given)
        case PublicKey(public), ("v1a", given):
            return _is_signed(public, content, given)
        case _:
            return False


def _is_signed(key: Ed25519PublicKey, content: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _padded(text: str) -> str:
    bare = text.rstrip("=").translate(_FROM_URL_SAFE)
    return bare + "=" * (-len(bare) % 4)


def _from_base64(text: str) -> bytes | None:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return None
