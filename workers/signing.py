"""Standard Webhooks 1.0: signs what we send, verifies what we get. Pure; time is an argument.

What is signed is `id.timestamp.body`. `v1` is HMAC-SHA256 with a shared secret (`whsec_`, base64 of 24 to 64 bytes),
`v1a` is ed25519 with a key pair (`whsk_` signs, `whpk_` verifies). Several secrets at once are a rotation: every
one signs, and one that fits is enough.

    VerificationError(ValueError)
     ├── MissingHeader        a header is not there
     ├── MalformedHeader      a header is not what the specification says
     ├── TimestampOutOfTolerance       signed too long ago, or in the future: a replay, or a clock that is wrong
     └── NoMatchingSignature        signed by none of these secrets, or not this body
    InvalidKey(ValueError)     a secret that cannot be used: tell whoever set it up (names no part of it)
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
TOLERANCE_SECONDS = 300
MAX_SIGNATURES = 16

_KEY_BYTES = range(24, 65)
_ED25519_BYTES = 32
_MESSAGE_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,256}")  # no dot: it would let the three parts be cut elsewhere
_SECONDS = re.compile(r"[0-9]{1,12}")


class VerificationError(ValueError):
    """Not what one of these secrets signed just now. Answer 401, whichever it is."""


class MissingHeader(VerificationError):
    """A header is not there."""


class MalformedHeader(VerificationError):
    """A header is not what the specification says."""


class TimestampOutOfTolerance(VerificationError):
    """Signed more than the tolerance ago, or ahead."""


class NoMatchingSignature(VerificationError):
    """No signature is of one of the secrets and this body."""


class InvalidKey(ValueError):
    """What was given for a secret is none. The message holds nothing of it."""


@dataclass(frozen=True, slots=True)
class SharedKey:
    """`whsec_`: both sides have it."""

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
    """A secret as it is written down.

    Raises:
        InvalidKey: no known prefix, no base64, or not as long as it must be.
    """
    prefix, _, rest = text.strip().partition("_")
    key = _from_base64(rest)
    if key is None:
        raise InvalidKey("what follows the prefix is no base64")
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


def sign(message_id: str, at_seconds: int, body: bytes, secrets: Sequence[WebhookKey]) -> str:
    """The value of `webhook-signature`: one signature for each secret, the first secret's first.

    Raises:
        ValueError: the id has a dot or is none; there is no secret, or one that cannot sign.
    """
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError("a message id is 1 to 256 visible ASCII characters without a dot")
    if not secrets:
        raise ValueError("nothing to sign with")
    content = _content(message_id, str(at_seconds), body)
    return " ".join(_signature(secret, content) for secret in secrets)


def signed_headers(message_id: str, at_seconds: int, body: bytes, secrets: Sequence[WebhookKey]) -> dict[str, str]:
    """The three headers of a message. `at_seconds` is the time of this try, not of the event."""
    return {ID: message_id, TIMESTAMP: str(at_seconds), SIGNATURE: sign(message_id, at_seconds, body, secrets)}


def verify(headers: Mapping[str, str], body: bytes, secrets: Iterable[WebhookKey], now: float) -> str:
    """The id of a message that one of the secrets signed. `headers` may be spelled in any case; `now` in seconds.

    Raises:
        VerificationError: and which of its kinds; nothing of the message may be believed.
    """
    given = {name.lower(): value for name, value in headers.items() if name.lower() in (ID, TIMESTAMP, SIGNATURE)}
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
    # Every secret is tried on every signature: how long it takes does not tell which one fits.
    fitting = [_matches(secret, content, signature) for secret in secrets for signature in signatures]
    if not any(fitting):
        raise NoMatchingSignature("no signature fits this body and a secret of ours")
    return message_id


def _shared(key: bytes) -> SharedKey:
    if len(key) not in _KEY_BYTES:
        raise InvalidKey(f"a whsec_ secret has 24 to 64 bytes, this one {len(key)}")
    return SharedKey(key)


def _private(key: bytes) -> Ed25519PrivateKey:
    """The seed alone, or followed by the public key, as the reference server writes it."""
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
    """Those of versions that we know, decoded; others may be there, and say nothing to us."""
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


def _from_base64(text: str) -> bytes | None:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return None
