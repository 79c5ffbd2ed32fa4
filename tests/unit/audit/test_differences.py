"""Each kind of difference is planted into what streams published, and named."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from schemas.events import (
    AnyRecord,
    DealClosed,
    LeadDecided,
    LeadEscalated,
    LeadRecycled,
    LeadSnapshot,
    LeadStalled,
    LeadUpdated,
)
from tests.builders import T0, a_created, a_loss, a_reply, a_stall, a_win
from tests.unit.agents.agent_harness import AgentHarness
from workers.audit.differences import KINDS

from .audited import POLICY, audits, found_in, of_records, published_by

Records = list[AnyRecord]


def of_streams(*records: AnyRecord, until: int = T0 + 500) -> Records:
    """The records, and what streams publishes about them."""
    return published_by(AgentHarness(POLICY).add(*records).until(until).run())


def kinds(records: Records) -> list[str]:
    found = [one for audit in audits(of_records(*records), POLICY) for one in audit.differences]
    assert all(one.lead_id == "ada" for one in found)
    return sorted({one.kind for one in found})


def without(records: Records, kind: type[AnyRecord], **fields: object) -> Records:
    """All but those of this kind, and with these values."""
    kept = [one for one in records if not _is(one, kind, fields)]
    assert len(kept) < len(records)
    return kept


def changed(records: Records, kind: type[AnyRecord], change: Callable[[AnyRecord], AnyRecord], **of: object) -> Records:
    assert any(_is(one, kind, of) for one in records)
    return [change(one) if _is(one, kind, of) else one for one in records]


def _is(one: AnyRecord, kind: type[AnyRecord], fields: dict[str, object]) -> bool:
    return isinstance(one, kind) and all(getattr(one, name) == value for name, value in fields.items())


def lost() -> Records:
    """A lead that is handed back because its deal was lost."""
    return of_streams(a_created("ada", T0, event_id="1"), a_reply("ada", T0 + 5), a_loss("ada", T0 + 10, event_id="2"))


def moved() -> Records:
    """A lead that answers after it was handed back."""
    return of_streams(
        a_created("ada", T0), a_reply("ada", T0 + 5), a_loss("ada", T0 + 10), a_reply("ada", T0 + 20, event_id="back")
    )


def held() -> Records:
    """A lead that is lost again within the cooldown, and waits for its end."""
    again = a_loss("ada", T0 + 30, event_id="again")
    return of_streams(
        a_created("ada", T0), a_reply("ada", T0 + 5), a_loss("ada", T0 + 10), a_reply("ada", T0 + 20), again
    )


def suppressed() -> Records:
    """A lead that was lost and may not be contacted."""
    return of_streams(
        a_created("ada", T0, do_not_contact=True), a_reply("ada", T0 + 5), a_loss("ada", T0 + 10, event_id="2")
    )


def escalated() -> Records:
    """A lead that nobody has contacted, and sales was asked to."""
    return of_streams(a_created("ada", T0), until=T0 + 120)


@pytest.mark.parametrize("records", [lost, moved, held, suppressed, escalated])
def test_what_streams_published_balances(records: Callable[[], Records]) -> None:
    assert kinds(records()) == []


def test_a_missing_snapshot() -> None:
    assert kinds(without(lost(), LeadSnapshot)) == ["no_snapshot"]


def test_a_snapshot_of_another_stage() -> None:
    assert kinds(changed(lost(), LeadSnapshot, lambda one: replace(one, stage="lost"))) == ["stage"]


@pytest.mark.parametrize(
    "fields",
    [{"pass_no": 2}, {"owner_id": "zoe"}, {"reached": 127}, {"recycle_id": ""}, {"stall_id": "x"}, {"origin": "fair"}],
    ids=str,
)
def test_a_snapshot_with_another_field(fields: dict[str, object]) -> None:
    assert kinds(changed(lost(), LeadSnapshot, lambda one: replace(one, **fields))) == ["snapshot"]


def test_a_snapshot_with_another_decision() -> None:
    assert kinds(changed(held(), LeadSnapshot, lambda one: replace(one, decision="RETIRE"))) == ["snapshot"]


def test_a_fact_that_streams_does_not_know() -> None:
    assert kinds([*lost(), a_win("ada", T0 + 400)]) == ["not_revoked", "snapshot", "stage"]


def test_a_fact_that_only_streams_knows() -> None:
    assert "stage" in kinds(without(lost(), DealClosed))


def test_a_decision_about_a_stall_that_never_existed() -> None:
    forged = LeadDecided(event_id="x", lead_id="ada", occurred_at=T0 + 50, decision="RETIRE", why="never", stall_id="?")
    assert kinds([*lost(), forged]) == ["unknown_stall"]


def test_a_decision_about_a_stall_that_a_crash_kept_from_kafka_is_no_difference() -> None:
    assert kinds([one for one in escalated() if not isinstance(one, LeadStalled)]) == ["snapshot", "stage"]


def test_a_recycle_without_its_decision() -> None:
    assert kinds(without(lost(), LeadDecided, decision="RECYCLE")) == ["unmatched"]


def test_a_recycle_that_marketing_never_heard_of() -> None:
    assert kinds(without(lost(), LeadRecycled)) == ["limbo", "snapshot", "stage"]


def test_an_escalation_that_sales_never_heard_of() -> None:
    assert kinds(without(escalated(), LeadEscalated)) == ["unmatched"]


def test_an_escalation_without_its_decision() -> None:
    assert kinds(without(escalated(), LeadDecided)) == ["limbo", "snapshot", "unmatched"]


def test_a_recycle_that_stands_no_longer_and_was_not_revoked() -> None:
    assert kinds(without(moved(), LeadRecycled, action="REVOKE")) == ["not_revoked"]


def test_a_recycle_that_was_revoked_although_it_stands() -> None:
    (sent,) = [one for one in lost() if isinstance(one, LeadRecycled)]
    revoke = replace(sent, event_id="x", action="REVOKE", cause="moved", occurred_at=T0 + 200)
    assert kinds([*lost(), revoke]) == ["limbo", "snapshot", "stage"]


def test_a_recycle_that_was_revoked_twice() -> None:
    records = moved()
    (revoke,) = [one for one in records if isinstance(one, LeadRecycled) and one.action == "REVOKE"]
    assert kinds([*records, replace(revoke, event_id="x")]) == ["revoked_twice"]


def test_a_revoke_of_a_recycle_that_nobody_sent() -> None:
    forged = LeadRecycled(
        event_id="x", lead_id="ada", occurred_at=T0 + 50, action="REVOKE", recycle_id="?", stall_id="2", cause="void"
    )
    assert kinds([*lost(), forged]) == ["unmatched"]


def test_two_recycles_of_one_lead() -> None:
    (sent,) = [one for one in lost() if isinstance(one, LeadRecycled)]
    decided = [one for one in lost() if isinstance(one, LeadDecided)]
    other = {"event_id": "x", "recycle_id": "x"}
    twice = [*lost(), replace(sent, **other), *(replace(one, **other) for one in decided)]
    assert kinds(twice) == ["not_revoked", "two_recycles"]


def test_a_lead_with_marketing_that_opted_out() -> None:
    opt_out = LeadUpdated(event_id="x", lead_id="ada", occurred_at=T0 + 50, do_not_contact="yes")
    assert kinds([*lost(), opt_out]) == ["forbidden", "snapshot"]


def test_a_lead_with_marketing_whose_consent_ends_before_marketing_may_start() -> None:
    consent = LeadUpdated(
        event_id="x", lead_id="ada", occurred_at=T0 + 20, consent="granted", consent_expires_at=T0 + 39
    )
    assert kinds([*lost(), consent]) == ["forbidden", "snapshot"]


def test_a_stall_that_was_never_decided() -> None:
    assert kinds(without(suppressed(), LeadDecided)) == ["limbo", "snapshot"]


def test_a_stall_that_is_held_without_a_date() -> None:
    undated = changed(held(), LeadDecided, lambda one: replace(one, until=None), decision="HOLD")
    assert kinds(undated) == ["limbo"]


def test_a_stall_that_is_held_and_has_no_deadline_in_streams() -> None:
    assert kinds(changed(held(), LeadSnapshot, lambda one: replace(one, until=None, due_at=None))) == ["limbo"]


def test_a_stall_that_waits_at_a_gate_that_is_open() -> None:
    lifted = LeadUpdated(event_id="x", lead_id="ada", occurred_at=T0 + 50, do_not_contact="no")
    assert kinds([*suppressed(), lifted]) == ["limbo", "snapshot"]


def test_a_stall_whose_date_has_passed() -> None:
    (audit,) = audits(of_records(*held()), POLICY, fired_until=T0 + 1_010)
    assert audit.differences == ()
    (audit,) = audits(of_records(*held()), POLICY, fired_until=T0 + 1_011)
    assert [one.kind for one in audit.differences] == ["limbo"]


def test_a_hold_that_is_over_at_a_closed_gate_waits_for_the_gate() -> None:
    """The stall was suppressed and held; it is as before, since the first stall, and so its recycle, is taken back."""
    reasons = [LeadUpdated(lead_id="ada", event_id=f"u{at}", occurred_at=T0 + at) for at in (25, 40, 50, 60)]
    opt_out, lifted, again, restated = reasons
    records = of_streams(
        a_created("ada", T0),
        a_stall("ada", T0 + 10, event_id="first", reason="bad_timing"),
        a_reply("ada", T0 + 20),
        replace(opt_out, do_not_contact="yes"),
        a_stall("ada", T0 + 30, event_id="second", reason="no_budget"),
        replace(lifted, do_not_contact="no"),
        replace(again, do_not_contact="yes"),
        replace(restated, retracts="first"),
    )
    (audit,) = audits(of_records(*records), POLICY, fired_until=T0 + 5_000)
    assert [str(one) for one in audit.differences] == []
    assert audit.open_stall is not None
    assert (audit.open_stall.waits_for, audit.open_stall.decision, audit.open_stall.until) == ("gate", "HOLD", None)


def test_an_open_stall_is_listed_with_what_it_waits_for() -> None:
    found = [audits(of_records(*records()), POLICY)[0].open_stall for records in (held, suppressed, escalated, lost)]
    assert [one and (one.waits_for, one.decision, one.why, one.until) for one in found] == [
        ("date", "HOLD", "cooldown", T0 + 1_010),
        ("gate", "SUPPRESS", "do_not_contact", None),
        ("date", "ESCALATE", "never_contacted", T0 + 150),
        None,
    ]


def test_a_difference_says_what_is_and_what_should_be() -> None:
    wrong = changed(lost(), LeadSnapshot, lambda one: replace(one, stage="lost"))
    assert found_in(audits(of_records(*wrong), POLICY)) == ["ada  stage: stage is lost, should be nurture"]


def test_every_kind_of_difference_is_planted() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert [kind for kind in KINDS if f'"{kind}"' not in text] == []


def test_a_sales_stall_of_a_lead_without_a_creation_waits_for_the_creation() -> None:
    records = of_streams(
        a_reply("ada", T0), a_stall("ada", T0 + 5), a_reply("ada", T0 + 20), a_stall("ada", T0 + 30, event_id="again")
    )
    (audit,) = audits(of_records(*records), POLICY)
    assert audit.differences == ()
    assert audit.open_stall is not None
    assert (audit.open_stall.waits_for, audit.open_stall.why) == ("gate", "not_created")
