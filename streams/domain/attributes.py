"""The attributes of a lead: what creations and updates say about it."""

from msgspec.structs import replace

from .facts import Created, Updated
from .lead import Lead


def described(lead: Lead, fact: Created, owner_id: str) -> Lead:
    """The lead as a creation describes it."""
    return replace(
        lead,
        origin=fact.origin,
        campaign_id=fact.campaign_id,
        segment=fact.segment,
        owner_id=owner_id,
        assigned_at=assigned_at(lead, owner_id, fact.at),
        account_id=fact.account_id,
        consent_expires_at=fact.consent_expires_at,
        do_not_contact=fact.do_not_contact,
        expected_amount=fact.expected_amount,
        expected_currency=fact.currency,
        updated_at=fact.at,
        newest_at=max(lead.newest_at, fact.at),
    )


def assigned_at(lead: Lead, owner_id: str, at: int) -> int | None:
    """Since when the lead has had an owner.

    Another owner inherits the promise: only without one, the time of the next starts anew.
    """
    if not owner_id:
        return None
    return at if lead.assigned_at is None else lead.assigned_at


def updated(lead: Lead, fact: Updated) -> Lead:
    """The lead after a change of attributes: no touch, and no new pass; what is not named stays."""
    owner_id = lead.owner_id if fact.owner_id is None else fact.owner_id
    return replace(
        lead,
        owner_id=owner_id,
        assigned_at=assigned_at(lead, owner_id, fact.at),
        segment=lead.segment if fact.segment is None else fact.segment,
        campaign_id=lead.campaign_id if fact.campaign_id is None else fact.campaign_id,
        account_id=lead.account_id if fact.account_id is None else fact.account_id,
        consent_expires_at=fact.consent_expires_at if fact.has_consent else lead.consent_expires_at,
        do_not_contact=lead.do_not_contact if fact.do_not_contact is None else fact.do_not_contact,
        expected_amount=lead.expected_amount if fact.expected_amount is None else fact.expected_amount,
        expected_currency=fact.currency or lead.expected_currency,
        updated_at=fact.at,
        newest_at=max(lead.newest_at, fact.at),
    )
