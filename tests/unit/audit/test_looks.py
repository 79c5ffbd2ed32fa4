"""What is compared with the read model while it goes on: it may have more than the records that were read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from msgspec.structs import replace

from schemas.events import AnyRecord, LeadSnapshot
from tests.builders import T0, a_created, a_loss, a_reply
from tests.unit.agents.agent_harness import AgentHarness
from workers.audit.delivery_audit import DeliveryAuditor
from workers.audit.lead_audit import LeadAuditor
from workers.audit.lead_records import LeadReader
from workers.audit.looks import Looks
from workers.audit.model_audit import ModelAuditor
from workers.audit.model_reader import ModelLead, ModelReader
from workers.audit.result import AuditResult
from workers.audit.run import AuditRequest, AuditRun
from workers.audit.stored import AUDITED
from workers.projection.fold import DocumentFold
from workers.projection.record_decoder import RecordDecoder
from workers.read_model.generation import SOURCE_TOPICS, PartitionId
from workers.read_model.lead_document import decode

from .audited import CODEC, MEMORY_FACTS, POLICY, of_agent
from .memory_log import MemoryLog

EVERYTHING = {PartitionId(topic, 0): 1_000 for topic in SOURCE_TOPICS}


class HeldLead:
    """A lead whose stall is held until a date that has passed on the clock of the audit, and not in stream time."""

    def __init__(self) -> None:
        again = a_loss("ada", T0 + 30, event_id="again")
        facts: list[AnyRecord] = [
            a_created("ada", T0),
            a_reply("ada", T0 + 5),
            a_loss("ada", T0 + 10),
            a_reply("ada", T0 + 20),
            again,
        ]
        ((self.key, self.stored),) = of_agent(AgentHarness(POLICY).add(*facts).until(T0 + 500).run()).items()
        self.log = MemoryLog()
        self.log.extend(self.stored)
        snapshot = LeadReader(CODEC)(self.key, self.stored).snapshot
        assert snapshot is not None
        self.snapshot, self.newer = snapshot, replace(snapshot, recorded_at=snapshot.recorded_at + 1)

    def audit(self, models: Sequence[LeadSnapshot], folder: Path) -> list[str]:
        """Audit, with the snapshot in the read model at each look; the last of them stays."""
        differences: list[str] = []
        result = AuditResult(lambda one: differences.append(str(one)), lambda _: None)
        reader = cast("ModelReader", Model(self, models))
        auditors = LeadAuditor(POLICY, MEMORY_FACTS), DeliveryAuditor(), ModelAuditor(reader, CODEC, has_all=False)
        looks = Looks(LeadReader(CODEC), *auditors, result, 0)
        AuditRun(AuditRequest(0, folder, 0.0), self.log, looks, result).run()
        return differences

    def model(self, snapshot: LeadSnapshot) -> ModelLead:
        project = RecordDecoder(CODEC)
        sources = [one for one in self.stored if AUDITED[one.topic] in SOURCE_TOPICS]
        events = [project(AUDITED[one.topic], self.key, one.value, T0) for one in sources]
        document = decode(DocumentFold(CODEC)(events, {"ada": None}).documents["ada"])
        return ModelLead(document, snapshot, EVERYTHING, ())


class Model:
    """The read model at each look."""

    def __init__(self, lead: HeldLead, models: Sequence[LeadSnapshot]) -> None:
        self._lead, self._models = lead, list(models)

    def leads(self, _ids: Sequence[str], _partition: int) -> Mapping[str, ModelLead]:
        now = self._models.pop(0) if len(self._models) > 1 else self._models[0]
        return {"ada": self._lead.model(now)}


def test_a_record_that_the_read_model_has_before_the_audit_is_no_difference(tmp_path: Path) -> None:
    lead = HeldLead()

    def write(view: int) -> None:
        if view == 2:  # after the second look, which the read model was ahead of
            lead.log.append("lead-snapshots", lead.key, CODEC.encode(lead.newer))

    lead.log.on_view = write
    assert lead.audit([lead.snapshot, lead.newer], tmp_path) == []


def test_a_read_model_that_stays_different_is_a_difference(tmp_path: Path) -> None:
    lead = HeldLead()
    (difference,) = lead.audit([lead.snapshot, lead.newer], tmp_path)
    assert difference.startswith("ada  read_model: snapshot is")
