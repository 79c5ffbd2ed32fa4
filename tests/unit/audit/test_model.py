"""The read model against the topics: documents, lists and totals; what is not projected yet is no difference."""

from collections import Counter
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from schemas.events import LeadSnapshot, PastPass
from tests.builders import T0, a_created, a_loss, a_reply
from tests.unit.agents.agent_harness import AgentHarness
from workers.audit.lead_records import LeadReader, LeadRecords
from workers.audit.model_checks import RecountedTotals, check_document, is_projected
from workers.audit.model_reader import ModelLead, ModelTotals
from workers.audit.stored import AUDITED
from workers.projection.fold import DocumentFold
from workers.projection.record_decoder import RecordDecoder
from workers.read_model.generation import SOURCE_TOPICS, PartitionId
from workers.read_model.lead_document import LeadDocument, decode

from .audited import CODEC, POLICY, of_agent

EVERYTHING = {PartitionId(topic, 0): 1_000 for topic in SOURCE_TOPICS}


def a_lead() -> tuple[LeadRecords, LeadDocument, LeadSnapshot]:
    """A lead that was never contacted, escalated, and handed back; and its document, as project makes it."""
    agent = AgentHarness(POLICY).add(a_created("ada", T0, origin="web")).until(T0 + 500).run()
    ((key, stored),) = of_agent(agent).items()
    records, project = LeadReader(CODEC)(key, stored), RecordDecoder(CODEC)
    events = [
        project(AUDITED[one.topic], key, one.value, T0 + 500) for one in stored if AUDITED[one.topic] in SOURCE_TOPICS
    ]
    document = decode(DocumentFold(CODEC)(events, {"ada": None}).documents["ada"])
    assert records.snapshot is not None
    return records, document, records.snapshot


def found(records: LeadRecords, document: LeadDocument, missing_in: Sequence[str] = ()) -> list[tuple[str, str, str]]:
    snapshot = None if document.snapshot is None else CODEC.decode(document.snapshot, LeadSnapshot)
    differences = list(check_document(records, ModelLead(document, snapshot, EVERYTHING, missing_in)))
    assert {one.kind for one in differences} <= {"read_model"}
    return [(one.what, one.found, one.expected) for one in differences]


def test_the_document_that_project_makes_balances() -> None:
    records, document, snapshot = a_lead()
    assert (snapshot.stage, len(document.escalations), len(document.recycles)) == ("nurture", 1, 1)
    assert found(records, document) == []


def test_a_document_of_an_older_snapshot() -> None:
    records, document, snapshot = a_lead()
    document.snapshot = CODEC.encode(replace(snapshot, stage="stalled"))
    assert found(records, document) == [("stage", "stalled", "nurture")]
    document.snapshot = CODEC.encode(replace(snapshot, recorded_at=7))
    assert found(records, document) == [("snapshot", "of 7", f"the newest, of {snapshot.recorded_at}")]


def test_a_lead_without_a_document() -> None:
    records, _, _ = a_lead()
    assert found(records, LeadDocument()) == [("lead", "missing", "of stage nurture")]


def test_a_recycle_and_an_escalation_that_are_missing_in_the_document() -> None:
    records, document, _ = a_lead()
    missing = {document.recycles[0].id, document.escalations[0].id}
    document.recycles, document.escalations = [], []
    assert {what.removeprefix("event ") for what, _, _ in found(records, document)} == missing


def test_a_lead_that_was_deleted_must_not_be_in_the_read_model() -> None:
    records, document, _ = a_lead()
    records.snapshot, records.is_deleted = None, True
    assert found(records, document) == [("lead", "there", "deleted")]
    document.clear()
    assert found(records, document) == []


def test_a_lead_that_is_missing_in_a_list() -> None:
    records, document, _ = a_lead()
    assert found(records, document, ["stage:nurture"]) == [("list stage:nurture", "without the lead", "with it")]


@pytest.mark.parametrize("topic", ["lead-created", "lead-recycled", "lead-snapshots"])
def test_a_lead_of_which_a_record_is_not_projected_yet_is_not_compared(topic: str) -> None:
    records, document, snapshot = a_lead()
    place = PartitionId(topic, 0)
    assert is_projected(records, ModelLead(document, snapshot, EVERYTHING, ()))
    behind = {**EVERYTHING, place: records.ends[place] - 1}
    assert not is_projected(records, ModelLead(document, snapshot, behind, ()))


# -- totals ----------------------------------------------------------------------------------------


def of_totals(found: ModelTotals, *leads: LeadSnapshot) -> list[tuple[str, str, str]]:
    totals = RecountedTotals()
    for lead in leads:
        totals.add(lead)
    return [(one.what, one.found, one.expected) for one in totals.check(found)]


def test_totals_are_the_sum_of_the_leads() -> None:
    agent = AgentHarness(POLICY).add(
        a_created("ada", T0, origin="web"), a_reply("ada", T0 + 5), a_loss("ada", T0 + 10), a_created("ada", T0 + 20)
    )
    ((key, stored),) = of_agent(agent.until(T0 + 30).run()).items()
    snapshot = LeadReader(CODEC)(key, stored).snapshot
    assert snapshot is not None
    first, second = snapshot.passes[0].origin, snapshot.origin
    steps = ("created", "touched", "progressed", "stalled", "recycled", "lost", "requalified", "kept")
    right = Counter({(first, step): 1 for step in steps}) + Counter({(second, "created"): 1})
    assert of_totals(ModelTotals({0: 9}, {"new": 1}, right), snapshot) == []
    wrong = {**right, (first, "lost"): 3}
    assert of_totals(ModelTotals({0: 9}, {"new": 2, "won": 1}, wrong), snapshot) == [
        ("leads in stage new", "2", "1"),
        ("leads in stage won", "1", "0"),
        (f"funnel: lost of origin {first}", "3", "1"),
    ]


def test_the_funnel_is_not_compared_if_a_version_before_did_not_write_the_steps() -> None:
    old = LeadSnapshot(lead_id="old", stage="new", pass_no=1, origin="web")
    assert of_totals(ModelTotals({}, {"new": 1}, {("web", "created"): 1}), old) == []
    passes = (PastPass(pass_no=1, origin="web", reached=1),)
    assert of_totals(ModelTotals({}, {"new": 1}, {}), replace(old, pass_no=2, reached=1, passes=passes)) == [
        ("funnel: created of origin web", "0", "2")
    ]
