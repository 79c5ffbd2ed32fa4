"""Leads whose every figure can be counted: up to three passes, money, and everything that becomes of a lead."""

import random
from collections.abc import Iterator
from typing import Any

from schemas.events import FactRecord
from tests.builders import DAY, T0, a_contact, a_created, a_loss, a_reply, a_win

LEADS = 200


def lives(dice: random.Random) -> Iterator[FactRecord]:
    """Leads with up to three passes; before each creation but the first the lead is closed, or cold for days."""
    for n in range(LEADS):
        at, lead = T0 + dice.randrange(60 * DAY), f"lead-{n}"
        described = {"origin": dice.choice(["web", "fair", "webinar"]), "owner_id": dice.choice(["ann", "bob", "eve"])}
        for passed in range(dice.choice([1, 1, 2, 3])):
            yield a_created(lead, at, event_id=f"{lead} {passed}", campaign_id="spring", **described)
            for k in range(dice.choice([0, 1, 2, 3])):
                at += dice.randrange(DAY, 4 * DAY)
                make: Any = dice.choice([a_contact, a_contact, a_reply])
                yield make(lead, at, event_id=f"{lead} {passed} {k}")
            at += dice.randrange(DAY, 2 * DAY)
            match dice.choice(["won", "lost", "silence", "silence"]):
                case "won":
                    money = {"amount": dice.randrange(100, 900) * 100, "currency": dice.choice(["EUR", "EUR", "USD"])}
                    yield a_win(lead, at, event_id=f"{lead} {passed} won", **money)
                case "lost":
                    yield a_loss(lead, at, event_id=f"{lead} {passed} lost")
            at += 20 * DAY
