"""An audit of all topics: partition by partition, with a second look at what differs, on a system that works."""

from collections.abc import Callable
from pathlib import Path

from schemas.events import FactRecord, LeadDecided, LeadSnapshot
from schemas.topics import partition_of
from tests.builders import T0, a_contact, a_created
from tests.unit.agents.agent_harness import AgentHarness
from workers.audit.delivery_audit import DeliveryAuditor
from workers.audit.lead_audit import LeadAuditor
from workers.audit.lead_records import LeadReader
from workers.audit.looks import Looks
from workers.audit.result import AuditResult
from workers.audit.retention import SLACK_MS
from workers.audit.run import AuditRequest, AuditRun
from workers.audit.stored import AUDITED, StoredRecord, rejected_note
from workers.read_model.generation import PartitionId

from .audited import CODEC, MEMORY_FACTS, NO_MODEL, POLICY, of_agent
from .memory_log import MemoryLog

VERSION_1_OF_DECIDED = b"\x00\x00\x00\x00\x06"
"""How records of the first version of LeadDecided begin."""
LEADS = [f"lead-{n}" for n in range(20)]


class Audited:
    """One audit of a log."""

    def __init__(self, log: MemoryLog, folder: Path, since: int = 0) -> None:
        self.differences: list[str] = []
        result = AuditResult(lambda one: self.differences.append(str(one)), lambda _: None)
        looks = Looks(LeadReader(CODEC), LeadAuditor(POLICY, MEMORY_FACTS), DeliveryAuditor(), NO_MODEL, result, 0)
        self.result = AuditRun(AuditRequest(since, folder, 0.0), log, looks, result).run()


def published(*records: FactRecord) -> list[StoredRecord]:
    """What streams publishes of new leads, with the facts."""
    agent = AgentHarness(POLICY).add(*records).run()
    return [one for of_lead in of_agent(agent).values() for one in of_lead]


def snapshots(records: list[StoredRecord]) -> list[StoredRecord]:
    return [one for one in records if AUDITED[one.topic] == "lead-snapshots"]


def facts(records: list[StoredRecord]) -> list[StoredRecord]:
    return [one for one in records if AUDITED[one.topic] != "lead-snapshots"]


def new_leads() -> list[StoredRecord]:
    return published(*(a_created(name, T0) for name in LEADS))


def test_all_leads_of_all_partitions_are_counted(tmp_path: Path) -> None:
    log = MemoryLog(partitions=3)
    log.extend(new_leads())
    found = Audited(log, tmp_path)
    assert found.differences == []
    assert (found.result.leads, found.result.balanced, found.result.stages) == (20, 20, {"new": 20})
    assert found.result.steps == {("webinar", "created"): 20}


def test_a_difference_is_reported_once(tmp_path: Path) -> None:
    log, records = MemoryLog(partitions=3), new_leads()
    log.extend([*facts(records), *snapshots(records)[1:]])
    found = Audited(log, tmp_path)
    assert found.differences == [f"{LEADS[0]}  no_snapshot: snapshot is missing, should be of stage new"]
    assert (found.result.balanced, found.result.differing) == (19, 1)


def test_a_difference_that_newer_records_explain_is_none(tmp_path: Path) -> None:
    log, records = MemoryLog(), new_leads()
    log.extend(facts(records))
    log.on_view = lambda count: log.extend(snapshots(records)) if count == 1 else None
    found = Audited(log, tmp_path)
    assert found.differences == []
    assert found.result.balanced == 20


def test_a_lead_whose_newest_fact_streams_has_not_consumed_is_pending(tmp_path: Path) -> None:
    log = MemoryLog()
    log.extend(facts(new_leads()))
    log.unconsumed = {PartitionId("lead-created", 0)}
    found = Audited(log, tmp_path)
    assert found.differences == []
    assert (found.result.pending, found.result.is_balanced) == (20, True)


def test_a_lead_that_changes_at_each_look_is_pending_and_not_wrong(tmp_path: Path) -> None:
    log, records = MemoryLog(), new_leads()
    log.extend([*facts(records), *snapshots(records)[1:]])
    name = LEADS[0]

    def touch(count: int) -> None:
        value = CODEC.encode(a_contact(name, T0 + count, event_id=f"touch {count}"))
        log.append("lead-contacted", name.encode(), value)

    log.on_view = touch
    found = Audited(log, tmp_path)
    assert found.differences == []
    assert (found.result.pending, found.result.balanced) == (1, 19)


def test_a_lead_that_changed_and_still_differs_is_reported_at_the_next_look(tmp_path: Path) -> None:
    log, records = MemoryLog(), new_leads()
    log.extend([*facts(records), *snapshots(records)[1:]])
    name = LEADS[0]
    value = CODEC.encode(a_contact(name, T0 + 1, event_id="touch"))

    def touch(count: int) -> None:
        if count == 1:
            log.append("lead-contacted", name.encode(), value)

    log.on_view = touch
    found = Audited(log, tmp_path)
    assert found.differences == [f"{name}  no_snapshot: snapshot is missing, should be of stage working"]


def test_a_record_on_the_wrong_partition_is_one_that_streams_publishes_again(tmp_path: Path) -> None:
    log, name = MemoryLog(partitions=3), LEADS[0]
    log.extend(published(a_created(name, T0, event_id="1")))
    wrong = (partition_of(name.encode(), 3) + 1) % 3
    log.append("lead-created", name.encode(), CODEC.encode(a_created(name, T0, event_id="1")), partition=wrong)
    found = Audited(log, tmp_path)
    assert found.differences == []
    assert found.result.leads == 1


def test_a_record_that_streams_rejected_is_no_fact(tmp_path: Path) -> None:
    log, name = MemoryLog(), LEADS[0].encode()
    log.extend(published(a_created(LEADS[0], T0)))
    future = log.append("lead-contacted", name, CODEC.encode(a_contact(LEADS[0], T0 + 10**11, event_id="future")))
    log.append("lead-dead-letters", name, future.value, note=rejected_note(future.place, future.offset))
    log.append("lead-contacted", name, b"not avro")
    assert Audited(log, tmp_path).differences == []


# -- retention -------------------------------------------------------------------------------------


def expired(log: MemoryLog, topic: str, first: int) -> None:
    log.firsts[PartitionId(topic, 0)] = first


def at(records: list[StoredRecord], written_at: int) -> list[StoredRecord]:
    return [StoredRecord(one.key, one.topic, 0, 0, written_at, one.value) for one in records]


def a_log(lost: Callable[[MemoryLog], None], tmp_path: Path) -> Audited:
    """Two leads, of which the second was created long after the first."""
    log = MemoryLog()
    log.extend(at(published(a_created("old", T0)), T0))
    log.extend(at(published(a_created("young", T0 + 10)), T0 + 10 * SLACK_MS))
    lost(log)
    return Audited(log, tmp_path)


def test_a_lead_whose_creation_has_expired_is_not_checkable(tmp_path: Path) -> None:
    found = a_log(lambda log: expired(log, "lead-created", 1), tmp_path)
    assert found.differences == []
    assert found.result.not_checkable == {"expired": 2}  # the second was created too soon after what is lost
    assert found.result.stages == {"new": 2}


def test_a_lead_that_was_created_after_what_has_expired_is_checked(tmp_path: Path) -> None:
    def lose(log: MemoryLog) -> None:
        log.append("lead-contacted", b"other", b"x", at=T0)
        log.append("lead-contacted", b"other", b"x", at=T0 + SLACK_MS)
        expired(log, "lead-contacted", 1)

    found = a_log(lose, tmp_path)
    assert found.differences == []
    assert (found.result.not_checkable["expired"], found.result.balanced) == (2, 1)


def test_of_a_topic_without_any_record_left_its_retention_counts(tmp_path: Path) -> None:
    def lose(log: MemoryLog) -> None:
        log.append("deal-closed", b"old", b"x", at=T0)
        expired(log, "deal-closed", 1)
        log.kept = T0 + SLACK_MS

    found = a_log(lose, tmp_path)
    assert (found.result.not_checkable, found.result.balanced) == ({"expired": 1}, 1)


def test_a_lead_whose_first_pass_has_expired_is_not_checkable(tmp_path: Path) -> None:
    (snapshot,) = [
        CODEC.decode(one.value, LeadSnapshot) for one in snapshots(published(a_created("ada", T0, event_id="1")))
    ]

    def lose(log: MemoryLog) -> None:
        log.append("lead-contacted", b"other", b"x", at=T0)
        log.append("lead-contacted", b"other", b"x", at=T0 + SLACK_MS)
        expired(log, "lead-contacted", 1)
        log.append("lead-created", b"ada", CODEC.encode(a_created("ada", T0 + 1)), at=T0 + 20 * SLACK_MS)
        log.append("lead-snapshots", b"ada", CODEC.encode(snapshot), at=T0 + 20 * SLACK_MS)

    found = a_log(lose, tmp_path)
    assert found.differences == []
    assert found.result.not_checkable["expired"] == 3


def test_with_since_only_younger_leads_are_checked(tmp_path: Path) -> None:
    log = MemoryLog()
    log.extend(at(published(a_created("old", T0)), T0))
    log.extend(at(facts(published(a_created("young", T0 + 10))), T0 + 10 * SLACK_MS))
    found = Audited(log, tmp_path, since=T0 + 2 * SLACK_MS)
    assert [one.split()[0] for one in found.differences] == ["young"]
    assert found.result.held_since == T0 + 2 * SLACK_MS


def test_a_lead_that_the_version_before_decided_about_and_that_differs_is_not_checkable(tmp_path: Path) -> None:
    log, name = MemoryLog(), LEADS[0]
    records = published(a_created(name, T0))
    decided = CODEC.encode(LeadDecided(event_id="x", lead_id=name, occurred_at=T0, decision="RETIRE", stall_id="?"))
    log.extend([*records, StoredRecord(name.encode(), AUDITED.index("lead-decisions"), 0, 0, T0, decided)])
    assert Audited(log, tmp_path).result.differences == {"unknown_stall": 1}

    log = MemoryLog()
    in_version_1 = VERSION_1_OF_DECIDED + decided[5:-2]  # without two fields that came later
    log.extend([*records, StoredRecord(name.encode(), AUDITED.index("lead-decisions"), 0, 0, T0, in_version_1)])
    found = Audited(log, tmp_path)
    assert (found.differences, found.result.not_checkable) == ([], {"version_before": 1})


def test_a_lead_whose_snapshot_was_deleted_is_not_checkable(tmp_path: Path) -> None:
    log = MemoryLog()
    log.extend(published(a_created("ada", T0)))
    log.append("lead-snapshots", b"ada", None)
    found = Audited(log, tmp_path)
    assert (found.differences, found.result.not_checkable) == ([], {"deleted": 1})


def test_a_lead_with_a_fact_that_came_later_than_streams_remembers_is_not_checkable(tmp_path: Path) -> None:
    log = MemoryLog()
    touches = [a_contact("ada", T0 + n) for n in range(1, MEMORY_FACTS + 2)]
    late = a_contact("ada", T0, event_id="late", owner_id="zoe")
    log.extend(published(a_created("ada", T0 - 1), *touches, late))
    found = Audited(log, tmp_path)
    assert (found.differences, found.result.not_checkable) == ([], {"late_facts": 1})
