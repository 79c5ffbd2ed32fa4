"""What ends the time of a lead with marketing: a person reads all of it."""

from streams.policy_file import parse_policy
from tests.builders import DAY, a_contact
from tests.projected import CODEC
from tests.unit.explaining.lives import HOUR, lived
from tests.unit.explaining.test_sentences import MONDAY, created, text_of
from workers.explaining.lead_explanation import Explainer


def test_a_neglected_lead_with_marketing_says_that_a_contact_by_sales_ends_it_too() -> None:
    facts = created(), a_contact("L", MONDAY + HOUR)
    end = "It stays with marketing until it answers, sales contacts it or marketing passes it to sales again."
    assert text_of(*facts, after=30 * DAY, about="next").endswith(end)
    assert text_of(*facts, a_contact("L", MONDAY + 30 * DAY), after=30 * DAY + HOUR).startswith("Sales is working on")


def test_a_lead_that_nobody_was_assigned_to_says_that_an_owner_ends_it_too() -> None:
    policy = parse_policy('{version: "8", promises: {never_assigned: 1 day}, otherwise: {track: again}}', "policy")
    life = lived([created(owner_id="")], policy, MONDAY + 9 * DAY)
    found = Explainer(CODEC, policy)(life.document(), life.snapshot, life.now)
    assert found.sentences[-1].text == (
        "It stays with marketing until it answers, it gets an owner, sales contacts it or marketing passes it to sales "
        "again."
    )
