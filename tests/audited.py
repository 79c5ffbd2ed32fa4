"""The audit of a world of tests: what `leadloop audit` finds there, as the judge of crashes and churn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from streams.domain.policy import Policy
from streams.runtime.settings import AuditSettings
from tests.world import CODEC, World
from workers.audit.delivery_audit import DeliveryAuditor
from workers.audit.differences import AuditDifference
from workers.audit.lead_audit import LeadAuditor
from workers.audit.lead_records import LeadReader
from workers.audit.looks import Looks
from workers.audit.model_audit import ModelAuditor
from workers.audit.result import AuditResult
from workers.audit.run import AuditRequest, AuditRun
from workers.audit.stored import DELIVERED, OUTCOMES, WAITING
from workers.audit.topic_log import TopicLog
from workers.audit.waiting_stalls import OpenStall
from workers.audit.whole_audit import audit_deployment
from workers.delivery.filters import read_filters

MEMORY_FACTS = 64


OF_DELIVER = (*DELIVERED, *OUTCOMES, *WAITING)
"""The topics that deliver reads and writes."""
OF_DELIVERIES = frozenset({"undelivered", "not_taken_back", "sent_wrongly", "contradiction"})


@dataclass
class AuditOfWorld:
    """What an audit counted, and everything that it named."""

    result: AuditResult
    differences: list[AuditDifference] = field(default_factory=list)
    open_stalls: list[OpenStall] = field(default_factory=list)

    def assert_balanced(self, leads: int) -> None:
        """So many leads were checked, all of them balance, and no open stall waits for nothing."""
        assert [str(one) for one in self.differences] == []
        assert (self.result.balanced, self.result.pending, dict(self.result.not_checkable)) == (leads, 0, {})
        assert [one for one in self.open_stalls if one.waits_for == "nothing"] == []


def audit_of(
    world: World, policy_file: Path | None = None, *, since: int = 0, more: Mapping[str, str] = MappingProxyType({})
) -> AuditOfWorld:
    """Audit a world; `more` are further variables of the environment."""
    files = {} if policy_file is None else {"LEADLOOP_POLICY_FILE": str(policy_file)}
    settings = AuditSettings.from_env({**world.env(), **files, **more})
    found = AuditOfWorld(AuditResult(on_difference=lambda _: None, on_open_stall=lambda _: None))
    found.result.on_difference, found.result.on_open_stall = found.differences.append, found.open_stalls.append
    audit_deployment(settings, CODEC, AuditRequest(since=since, scratch=world.folder), found.result)
    return found


def audit_of_deliveries(log: TopicLog, endpoints: str | None, folder: Path) -> AuditOfWorld:
    """Audit deliveries alone, where there are no facts of their leads; `endpoints` is the text of the file."""
    found = AuditOfWorld(AuditResult(on_difference=lambda _: None, on_open_stall=lambda _: None))
    found.result.on_difference = lambda one: found.differences.append(one) if one.kind in OF_DELIVERIES else None
    filters = None if endpoints is None else read_filters(endpoints, "endpoints.yml")
    auditors = LeadAuditor(Policy(), MEMORY_FACTS), DeliveryAuditor(filters), ModelAuditor(None, CODEC, has_all=False)
    AuditRun(
        AuditRequest(0, folder, 0.0), log, Looks(LeadReader(CODEC), *auditors, found.result, 0), found.result
    ).run()
    return found
