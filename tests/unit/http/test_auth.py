"""Who gets in, by which key, and how keys are exchanged."""

from __future__ import annotations

import os
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from schemas.errors import UserError
from streams.runtime.documents import DocumentError
from workers import signing
from workers.http.auth import KeyRing
from workers.http.keys import digest_of, new_key
from workers.http.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_760_000_000.0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def a_ring(folder: Path, text: str, clock: Clock | None = None) -> KeyRing:
    (folder / "keys.yml").write_text(text, encoding="utf-8")
    return KeyRing(folder / "keys.yml", clock or Clock())


def status_of(ring: KeyRing, authorization: str | None, *, basic: bool = False) -> int:
    with pytest.raises(Problem) as caught:
        ring.admit(authorization, "ingest", basic=basic)
    return caught.value.status


def test_a_key_has_256_random_bits_and_only_its_digest_is_stored() -> None:
    assert new_key() != new_key()
    assert len(new_key()) == len("llk_") + 43
    assert digest_of("llk_x").startswith("sha256:")


def test_every_key_of_a_source_authenticates_it(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    ring = a_ring(tmp_path, f"sources: {{crm: {{keys: ['{digest_of(old)}', '{digest_of(new)}']}}}}")
    assert [ring.admit(f"Bearer {key}", "ingest").name for key in (old, new)] == ["crm", "crm"]
    assert ring.admit(f"bearer  {new}", "ingest").name == "crm"


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Bearer llk_no", "Basic eDp5", "Digest x", "é"]
)
def test_an_unknown_key_is_rejected(tmp_path: Path, authorization: str | None) -> None:
    ring = a_ring(tmp_path, f"sources: {{crm: {{keys: ['{digest_of(new_key())}']}}}}")
    assert status_of(ring, authorization) == 401


def test_the_digest_of_a_key_does_not_authenticate(tmp_path: Path) -> None:
    digest = digest_of(new_key())
    ring = a_ring(tmp_path, f"sources: {{crm: {{keys: ['{digest}']}}}}")
    assert status_of(ring, f"Bearer {digest}") == status_of(ring, f"Bearer {digest[7:]}") == 401


def test_a_key_of_another_scope_is_forbidden(tmp_path: Path) -> None:
    key = new_key()
    ring = a_ring(tmp_path, f"sources: {{bi: {{keys: ['{digest_of(key)}'], scopes: [read]}}}}")
    assert status_of(ring, f"Bearer {key}") == 403
    assert ring.admit(f"Bearer {key}", "read").name == "bi"


def test_a_key_is_accepted_as_a_basic_password_where_that_is_allowed(tmp_path: Path) -> None:
    key = new_key()
    ring = a_ring(tmp_path, f"sources: {{crm: {{keys: ['{digest_of(key)}']}}}}")
    basic = "Basic " + b64encode(f"anybody:{key}".encode()).decode()
    assert ring.admit(basic, "ingest", basic=True).name == "crm"
    with pytest.raises(Problem):  # nowhere else
        ring.admit(basic, "ingest")
    assert status_of(ring, basic) == status_of(ring, "Basic !", basic=True) == 401


def test_a_changed_keys_file_is_effective_within_a_second_and_an_invalid_one_is_ignored(tmp_path: Path) -> None:
    clock, old, new = Clock(), new_key(), new_key()
    ring = a_ring(tmp_path, f"sources: {{crm: {{keys: ['{digest_of(old)}']}}}}", clock)
    path = tmp_path / "keys.yml"
    fresh = tmp_path / "fresh"
    fresh.write_text(f"sources: {{crm: {{keys: ['{digest_of(new)}']}}}}", encoding="utf-8")
    fresh.replace(path)
    clock.now = 1.0
    assert ring.admit(f"Bearer {new}", "ingest").name == "crm"
    assert status_of(ring, f"Bearer {old}") == 401
    for broken in ("sources: {}", "nonsense"):
        path.write_text(broken, encoding="utf-8")
        clock.now += 1.0
        assert ring.admit(f"Bearer {new}", "ingest").name == "crm"
    path.unlink()
    clock.now += 1.0
    assert ring.admit(f"Bearer {new}", "ingest").name == "crm"


def test_the_keys_file_is_checked_at_most_once_a_second(tmp_path: Path) -> None:
    clock, old, new = Clock(), new_key(), new_key()
    ring = a_ring(tmp_path, f"sources: {{crm: {{keys: ['{digest_of(old)}']}}}}", clock)
    clock.now = 5.0
    ring.admit(f"Bearer {old}", "ingest")
    (tmp_path / "keys.yml").write_text(f"sources: {{crm: {{keys: ['{digest_of(new)}', '{digest_of(KEY)}']}}}}")
    clock.now = 5.9
    assert ring.admit(f"Bearer {old}", "ingest").name == "crm"
    clock.now = 6.0
    assert status_of(ring, f"Bearer {old}") == 401


def test_an_invalid_keys_file_is_logged_once_and_the_old_keys_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    ring = a_ring(tmp_path, f"sources: {{crm: {{keys: ['{digest_of(KEY)}'], per_second: 5}}}}", clock)
    (tmp_path / "keys.yml").write_text("nonsense", encoding="utf-8")
    for clock.now in (1.0, 2.0, 3.0):
        assert [one.per_second for one in ring.sources.values()] == [5]
    assert [
        record.getMessage().startswith("the keys file is invalid, the old keys stay") for record in caplog.records
    ] == [True]


def test_a_standard_webhooks_signature_authenticates_without_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "whsec_" + b64encode(b"s" * 24).decode()
    monkeypatch.setenv("FORM_SECRET", text)
    ring = a_ring(tmp_path, "sources: {form: {webhook_secrets: [{env: FORM_SECRET}]}}")
    headers = signing.signed_headers("msg_1", int(NOW), b"body", [signing.parse_key(text)])
    assert ring.verify(headers, b"body", "ingest", NOW).name == "form"
    for body, now in ((b"other", NOW), (b"body", NOW + 301)):
        with pytest.raises(Problem) as caught:
            ring.verify(headers, body, "ingest", now)
        assert caught.value.status == 401
    with pytest.raises(Problem) as caught:
        ring.verify(headers, b"body", "read", NOW)
    assert caught.value.status == 403


def test_without_webhook_secrets_a_signed_request_is_rejected_before_its_body(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORM_SECRET", "whsec_" + b64encode(b"s" * 24).decode())
    with pytest.raises(Problem) as caught:
        a_ring(tmp_path, f"sources: {{crm: {{keys: ['{digest_of(KEY)}']}}}}").expect_signatures()
    assert caught.value.status == 401
    a_ring(tmp_path, "sources: {form: {webhook_secrets: [{env: FORM_SECRET}]}}").expect_signatures()


def test_a_missing_setting_for_the_keys_file_is_reported_with_the_command_that_creates_it() -> None:
    with pytest.raises(UserError, match="leadloop keys new"):
        KeyRing(None)


def test_a_missing_keys_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        KeyRing(tmp_path / "none.yml")


KEY = "llk_" + 43 * "k"  # the same in every process that collects these tests


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sources: {}", "sources"),
        ("sources: {crm: {}}", "neither a key nor a webhook secret"),
        ("sources: {crm: {keys: [abc]}}", "not the digest of a key"),
        (f"sources: {{crm: {{keys: ['{KEY}']}}}}", "the key itself"),
        (f"sources: {{'a b': {{keys: ['{digest_of(KEY)}']}}}}", "not a valid source name"),
        (
            f"sources: {{a: {{keys: ['{digest_of(KEY)}']}}, b: {{keys: ['{digest_of(KEY)}']}}}}",
            "one key belongs to two sources",
        ),
        (f"sources: {{a: {{keys: ['{digest_of(KEY)}'], scopes: [write]}}}}", "'write'"),
        (f"sources: {{a: {{keys: ['{digest_of(KEY)}'], burst: 5}}}}", "per_second"),
        (f"sources: {{a: {{key: '{digest_of(KEY)}'}}}}", "did you mean 'keys'"),
        ("sources: {a: {webhook_secrets: [{env: NOT_SET_AT_ALL}]}}", "NOT_SET_AT_ALL"),
    ],
)
def test_an_invalid_keys_file_is_reported_without_its_secrets(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        a_ring(tmp_path, text)
    assert message in str(caught.value)
    assert KEY not in str(caught.value)


def test_the_repr_of_keys_contains_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "FORM_SECRET", "whsec_" + b64encode(b"s" * 24).decode())
    ring = a_ring(tmp_path, "sources: {form: {webhook_secrets: [{env: FORM_SECRET}]}}")
    shown = repr(ring.__dict__)
    assert "ssss" not in shown
    assert os.environ["FORM_SECRET"] not in shown
