"""What the views of one request read: the read model, the policy, and the clock of the page."""

from dataclasses import dataclass

from workers.report.access.reader import PageReader
from workers.report.actions import Actions
from workers.report.api_models import Overview, instant
from workers.report.policy_in_use import PolicyInUse
from workers.report.queries import ReadModel

from .phrases import Clock


@dataclass(frozen=True)
class Source:
    """Of one request.

    Attributes:
        model: The read model.
        policy: What explanations go by.
        clock: The time zone of the team, and the time.
        crm_link: The address of a lead in the CRM, with `{lead_id}`; empty: there is none.
        actions: What operators can do; None: nothing.
        reader: Who asked; None where it makes no difference.
    """

    model: ReadModel
    policy: PolicyInUse
    clock: Clock
    crm_link: str = ""
    actions: Actions | None = None
    reader: PageReader | None = None

    @classmethod
    def now(cls, model: ReadModel, policy: PolicyInUse, crm_link: str = "") -> "Source":
        return cls(model, policy, Clock(policy.zone, instant(policy.wall_ms())), crm_link)

    async def overview(self) -> Overview:
        return await self.model.overview(int(self.clock.now.timestamp() * 1000), self.clock.zone)
