"""Which leads a request asks for, and the list of the read model that is scanned for them."""

from typing import NamedTuple

from schemas.events import LeadSnapshot, Stage
from workers.read_model.list_members import timed

from .api_models import DecisionFilter

_BY_TIME = ("due", "stalled", "decision:", "owner-due:", "owner-stalled:", "owner-decision:")


class LeadQuery(NamedTuple):
    """A page of leads. `due_before` in epoch ms; empty and None: any."""

    stage: Stage | None = None
    stalled: bool | None = None
    due_before: int | None = None
    origin: str | None = None
    owner: str | None = None
    decision: DecisionFilter | None = None

    @property
    def list_name(self) -> str:
        """The list to scan: the shortest that contains every lead that may match."""
        owner, by_owner = self.owner, f":{self.owner}"
        if self.due_before is not None:
            return f"owner-due{by_owner}" if owner else "due"
        if self.decision:
            return f"owner-decision:{self.decision}{by_owner}" if owner else f"decision:{self.decision}"
        if self.stalled:
            return f"owner-stalled{by_owner}" if owner else "stalled"
        if owner:
            return f"owner{by_owner}"
        return f"stage:{self.stage}" if self.stage else "all"

    @property
    def is_by_time(self) -> bool:
        """Whether the members of the list begin with a time."""
        return self.list_name.startswith(_BY_TIME)

    @property
    def end(self) -> bytes:
        """The bound of its members, in the syntax of ZRANGEBYLEX."""
        return b"+" if self.due_before is None else b"(" + timed(self.due_before).encode()

    def matches(self, lead: LeadSnapshot) -> bool:
        return (
            self.stage in {None, lead.stage}
            and self.stalled in {None, lead.stalled_at is not None}
            and (self.due_before is None or (lead.due_at is not None and lead.due_at < self.due_before))
            and self.origin in {None, lead.origin}
            and (self.decision is None or (self.decision == lead.decision and bool(lead.stall_id)))
            and self.owner in {None, lead.owner_id}
        )
