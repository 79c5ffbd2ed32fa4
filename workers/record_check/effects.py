"""What a fact does to its lead, in a sentence."""

from typing import assert_never

from streams.domain.facts import Closed, Contacted, Created, Decided, Fact, Revoked, Stalled, Updated, Warned


def effect_of(fact: Fact) -> str:  # noqa: PLR0911  one return for each kind of fact
    """What follows from the fact, as far as that does not depend on the lead."""
    match fact:
        case Created():
            return "starts a pass, unless the current one is still open: then it updates the attributes"
        case Contacted():
            return _counted(fact)
        case Updated(retracts=retracts) if retracts:
            return f"takes back the fact {retracts}, and changes the attributes that are given"
        case Updated():
            return "changes the attributes that are given; no promise restarts"
        case Closed(is_won=True):
            return "closes the deal as won: the lead is a customer and is handed back no more"
        case Closed(reason=reason):
            return f"closes the deal as lost, for the reason {reason}: the lead has stalled"
        case Stalled(declared_by=who, reason=reason):
            return f"the lead has stalled, for the reason {reason}, declared by {who}"
        case Decided() | Revoked() | Warned():
            return "a decision of streams; a lead that does not know it adds it"
        case never:
            assert_never(never)


def _counted(fact: Contacted) -> str:
    if fact.is_no_touch:
        return "counts as no touch: it restarts no promise"
    return "counts as progress" if fact.is_progress else "counts as a touch, without progress"
