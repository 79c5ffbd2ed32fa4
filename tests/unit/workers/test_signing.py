"""Standard Webhooks 1.0: the public vectors, and everything that must not pass."""

import hashlib
import hmac
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.signing import (
    MAX_SIGNATURES,
    InvalidKey,
    MalformedHeader,
    MissingHeader,
    NoMatchingSignature,
    SharedKey,
    TimestampOutOfTolerance,
    VerificationError,
    parse_key,
    sign,
    signed_headers,
    verify,
)

ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'

# standard-webhooks/standard-webhooks: libraries/python/tests/test_webhooks.py, test_sign_function
SHARED = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
V1 = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

# svix/svix-webhooks: server/svix-server/src/worker.rs, test_asymmetric_key_signing; the signature is the one that
# the specification shows, the key pair is in the server's README.
PRIVATE = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
V1A = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="

OTHER = "whsec_" + b64encode(bytes(range(32))).decode()
OTHER_PRIVATE = "whsk_" + b64encode(bytes(range(32))).decode()


def _headers(signature: str = V1, at: object = AT, message_id: str = ID) -> dict[str, str]:
    return {"webhook-id": message_id, "webhook-timestamp": str(at), "webhook-signature": signature}


def test_we_sign_the_public_test_vector_of_v1() -> None:
    assert sign(ID, AT, BODY, [parse_key(SHARED)]) == V1


def test_we_sign_the_public_test_vector_of_v1a() -> None:
    assert sign(ID, AT, BODY, [parse_key(PRIVATE)]) == V1A


@pytest.mark.parametrize(("secret", "signature"), [(SHARED, V1), (PRIVATE, V1A), (PUBLIC, V1A)])
def test_the_public_test_vectors_verify(secret: str, signature: str) -> None:
    assert verify(_headers(signature), BODY, [parse_key(secret)], AT) == ID


def test_a_seed_signs_like_the_whole_private_key() -> None:
    seed = "whsk_" + b64encode(b64decode(PRIVATE.removeprefix("whsk_"))[:32]).decode()
    assert sign(ID, AT, BODY, [parse_key(seed)]) == V1A


def test_a_rotation_signs_with_all_secrets_and_each_alone_verifies() -> None:
    secrets = [parse_key(text) for text in (OTHER, SHARED, PRIVATE)]
    headers = signed_headers(ID, AT, BODY, secrets)
    assert headers["webhook-signature"].split()[1:] == [V1, V1A]
    for text in (OTHER, SHARED, PUBLIC):
        assert verify(headers, BODY, [parse_key(text)], AT) == ID


def test_a_receiver_in_rotation_accepts_either_secret() -> None:
    assert verify(_headers(V1), BODY, [parse_key(OTHER), parse_key(SHARED)], AT) == ID


def test_header_names_may_have_any_case() -> None:
    headers = {name.title(): value for name, value in _headers().items()}
    assert verify(headers, BODY, [parse_key(SHARED)], AT) == ID


def test_unknown_signature_versions_are_ignored() -> None:
    assert verify(_headers(f"v2,{V1[3:]} v1,!! v1, {V1}"), BODY, [parse_key(SHARED)], AT) == ID


@pytest.mark.parametrize(
    "spelling",
    [
        SHARED.removeprefix("whsec_"),
        f"v1,{SHARED}",
        f" {SHARED}\n",
        "whsec_" + b64encode(bytes(25)).decode(),
        "whsec_" + b64encode(bytes(25)).decode().rstrip("="),
        "whsec_" + b64encode(b"\xfb\xff" * 14).decode(),
        "whsec_" + urlsafe_b64encode(b"\xfb\xff" * 14).decode().rstrip("="),
        b64encode(bytes(32)).decode().rstrip("="),
    ],
)
def test_a_secret_may_be_spelled_as_its_sender_shows_it(spelling: str) -> None:
    plain = spelling.strip().removeprefix("v1,").removeprefix("whsec_").rstrip("=")
    key = urlsafe_b64decode(plain.translate(str.maketrans("+/", "-_")) + "==")
    assert parse_key(spelling) == SharedKey(key)


@pytest.mark.parametrize(
    "names", [("svix-id", "svix-timestamp", "svix-signature"), ("Svix-Id", "SVIX-Timestamp", "svix-signature")]
)
def test_the_headers_may_have_the_names_that_svix_gave_them(names: tuple[str, str, str]) -> None:
    headers = dict(zip(names, _headers().values(), strict=True))
    assert verify(headers, BODY, [parse_key(SHARED)], AT) == ID
    assert verify({**headers, **_headers()}, BODY, [parse_key(SHARED)], AT) == ID
    with pytest.raises(NoMatchingSignature):
        verify({**headers, **_headers(), "webhook-id": "msg_other"}, BODY, [parse_key(SHARED)], AT)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_message_without_one_of_the_headers_is_not_verified(name: str) -> None:
    with pytest.raises(MissingHeader, match=name):
        verify({**_headers(), name: ""}, BODY, [parse_key(SHARED)], AT)
    with pytest.raises(MissingHeader, match=name):
        verify({key: value for key, value in _headers().items() if key != name}, BODY, [parse_key(SHARED)], AT)


@pytest.mark.parametrize(
    "headers",
    [
        _headers(at="hello"),
        _headers(at="-1614265330"),
        _headers(at="1614265330.5"),
        _headers(at=" 1614265330"),
        _headers(at="١٦١٤٢٦٥٣٣٠"),
        _headers(at="9" * 5000),
        _headers(message_id="msg.1614265330"),
        _headers(message_id="msg 1"),
        _headers(message_id="m" * 257),
        _headers(signature="g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        _headers(signature=" "),
        _headers(signature=" ".join([V1] * (MAX_SIGNATURES + 1))),
    ],
)
def test_headers_that_violate_the_specification_are_malformed(headers: dict[str, str]) -> None:
    with pytest.raises(MalformedHeader):
        verify(headers, BODY, [parse_key(SHARED)], AT)


@pytest.mark.parametrize("off", [300, -300, 0])
def test_five_minutes_either_way_are_tolerated(off: int) -> None:
    assert verify(_headers(), BODY, [parse_key(SHARED)], AT + off) == ID


@pytest.mark.parametrize("off", [301, -301, 10**9])
def test_an_older_or_newer_message_is_rejected_although_it_is_signed(off: int) -> None:
    with pytest.raises(TimestampOutOfTolerance):
        verify(_headers(), BODY, [parse_key(SHARED)], AT + off)


@pytest.mark.parametrize(
    ("headers", "body", "secret"),
    [
        (_headers(), BODY + b" ", SHARED),
        (_headers(), BODY, OTHER),
        (_headers(message_id="msg_other"), BODY, SHARED),
        (_headers(at=AT + 1), BODY, SHARED),
        (_headers("v1," + V1A[4:]), BODY, PUBLIC),
        (_headers("v1a," + V1[3:]), BODY, SHARED),
        (_headers("v1a," + V1[3:]), BODY, PUBLIC),
        (_headers(V1), BODY, PUBLIC),
        (_headers(V1A), BODY, OTHER_PRIVATE),
        (_headers("v1," + V1[3:].rstrip("=")), BODY, SHARED),
        (_headers("v1," + V1[3:20] + "="), BODY, SHARED),
    ],
)
def test_a_changed_body_id_time_secret_or_scheme_does_not_match(
    headers: dict[str, str], body: bytes, secret: str
) -> None:
    with pytest.raises(NoMatchingSignature):
        verify(headers, body, [parse_key(secret)], AT)


def test_without_secrets_nothing_matches() -> None:
    with pytest.raises(NoMatchingSignature):
        verify(_headers(), BODY, [], AT)


def test_every_failed_verification_is_a_verification_error() -> None:
    assert all(
        issubclass(kind, VerificationError)
        for kind in (MissingHeader, MalformedHeader, TimestampOutOfTolerance, NoMatchingSignature)
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain words",
        "v1,",
        "whsec_A",
        "whsec_",
        "whsec_not base64",
        "whsec_" + b64encode(bytes(23)).decode(),
        "whsec_" + b64encode(bytes(65)).decode(),
        "whsk_" + b64encode(bytes(31)).decode(),
        "whsk_" + b64encode(bytes(64)).decode(),
        "whpk_" + b64encode(bytes(33)).decode(),
        "hwsec_" + b64encode(bytes(32)).decode(),
    ],
)
def test_an_invalid_secret_is_rejected_and_not_in_the_message(text: str) -> None:
    with pytest.raises(InvalidKey) as refused:
        parse_key(text)
    assert len(text) < 8 or text.partition("_")[2][:8] not in str(refused.value) or not text.partition("_")[2]


def test_the_repr_of_a_key_contains_no_secret() -> None:
    assert repr(parse_key(SHARED)) == "SharedKey()"
    assert "6Xb" not in repr(parse_key(PRIVATE))


@pytest.mark.parametrize("message_id", ["", "a.b", "a b", "ä", "a\n", "x" * 257])
def test_a_message_id_with_a_separator_is_not_signed(message_id: str) -> None:
    with pytest.raises(ValueError, match="message id"):
        sign(message_id, AT, BODY, [parse_key(SHARED)])


def test_signing_needs_a_secret_or_private_key() -> None:
    with pytest.raises(ValueError, match="nothing to sign"):
        sign(ID, AT, BODY, [])
    with pytest.raises(ValueError, match="cannot sign"):
        sign(ID, AT, BODY, [parse_key(PUBLIC)])


@given(
    st.from_regex(r"[a-zA-Z0-9_-]{1,40}", fullmatch=True),
    st.integers(0, 4_000_000_000),
    st.binary(max_size=300),
    st.binary(min_size=24, max_size=64),
)
def test_a_signature_is_the_hmac_of_id_time_and_body_and_verifies(mid: str, at: int, body: bytes, key: bytes) -> None:
    value = sign(mid, at, body, [SharedKey(key)])
    by_hand = hmac.new(key, f"{mid}.{at}.".encode() + body, hashlib.sha256).digest()
    assert value == "v1," + b64encode(by_hand).decode()
    assert verify(_headers(value, at, mid), body, [SharedKey(key)], at) == mid


@given(
    st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()), st.binary()
)
def test_any_headers_verify_or_raise_a_verification_error(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(VerificationError):
        verify(headers, body, [parse_key(SHARED), parse_key(PUBLIC)], AT)
