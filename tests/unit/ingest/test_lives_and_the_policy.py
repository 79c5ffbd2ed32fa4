"""What the shipped policy decides about leads of which the shipped mappings report the vendors' final states."""

from collections.abc import Iterable
from typing import Any

import pytest

from schemas.instants import DAY_MS
from streams.domain.decisions import Recycle, Retire, Revoke
from streams.domain.fact_of_record import fact_of
from streams.domain.lead import stage
from streams.domain.lead_fold import LeadFold
from streams.policy_file import parse_policy
from tests.unit.ingest.lives import at, iso, post, post_each, unique
from tests.unit.ingest.posting import Posting
from tests.unit.ingest.test_life_hubspot import a_change, an_item
from tests.unit.ingest.test_life_pipedrive import DEAL, a_deal, an_activity
from tests.unit.ingest.test_life_pipedrive import an_item as a_message
from tests.unit.ingest.test_life_salesforce import an_event
from tests.unit.ingest.webhooks import MAPPINGS

POLICY = parse_policy((MAPPINGS.parent / "policy.yml").read_text(encoding="utf-8"), "policy.yml")


def followed(posting: Posting, lead_id: str, days: float) -> tuple[str, list[Any]]:
    """The stage of a lead some days after the start, and the decisions about it."""
    fold = LeadFold(lead_id)
    for fact in _of(unique(posting.facts()), lead_id):
        fold.tick(POLICY, fact.at, fact.at)
        fold.add(fact, POLICY, fact.at)
    end = at(0) + int(days * DAY_MS)
    fold.tick(POLICY, end, end)
    return stage(fold.lead), [one.what for one in fold.emissions if isinstance(one.what, Recycle | Retire | Revoke)]


def _of(facts: Iterable[Any], lead_id: str) -> list[Any]:
    made = [fact_of(fact) for fact in facts if fact.lead_id == lead_id]
    return sorted(made, key=lambda fact: fact.at)


async def test_a_converted_lead_is_not_handed_back(shipped: Posting) -> None:
    converted = {"Status": "Closed - Converted", "IsConverted": True, "ConvertedContactId": "0035e00000XyzAAAA"}
    await post(shipped, "salesforce", [an_event(0, "CREATE", {}), an_event(20, "UPDATE", converted)])
    assert followed(shipped, "salesforce/00Q5e000009AbCdEAK", 60) == ("won", [])


async def test_six_edits_of_a_call_do_not_exhaust_the_attempts(shipped: Posting) -> None:
    edits = [an_activity(3 + n / 10, 2, {"note": "x"}, note="y" * n) for n in range(6)]
    await post_each(shipped, "pipedrive", [a_message(0, "create", "deal", DEAL), *edits])
    assert followed(shipped, "pipedrive/77", 5) == ("working", [])


@pytest.mark.parametrize("change", [("hs_lead_status", "UNQUALIFIED"), ("hs_lead_status", "BAD_TIMING")])
async def test_what_sales_does_not_want_is_not_handed_to_marketing_the_same_day(
    shipped: Posting, change: tuple[str, str]
) -> None:
    await post(shipped, "hubspot", [*a_change(0, "lifecyclestage", "marketingqualifiedlead"), *a_change(9, *change)])
    _, (recycle,) = followed(shipped, "hubspot/501", 40)
    assert recycle.not_before >= at(9) + 60 * DAY_MS
    assert recycle.reason in POLICY.reasons


async def test_a_contact_that_is_gone_is_never_handed_back(shipped: Posting) -> None:
    created = a_change(0, "lifecyclestage", "marketingqualifiedlead")
    gone = an_item(9, 90, subscriptionType="contact.deletion", changeFlag="DELETED")
    await post(shipped, "hubspot", [*created, gone])
    lead, (decision,) = followed(shipped, "hubspot/501", 60)
    assert (lead, type(decision), decision.reason) == ("stalled", Retire, "invalid")


async def test_a_lost_deal_hands_a_person_back_until_its_other_deal_moves_on(shipped: Posting) -> None:
    lost = a_deal(60, {"status": "open"}, status="lost", lost_time=iso(60), lost_reason="Too expensive")
    moved = a_deal(90, {"stage_id": 1}, id=8, stage_id=2, stage_change_time=iso(90))
    deals = [
        a_message(hours, "create", "deal", {**DEAL, "id": n, "add_time": iso(hours)}) for n, hours in ((7, 0), (8, 1))
    ]
    await post_each(shipped, "pipedrive", [*deals, an_activity(2, 2), lost, moved])
    lead, (recycle, revoke) = followed(shipped, "pipedrive/77", 5)
    assert (recycle.track, revoke.recycle_id, revoke.cause) == ("offer", recycle.recycle_id, "moved")
    assert lead == "working"
