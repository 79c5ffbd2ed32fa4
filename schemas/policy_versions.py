"""The record of the policies that were in force: JSON in the topic `policy-versions`, keyed by application."""

import msgspec

TOPIC = "policy-versions"


class PolicyVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that streams began to follow.

    Attributes:
        app_id: Of the application of streams.
        version: As the file calls itself.
        digest: Of the content of the file; empty without a file.
        at: When a worker began to follow it, epoch ms.
        text: The content of the file.
    """

    app_id: str
    version: str
    digest: str
    at: int
    text: str


def decoded(value: bytes | None) -> PolicyVersion | None:
    """What a record of the topic says; None if it is none."""
    try:
        return msgspec.json.decode(value or b"", type=PolicyVersion)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
