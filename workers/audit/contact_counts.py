"""What contacts count as, by the policy in force."""

from collections.abc import Iterator

from schemas.events import LeadContacted
from streams.domain.policy import Policy
from streams.domain.policy.counts import Counted, Counting

from .plain_fold import ContactCounts
from .plain_lead import PlainLead


def counts_of(policy: Policy) -> Iterator[ContactCounts]:
    """For the lead as it is when it is contacted; then, if the rules of the policy differ, by each of them."""

    def by_rule(lead: PlainLead, contact: LeadContacted) -> Counted:
        return _counted(policy.counts_of(lead), contact)

    yield by_rule
    countings = {policy.counts, *(rule.counts for rule in policy.rules)}
    if len(countings) > 1:
        for counting in countings:
            yield _always(counting)


def _always(counting: Counting) -> ContactCounts:
    return lambda _, contact: _counted(counting, contact)


def _counted(counting: Counting, contact: LeadContacted) -> Counted:
    return counting.touch(contact.by, contact.activity, contact.direction, contact.outcome)
