"""A lead's whole life as a vendor reports it, posted to the webhooks of the shipped files; and the facts made of it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from schemas.instants import DAY_MS
from tests.builders import T0
from tests.unit.ingest.posting import Posting
from tests.unit.ingest.webhooks import MAPPINGS, SECRET, hubspot_signature, segment_signature
from workers.http.keys import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pytest

START = T0 - 60 * DAY_MS
HUBSPOT_URL = "https://in.example.com/v1/webhooks/hubspot"

Expected = tuple[str, str, float, dict[str, object]]
"""A fact as a person writes it down: its kind, its lead, the hours since the start, and what else matters of it."""


def at(hours: float) -> int:
    """Epoch ms of an instant in the life."""
    return START + int(hours * 3_600_000)


def iso(hours: float) -> str:
    """The instant as ISO 8601 in UTC."""
    return datetime.fromtimestamp(at(hours) / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shipped_systems() -> str:
    """deploy/config/webhooks.yml, with the systems that are only comments in it."""
    text = (MAPPINGS.parent / "webhooks.yml").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^  # (?=(hubspot|segment):|  )", "  ", text)
    return text.replace("mappings/", f"{MAPPINGS}/")


def shipped_posting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Posting:
    """The application of ingest with the shipped webhooks file."""
    for name in ("HUBSPOT_CLIENT_SECRET", "SEGMENT_SHARED_SECRET"):
        monkeypatch.setenv(name, SECRET)
    keys = ", ".join(f"{name}: {{keys: ['{digest_of(name)}']}}" for name in ("salesforce", "pipedrive"))
    return Posting(folder, keys=f"sources: {{{keys}}}", systems=shipped_systems())


async def post(posting: Posting, system: str, value: object) -> dict[str, int]:
    """Post as this system does; what it is answered."""
    body = json.dumps(value).encode()
    headers = {
        "hubspot": {
            "x_hubspot_signature_v3": hubspot_signature(body, T0, HUBSPOT_URL),
            "x_hubspot_request_timestamp": str(T0),
        },
        "segment": {"x_signature": segment_signature(body, SECRET)},
    }.get(system, {"authorization": f"Bearer {system}"})
    answer = await posting.send(body, f"/v1/webhooks/{system}", **{"authorization": "", **headers})
    assert answer.status_code == 202, answer.text
    counts: dict[str, int] = answer.json()
    return counts


async def post_each(posting: Posting, system: str, values: Iterable[object]) -> None:
    for value in values:
        await post(posting, system, value)


def unique(facts: Iterable[Any]) -> list[Any]:
    """The facts as streams counts them: those with the same id are one, the first."""
    found: dict[str, Any] = {}
    for fact in facts:
        found.setdefault(fact.event_id, fact)
    return list(found.values())


def as_expected(facts: Iterable[Any], expected: list[Expected]) -> list[Expected]:
    """The facts in the form of the expectation: of each, the fields that the row in the same place names."""
    facts = list(facts)
    named = [row[3] for row in expected] + [{}] * len(facts)
    return [
        (
            type(fact).__name__,
            fact.lead_id,
            (fact.occurred_at - START) / 3_600_000,
            {name: getattr(fact, name) for name in fields},
        )
        for fact, fields in zip(facts, named, strict=False)
    ]
