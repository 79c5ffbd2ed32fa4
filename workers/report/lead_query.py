"""Which leads a request asks for, and the list of the read model that is scanned for them."""

from collections.abc import Iterator
from typing import NamedTuple

from schemas.events import LeadSnapshot, Stage
from streams.domain.funnel import pass_label
from workers.read_model.index import PassSteps, passes_of, steps_of
from workers.read_model.list_members import timed

from .api_models import DecisionFilter, FunnelStep, PassLabel
from .generation_reader import ListRange

_BY_TIME = ("due", "stalled", "decision:", "owner-due:", "owner-stalled:", "owner-decision:")


class LeadQuery(NamedTuple):
    """A page of leads. `due_from` and `due_before` in epoch ms; None: any.

    With `step` or `without`, a lead fits if one of its passes fits: that pass has reached `step` and not reached
    `without`, and origin, campaign, owner, reason and number are of that pass, as in the funnel. Otherwise they are of
    the current pass, and `reason` is why the lead is cold now.
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

    @property
    def list_name(self) -> str:
        """The list to scan: the shortest that contains every lead that may match."""
        return self._scanned[0]

    @property
    def is_by_time(self) -> bool:
        """Whether the members of the list begin with a time."""
        return self.list_name.startswith(_BY_TIME)

    @property
    def is_counted(self) -> bool:
        """Whether every lead of the range matches, so that the size of the range is the number of leads."""
        return {name for name, value in self._asdict().items() if value is not None} <= self._scanned[1]

    @property
    def range(self) -> ListRange:
        """The part of the list to scan."""
        start, end = b"-", b"+"
        if self.begins:
            start, end = b"[" + self.begins.encode(), b"[" + self.begins.encode() + b"\xff"
        if self.due_from is not None:
            start = b"[" + timed(self.due_from).encode()
        if self.due_before is not None:
            end = b"(" + timed(self.due_before).encode()
        return ListRange(self.list_name, start, end)

    @property
    def _scanned(self) -> tuple[str, set[str]]:
        """The list, and the filters that being in it proves."""
        is_of_pass = self.step is not None or self.without is not None
        by_owner = None if is_of_pass or not self.owner else self.owner
        if self.begins:
            return "all", {"begins"}
        for name, filters in self._by_time():
            if by_owner is not None:
                return f"owner-{name}:{by_owner}", {*filters, "owner"}
            return name, filters
        if by_owner is not None:
            return f"owner:{by_owner}", {"owner"}
        return (f"stage:{self.stage}", {"stage"}) if self.stage else ("all", set())

    def _by_time(self) -> Iterator[tuple[str, set[str]]]:
        if self.due_before is not None or self.due_from is not None:
            yield "due", {"due_before", "due_from"}
        if self.decision:
            yield f"decision:{self.decision}", {"decision"}
        if self.stalled:
            yield "stalled", {"stalled"}

    def matches(self, lead: LeadSnapshot) -> bool:
        """Whether the lead fits, but for `track`, which its snapshot does not have."""
        return self._fits_now(lead) and (
            any(self._fits_pass(one) for one in passes_of(lead))
            if self.step is not None or self.without is not None
            else self._fits_dimensions(
                lead.origin, lead.campaign_id, lead.owner_id, lead.stall_reason, pass_label(lead.pass_no)
            )
        )

    def _fits_now(self, lead: LeadSnapshot) -> bool:
        return (
            self.stage in {None, lead.stage}
            and self.stalled in {None, lead.stalled_at is not None}
            and self._is_due(lead.due_at)
            and (self.decision is None or (self.decision == lead.decision and bool(lead.stall_id)))
            and self.segment in {None, lead.segment}
            and self.account in {None, lead.account_id}
            and lead.lead_id.startswith(self.begins or "")
        )

    def _is_due(self, at: int | None) -> bool:
        if at is None:
            return self.due_before is None and self.due_from is None
        return (self.due_before is None or at < self.due_before) and (self.due_from is None or at >= self.due_from)

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
