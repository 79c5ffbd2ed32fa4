"""Audits of what an agent published, without Kafka: its log and its outputs as stored records."""

from collections import defaultdict
from collections.abc import Iterable

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.events import AnyRecord, EndpointState, Heartbeat
from schemas.topics import TOPIC_OF, TOPICS
from streams.domain.policy import Action, PlainTime, Policy, PolicyLimits
from tests.builders_domain import a_policy, within
from tests.unit.agents.agent_harness import AgentHarness
from workers.audit.lead_audit import LeadAudit, LeadAuditor
from workers.audit.lead_records import LeadReader
from workers.audit.model_audit import ModelAuditor
from workers.audit.retention import Retained
from workers.audit.stored import AUDITED, StoredRecord

CODEC = Codec(Catalogue.bundled())
MEMORY_FACTS = 64
NO_MODEL = ModelAuditor(None, CODEC, has_all=False)

POLICY = a_policy(
    within(never_contacted=100),
    PolicyLimits(max_recycles=None, max_age=None, cooldown=PlainTime(1_000)),
    {"never_contacted": Action("introduce-again", escalate=PlainTime(50)), "price": Action("offer", PlainTime(30))},
)


def stored(topic: str, offset: int, key: bytes, value: bytes | None, written_at: int | None = None) -> StoredRecord:
    return StoredRecord(key, AUDITED.index(topic), 0, offset, offset if written_at is None else written_at, value)


def of_agent(agent: AgentHarness) -> dict[bytes, list[StoredRecord]]:
    """Everything that an agent consumed and published, by lead."""
    found: dict[bytes, list[StoredRecord]] = defaultdict(list)
    for topic, records in agent.log.records.items():
        for one in records:
            if topic in AUDITED and one.key is not None:
                found[one.key].append(stored(topic, one.offset, one.key, one.value))
    for offset, sent in enumerate(agent.published):
        if sent.topic in AUDITED and sent.topic not in agent.log.records and sent.key is not None:
            found[sent.key].append(stored(sent.topic, offset, sent.key, sent.value))
    return found


def published_by(agent: AgentHarness) -> list[AnyRecord]:
    """All records of leads that an agent consumed and published, decoded."""
    return [
        CODEC.decode(one.value, record)
        for stored_records in of_agent(agent).values()
        for one in stored_records
        if (record := TOPICS[AUDITED[one.topic]].record) is not None
    ]


def of_records(*records: AnyRecord) -> dict[bytes, list[StoredRecord]]:
    """Records as they are in Kafka, each topic in this order."""
    found: dict[bytes, list[StoredRecord]] = defaultdict(list)
    for offset, record in enumerate(records):
        assert not isinstance(record, EndpointState | Heartbeat)
        key = record.lead_id.encode()
        found[key].append(stored(TOPIC_OF[type(record)].name, offset, key, CODEC.encode(record)))
    return found


def audits(
    records: dict[bytes, list[StoredRecord]],
    policy: Policy,
    retained: Retained | None = None,
    *,
    memory: int = MEMORY_FACTS,
    fired_until: int = 0,
) -> list[LeadAudit]:
    reader, auditor = LeadReader(CODEC), LeadAuditor(policy, memory)
    return [
        auditor.audit(reader(key, of_lead), retained or Retained(), fired_until) for key, of_lead in records.items()
    ]


def found_in(all_audits: Iterable[LeadAudit]) -> list[str]:
    """The differences, as text."""
    return [str(one) for audit in all_audits for one in audit.differences]
