"""Generated leads of which something has happened lately: for each of them something may happen next."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from msgspec.structs import asdict, replace

from tests.builders import DAY
from tests.component.scenarios.generated_leads import generated_leads

if TYPE_CHECKING:
    from schemas.events import FactRecord

INSTANTS = ("occurred_at", "recorded_at", "next_step_at", "resume_at", "consent_expires_at")


def recent_leads(count: int, now: int, seed: int = 1) -> dict[str, list[FactRecord]]:
    """So many leads, each with a random part of its generated facts, the last of them up to 20 days before `now`."""
    dice = Random(seed)
    found = {}
    for lead_id, facts in generated_leads(count, seed).items():
        kept = facts[: dice.randint(1, len(facts))]
        by = now - dice.randrange(1, dice.choice((1, 5, 20)) * DAY) - kept[-1].occurred_at
        found[lead_id] = [_moved(fact, by) for fact in kept]
    return found


def _moved(fact: FactRecord, by: int) -> FactRecord:
    """The same fact, later by so many milliseconds."""
    fields = asdict(fact)
    return replace(fact, **{name: fields[name] + by for name in INSTANTS if fields.get(name)})
