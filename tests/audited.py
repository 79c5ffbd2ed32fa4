"""The audit of a world of tests: what `leadloop audit` finds there, as the judge of crashes and churn."""

from dataclasses import dataclass, field
from pathlib import Path

from streams.runtime.settings import AuditSettings
from tests.world import CODEC, World
from workers.audit.differences import AuditDifference
from workers.audit.result import AuditResult
from workers.audit.run import AuditRequest
from workers.audit.waiting_stalls import OpenStall
from workers.audit.whole_audit import audit_deployment


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


def audit_of(world: World, policy_file: Path | None = None, *, since: int = 0, **more: str) -> AuditOfWorld:
    """Audit a world; `more` are further variables of the environment."""
    files = {} if policy_file is None else {"LEADLOOP_POLICY_FILE": str(policy_file)}
    settings = AuditSettings.from_env({**world.env(), **files, **more})
    found = AuditOfWorld(AuditResult(on_difference=lambda _: None, on_open_stall=lambda _: None))
    found.result.on_difference, found.result.on_open_stall = found.differences.append, found.open_stalls.append
    audit_deployment(settings, CODEC, AuditRequest(since=since, scratch=world.folder), found.result)
    return found
