"""Texts about calls contain no secrets."""

import time

import pytest

from workers.outbound import redacted, redaction
from workers.outbound.redaction import MAX_CHARACTERS


@pytest.mark.parametrize(
    "text",
    [
        "call https://user:hunter2@example.com/a failed",
        "GET https://x.example/oauth/token?client_secret=hunter2&grant_type=client_credentials",
        "Authorization: Bearer hunter2",
        "authorization: basic hunter2==",
        '{"access_token": "hunter2"}',
        "password=hunter2",
        "whsec_hunter2 is wrong",
        "api_key: hunter2, x",
    ],
)
def test_secrets_are_removed_from_texts(text: str) -> None:
    assert "hunter2" not in redacted(text)


def test_harmless_texts_are_unchanged() -> None:
    assert redacted("1004: Lead not found") == "1004: Lead not found"
    assert redacted("see https://x.example/docs?page=2 for more") == "see https://x.example/docs?… for more"


def test_a_redacted_text_is_one_short_line() -> None:
    assert redacted("a\r\n\x1b[31mb\u202ec\u2028d") == "a [31mb c d"
    assert len(redacted("x" * 10_000)) == MAX_CHARACTERS


@pytest.mark.parametrize("text", ["a" * 50_000, "http://" + "a" * 50_000, "https://a?" * 5_000, "a@" * 25_000])
def test_redaction_takes_linear_time(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "MAX_READ_CHARACTERS", len(text))
    begun = time.process_time()
    redacted(text)
    assert time.process_time() - begun < 1  # each letter looked at from each other one takes many
