"""What streams is to tell of: many leads' lives, and what endpoints answered."""

import random
from typing import Any

from schemas.events import DeliveryResult, LeadRecycled
from tests.builders import DAY, T0, a_contact, a_created, a_loss, a_reply, a_win
from tests.world import CODEC, World

END = T0 + 400 * DAY
POLICY = """
version: test
promises: {never_contacted: 3 days, no_follow_up: 7 days, no_progress: 30 days, max_attempts: 4}
reasons: {price: {track: offer, delay: 5 days}, invalid: never}
limits: {max_recycles: off, max_age: off, cooldown: 0 days}
"""


def histories(world: World, leads: int, seed: int = 5) -> None:
    """Leads that are touched, neglected, lost, created again and won."""
    dice, facts = random.Random(seed), []
    for n in range(leads):
        at, lead = T0 + dice.randrange(100 * DAY), f"lead-{n}"
        origin, owner = dice.choice(["web", "fair", ""]), dice.choice(["ann", "bob"])
        facts.append(a_created(lead, at, event_id=f"{lead} 0", origin=origin, owner_id=owner, campaign_id="spring"))
        for k in range(dice.choice([0, 1, 3, 6])):
            at += dice.randrange(1, 20 * DAY)
            make: Any = dice.choice([a_contact, a_contact, a_reply, a_loss, a_created, a_win])
            facts.append(make(lead, at, event_id=f"{lead} {k + 1}"))
    world.send(*sorted(facts, key=lambda fact: fact.occurred_at))
    world.heartbeat(END)


def deliver_some(world: World) -> None:
    """Results as `leadloop deliver` tells them, without one."""
    for event in world.decoded("lead-recycled"):
        assert isinstance(event, LeadRecycled)
        for outcome in ("retry", "accepted"):
            result = DeliveryResult(
                endpoint="nurture",
                recycle_id=event.recycle_id,
                action=event.action,
                lead_id=event.lead_id,
                occurred_at=event.occurred_at + (outcome == "accepted"),
                outcome=outcome,
                attempts=1,
            )
            world.send_raw("delivery-results", event.lead_id, CODEC.encode(result))
    world.flush()
