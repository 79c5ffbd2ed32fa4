"""Escalations and warnings are addressed to the intake owner where the lead has no owner, or one who is away."""

from dataclasses import replace

import pytest

from schemas.events import LeadEscalated
from streams.domain.policy import Absence, Action, Intake, PlainTime, Policy
from tests.builders import T0, a_created
from tests.builders_domain import a_policy, within
from tests.fakes import FakeChunk

from .loop_harness import LoopHarness, decoded, topics

PROMISES = replace(within(never_contacted=30), warn={"never_contacted": PlainTime(10)})
ESCALATING = a_policy(PROMISES, reasons={"never_contacted": Action("again", escalate=PlainTime(50))})


def addressed_to(intake: Intake) -> Policy:
    return replace(ESCALATING, intake=intake)


def escalations(chunk: FakeChunk) -> list[LeadEscalated]:
    return [decoded(one) for one in chunk.to("lead-escalated")]


@pytest.mark.parametrize(
    ("owner_id", "intake", "addressee"),
    [
        ("", Intake("desk"), "desk"),
        ("ana", Intake("desk", frozenset({Absence("ana")})), "desk"),
        ("ana", Intake("desk", frozenset({Absence("ben")})), "ana"),
        ("ana", Intake(), "ana"),
        ("", Intake(), ""),
    ],
)
def test_a_warning_and_an_escalation_name_whom_they_are_for_and_whose_the_lead_is(
    owner_id: str, intake: Intake, addressee: str
) -> None:
    harness = LoopHarness(addressed_to(intake), is_live=True)
    warning, escalation = escalations(harness.chunk(a_created("L", owner_id=owner_id), complete_until=T0 + 45))
    assert (warning.action, escalation.action) == ("AT_RISK", "ESCALATE")
    assert {one.owner_id for one in (warning, escalation)} == {addressee}
    assert {one.lead_owner_id for one in (warning, escalation)} == {owner_id}


def test_a_changed_intake_owner_gets_what_is_escalated_from_the_next_chunk_on() -> None:
    harness = LoopHarness(addressed_to(Intake("desk")), is_live=True)
    warning = escalations(harness.chunk(a_created("L"), complete_until=T0 + 35))[0]
    harness.policy.current = addressed_to(Intake("eve"))
    (escalation,) = escalations(harness.chunk(complete_until=T0 + 60))
    assert (warning.owner_id, escalation.owner_id) == ("desk", "eve")


def test_whom_an_escalation_is_for_changes_nothing_else() -> None:
    outputs = []
    for intake in (Intake(), Intake("desk", frozenset({Absence("*")}))):
        chunk = LoopHarness(addressed_to(intake), is_live=True).chunk(
            a_created("L", owner_id="ana"), complete_until=T0 + 200
        )
        assert "lead-recycled" in topics(chunk)
        outputs.append([(one.topic, one.value) for one in chunk.sent if one.topic != "lead-escalated"])
    assert outputs[0] == outputs[1]
