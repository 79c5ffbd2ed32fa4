"""Which leads a request asks for, and whether a lead is one of them. Pure."""

from typing import NamedTuple

from schemas.events import LeadSnapshot, Stage
from streams.domain.funnel import pass_label
from workers.read_model.index import PassSteps, began_at, passes_of, steps_of
from workers.read_model.lead_lists import OrderName
from workers.read_model.listed_facts import ListedFacts, closed_at, human_delay_ms, is_at_risk

from .api_models import DecisionFilter, FunnelStep, PassLabel


class LeadQuery(NamedTuple):
    """Leads. Times and delays in (epoch) ms, amounts in minor units; from is inclusive, before and below are not.

    With `step` or `without`, a lead fits if one of its passes fits: that pass has reached `step` and not reached
    `without`, and origin, campaign, owner, reason, number and the time of creation are of that pass, as in the funnel.
    Otherwise they are of the current pass, and `reason` is why the lead is cold now.
    """

    stage: Stage | None = None
    stalled: bool | None = None
    due_before: int | None = None
    origin: str | None = None
    owner: str | None = None
    decision: DecisionFilter | None = None
    due_from: int | None = None
    campaign: str | None = None
    segment: str | None = None
    account: str | None = None
    reason: str | None = None
    pass_label: PassLabel | None = None
    track: str | None = None
    step: FunnelStep | None = None
    without: FunnelStep | None = None
    begins: str | None = None
    created_from: int | None = None
    created_before: int | None = None
    touched_from: int | None = None
    touched_before: int | None = None
    closed_from: int | None = None
    closed_before: int | None = None
    amount_from: int | None = None
    amount_below: int | None = None
    currency: str | None = None
    at_risk: bool | None = None
    system_delay_from: int | None = None
    human_delay_from: int | None = None
    sort: OrderName | None = None
    is_backwards: bool = False

    @property
    def is_of_pass(self) -> bool:
        """Whether one of the passes must fit."""
        return self.step is not None or self.without is not None

    def matches(self, lead: LeadSnapshot) -> bool:
        """Whether the snapshot of a lead fits."""
        return self._fits_now(lead) and (
            any(
                self._fits_pass(one) and _is_within(at, self.created_from, self.created_before)
                for one, at in zip(passes_of(lead), began_at(lead), strict=True)
            )
            if self.is_of_pass
            else self._fits_dimensions(
                lead.origin, lead.campaign_id, lead.owner_id, lead.stall_reason, pass_label(lead.pass_no)
            )
        )

    def matches_facts(self, lead: LeadSnapshot, facts: ListedFacts, track: str) -> bool:
        """Whether what is not in the snapshot fits. `track`: of the recycle that stands."""
        amount = facts.amount
        return (
            self.track in {None, track}
            and self.at_risk in {None, is_at_risk(lead, facts)}
            and _is_within(closed_at(lead), self.closed_from, self.closed_before)
            and (self.currency is None or (amount is not None and amount.currency == self.currency))
            and _is_within(None if amount is None else amount.minor, self.amount_from, self.amount_below)
            and _is_within(facts.system_delay_ms, self.system_delay_from, None)
            and _is_within(human_delay_ms(lead), self.human_delay_from, None)
        )

    def _fits_now(self, lead: LeadSnapshot) -> bool:
        return (
            self.stage in {None, lead.stage}
            and self.stalled in {None, lead.stalled_at is not None}
            and _is_within(lead.due_at, self.due_from, self.due_before)
            and (self.is_of_pass or _is_within(lead.created_at, self.created_from, self.created_before))
            and _is_within(lead.last_touch_at, self.touched_from, self.touched_before)
            and (self.decision is None or (self.decision == lead.decision and bool(lead.stall_id)))
            and self.segment in {None, lead.segment}
            and self.account in {None, lead.account_id}
            and lead.lead_id.startswith(self.begins or "")
        )

    def _fits_pass(self, one: PassSteps) -> bool:
        reached = set(steps_of(one.reached, one.later))
        return (
            (self.step is None or self.step in reached)
            and (self.without is None or self.without not in reached)
            and bool(one.pass_no)
            and self._fits_dimensions(one.origin, one.campaign_id, one.owner_id, one.reason, pass_label(one.pass_no))
        )

    def _fits_dimensions(self, origin: str, campaign: str, owner: str, reason: str, label: str) -> bool:
        return (
            self.origin in {None, origin}
            and self.campaign in {None, campaign}
            and self.owner in {None, owner}
            and self.reason in {None, reason}
            and self.pass_label in {None, label}
        )


def _is_within(value: int | None, least: int | None, below: int | None) -> bool:
    """Whether a value is within limits; none is within no limits only."""
    if value is None:
        return least is None and below is None
    return (least is None or value >= least) and (below is None or value < below)
