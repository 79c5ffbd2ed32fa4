"""Topics with events and with what became of them at endpoints, and the audit of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from schemas.events import DeliveryOutcome, DeliveryResult, LeadEscalated, LeadRecycled
from tests.audited import audit_of_deliveries
from tests.builders import T0
from workers.audit.differences import AuditDifference
from workers.audit.result import AuditResult

from .audited import CODEC
from .memory_log import MemoryLog

CRM = "endpoints: {crm: {kind: webhook, url: 'https://crm.example.com/hook', secrets: [{env: ABSENT}]}}"


def a_recycle(lead_id: str = "ada", **fields: object) -> LeadRecycled:
    made = {"event_id": f"r {lead_id}", "recycle_id": f"r {lead_id}", "occurred_at": T0, "action": "RECYCLE"}
    return LeadRecycled(lead_id=lead_id, **{**made, **fields})  # type: ignore[arg-type]


def a_revoke(lead_id: str = "ada") -> LeadRecycled:
    return a_recycle(lead_id, event_id=f"v {lead_id}", action="REVOKE", occurred_at=T0 + 10)


def an_escalation(lead_id: str = "ada", until: int = T0 + 100) -> LeadEscalated:
    name = f"e {lead_id}"
    return LeadEscalated(
        event_id=name, escalation_id=name, lead_id=lead_id, occurred_at=T0, action="ESCALATE", until=until
    )


@dataclass
class DeliveredLog:
    """Deliver has consumed everything, but for what is `held`."""

    log: MemoryLog = field(default_factory=MemoryLog)

    def event(self, event: LeadRecycled | LeadEscalated, at: int = 0) -> "DeliveredLog":
        """Publish an event; `at` is Kafka's timestamp."""
        topic = "lead-recycled" if isinstance(event, LeadRecycled) else "lead-escalated"
        self.log.append(topic, event.lead_id.encode(), CODEC.encode(event), at=at)
        return self

    def result(
        self,
        event: LeadRecycled | LeadEscalated,
        outcome: DeliveryOutcome = "accepted",
        *,
        endpoint: str = "crm",
        attempts: int = 1,
        replay: str = "",
        at: int = T0 + 1,
        detail: str = "",
    ) -> "DeliveredLog":
        result = DeliveryResult(
            endpoint=endpoint,
            lead_id=event.lead_id,
            occurred_at=at,
            outcome=outcome,
            attempts=attempts,
            detail=detail,
            **_about(event),  # type: ignore[arg-type]
        )
        self.log.append("delivery-results", event.lead_id.encode(), CODEC.encode(result), note=replay)
        return self

    def wait(self, event: LeadRecycled, due_at: int = T0, *, is_over: bool = False) -> "DeliveredLog":
        """Let it wait; `is_over`: deliver has consumed it since."""
        value = CODEC.encode(event)
        record = self.log.append("delivery-wait-1m", event.lead_id.encode(), value, note=f"crm {due_at}")
        self.log.delivered[record.place] = record.offset + is_over
        return self

    def letter(self, event: LeadRecycled) -> "DeliveredLog":
        self.log.append("lead-dead-letters", event.lead_id.encode(), CODEC.encode(event), note="crm")
        return self

    def audit(self, folder: Path, endpoints: str | None = CRM) -> "AuditOfDeliveries":
        """Audit with this endpoints file."""
        found = audit_of_deliveries(self.log, endpoints, folder)
        return AuditOfDeliveries(found.result, found.differences)


@dataclass
class AuditOfDeliveries:
    """What was found about deliveries: the leads of these logs have no facts, which differs as well."""

    result: AuditResult
    differences: list[AuditDifference]

    @property
    def named(self) -> list[tuple[str, str, str]]:
        return [(one.kind, one.what, one.found) for one in self.differences]

    @property
    def states(self) -> Mapping[tuple[str, str], int]:
        return {(endpoint, state): count for (endpoint, state), count in self.result.deliveries.items()}


def _about(event: LeadRecycled | LeadEscalated) -> dict[str, str]:
    if isinstance(event, LeadEscalated):
        return {"escalation_id": event.escalation_id, "escalation": event.action}
    return {"recycle_id": event.recycle_id, "action": event.action}
