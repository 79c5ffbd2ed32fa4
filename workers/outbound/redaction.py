"""Removes secrets from texts about calls, and bounds them, so that they can be logged and stored."""

import re

MAX_CHARACTERS = 200
MAX_READ_CHARACTERS = 10 * MAX_CHARACTERS

_SECRETS = re.compile(
    r"(?i)\b(bearer|basic)\s+[\w.+/=:~-]+"  # credentials as in headers
    r"|\bwh(?:sec|sk)_[\w+/=-]+"
    r"|\b((?:access_?token|refresh_?token|client_?secret|client_?id|api_?key|apikey|password|token|secret)\"?\s*[=:]\s*\"?)"
    r"[^\s\"&,;}]+"
)
# Possessive, and from the start of a word only: a hostile response must not cause slow matching.
_USER = re.compile(r"(\b\w++://)[^/\s@]*+@")
_QUERY = re.compile(r"(\b\w++://[^\s?#\"]*+)[?#][^\s\"]*")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa1-\u1fff\u2010-\u2027\u2030-\ud7ff]+")


def redacted(text: str) -> str:
    """Return the text without users, queries, tokens and passwords, on one line of at most MAX_CHARACTERS."""
    clean = _UNPRINTABLE.sub(" ", text[:MAX_READ_CHARACTERS])
    clean = _QUERY.sub(r"\1?…", _USER.sub(r"\1", clean))
    clean = _SECRETS.sub(lambda found: f"{found[1] or found[2] or ''}…", clean)
    clean = " ".join(clean.split())
    return clean if len(clean) <= MAX_CHARACTERS else clean[: MAX_CHARACTERS - 1] + "…"
