"""What we sign, the reference library of Standard Webhooks verifies, and the other way round (`v1`, HMAC-SHA256)."""

import json
import time
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from workers.signing import (
    TOLERANCE_SECONDS,
    NoMatchingSignature,
    TimestampOutOfTolerance,
    parse_key,
    signed_headers,
    verify,
)

ID, BODY = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", b'{"type":"lead.recycled","note":"\xc3\xa4"}'
OLD, NEW, FOREIGN = ("whsec_" + b64encode(bytes([seed]) * 32).decode() for seed in (1, 2, 3))
ED25519 = "whsk_" + b64encode(bytes(range(32))).decode()
MARGIN_SECONDS = 60  # the library reads the clock itself: a test must not depend on the second


def ours(*secrets: str, at: float | None = None, body: bytes = BODY) -> dict[str, str]:
    return signed_headers(ID, int(at or time.time()), body, [parse_key(secret) for secret in secrets])


def theirs(*secrets: str, at: float | None = None, body: bytes = BODY) -> dict[str, str]:
    seconds = int(at or time.time())
    signed_at = datetime.fromtimestamp(seconds, UTC)
    signatures = [Webhook(secret).sign(ID, signed_at, body.decode()) for secret in secrets]
    return {"webhook-id": ID, "webhook-timestamp": str(seconds), "webhook-signature": " ".join(signatures)}


def we_accept(headers: dict[str, str], *secrets: str, body: bytes = BODY) -> str:
    return verify(headers, body, [parse_key(secret) for secret in secrets], time.time())


def test_the_reference_library_verifies_our_signatures() -> None:
    assert Webhook(NEW).verify(BODY, ours(NEW)) == json.loads(BODY)


def test_we_verify_the_signatures_of_the_reference_library() -> None:
    assert we_accept(theirs(NEW), NEW) == ID


@given(body=st.text(st.characters(exclude_categories=["Cs"])).map(str.encode), key=st.binary(min_size=24, max_size=64))
def test_both_implementations_compute_the_same_signature(body: bytes, key: bytes) -> None:
    secret = "whsec_" + b64encode(key).decode()
    at = 1_700_000_000
    assert ours(secret, at=at, body=body) == theirs(secret, at=at, body=body)


@pytest.mark.parametrize("known", [OLD, NEW])
def test_during_a_rotation_the_library_verifies_with_either_secret(known: str) -> None:
    assert Webhook(known).verify(BODY, ours(OLD, NEW)) == json.loads(BODY)


@pytest.mark.parametrize("used", [OLD, NEW])
def test_during_a_rotation_we_verify_either_secret_of_the_library(used: str) -> None:
    assert we_accept(theirs(used), OLD, NEW) == ID


def test_the_library_finds_its_signature_among_those_of_other_versions_and_keys() -> None:
    headers = ours(ED25519, FOREIGN, NEW)
    assert [part.partition(",")[0] for part in headers["webhook-signature"].split()] == ["v1a", "v1", "v1"]
    assert Webhook(NEW).verify(BODY, headers) == json.loads(BODY)


def test_we_find_our_signature_among_those_of_other_versions_and_keys() -> None:
    headers = theirs(FOREIGN, NEW)
    headers["webhook-signature"] = "v2,AAAA " + headers["webhook-signature"]
    assert we_accept(headers, NEW) == ID


def test_both_reject_the_signature_of_an_unknown_secret() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(BODY, ours(FOREIGN))
    with pytest.raises(NoMatchingSignature):
        we_accept(theirs(FOREIGN), NEW)


def test_both_reject_a_body_that_was_changed() -> None:
    changed = BODY.replace(b"recycled", b"revoked")
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(changed, ours(NEW))
    with pytest.raises(NoMatchingSignature):
        we_accept(theirs(NEW), NEW, body=changed)


@pytest.mark.parametrize(("header", "value"), [("webhook-id", "msg_other"), ("webhook-timestamp", None)])
def test_both_reject_an_id_or_a_time_that_was_changed(header: str, value: str | None) -> None:
    by_us, by_them = ours(NEW), theirs(NEW)
    for headers in (by_us, by_them):
        headers[header] = value or str(int(headers[header]) - 1)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(BODY, by_us)
    with pytest.raises(NoMatchingSignature):
        we_accept(by_them, NEW)


@pytest.mark.parametrize("offset", [-TOLERANCE_SECONDS - MARGIN_SECONDS, TOLERANCE_SECONDS + MARGIN_SECONDS])
def test_both_reject_a_time_outside_of_the_tolerance(offset: int) -> None:
    at = time.time() + offset
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(BODY, ours(NEW, at=at))
    with pytest.raises(TimestampOutOfTolerance):
        we_accept(theirs(NEW, at=at), NEW)


@pytest.mark.parametrize("offset", [-TOLERANCE_SECONDS + MARGIN_SECONDS, TOLERANCE_SECONDS - MARGIN_SECONDS])
def test_both_accept_a_time_within_the_tolerance(offset: int) -> None:
    at = time.time() + offset
    assert Webhook(NEW).verify(BODY, ours(NEW, at=at)) == json.loads(BODY)
    assert we_accept(theirs(NEW, at=at), NEW) == ID
