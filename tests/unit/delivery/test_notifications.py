"""Messages to people: when an escalation waits for others, and the words about it."""

import pytest
from msgspec.structs import replace

from tests.component.delivery.connectors.harness import AT, NOW, a_recycle, a_request, an_escalation, target_of
from tests.unit.delivery.builders import a_partition, a_record
from tests.unit.delivery.delivering import CODEC
from workers.delivery.connectors.notification import NotificationTarget, notification_of, printable
from workers.delivery.core.admission import Attempt, Wait, admit
from workers.delivery.core.expansion import Expansion
from workers.delivery.core.model import Availability, RetryState
from workers.delivery.core.owned_partition import Delivery
from workers.delivery.core.schedule import Schedule
from workers.delivery.core.unsettled import sendable_since
from workers.delivery.target import Endpoint

MINUTE = 60_000
QUARTER = AT // (15 * MINUTE) * 15 * MINUTE
"""A quarter of an hour begins."""


def _target(**section: object) -> NotificationTarget:
    base = {"kind": "email", "host": "mail.example.com", "from": "a@example.com", "to": ["b@example.com"]}
    target = target_of(base | section)
    assert isinstance(target, NotificationTarget)
    return target


def _delivery(target: NotificationTarget, now: int, until: int | None) -> Delivery:
    partition = a_partition(None, "lead-escalated")
    record = a_record("lead-escalated", value=CODEC.encode(an_escalation(until=until)), written_at=now)
    expansion = Expansion({"mail": Endpoint("mail", target)}, CODEC, lambda: now)
    (delivery,) = expansion.of_event(partition, partition.open(record))
    return delivery


def test_an_escalation_waits_in_kafka_for_the_next_message_and_is_not_overdue_meanwhile() -> None:
    now, end = QUARTER + 4 * MINUTE, QUARTER + 15 * MINUTE
    delivery = _delivery(_target(every_minutes=15), now, until=now + 4 * 60 * MINUTE)
    decision = admit(delivery, Availability.ACTIVE, now, Schedule())
    assert isinstance(decision, Wait)
    assert (decision.retry.due_at, decision.retry.why) == (end, "collected")
    assert RetryState.of(decision.retry.headers()) == decision.retry
    assert sendable_since(delivery.event, decision.retry) == end
    assert isinstance(admit(delivery, Availability.ACTIVE, end, Schedule()), Attempt)


@pytest.mark.parametrize("until", [QUARTER + 12 * MINUTE, QUARTER + 20 * MINUTE])
def test_an_escalation_does_not_wait_for_more_than_half_of_the_time_that_sales_has(until: int) -> None:
    now = QUARTER + 4 * MINUTE
    decision = admit(_delivery(_target(every_minutes=15), now, until), Availability.ACTIVE, now, Schedule())
    assert isinstance(decision, Attempt)


def test_an_escalation_without_an_end_waits_and_without_every_minutes_none_does() -> None:
    now = QUARTER + 4 * MINUTE
    assert _delivery(_target(every_minutes=15), now, None).retry.due_at == QUARTER + 15 * MINUTE
    assert _delivery(_target(), now, None).retry.due_at == 0
    assert _target(every_minutes=15).held_until(a_recycle(), now) == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ana", "Ana"),
        ("  Ana\r\n\tBen\x00 ", "Ana Ben"),
        ("a\u202eb\u200bc", "a b c"),
        ("\ud800x", "x"),
        ("Zoë Müller-Łukasz 🚀", "Zoë Müller-Łukasz 🚀"),
        ("x" * 101, "x" * 99 + "…"),
        (" " * 5_000 + "x", ""),
    ],
)
def test_upstream_text_is_one_bounded_line_without_control_and_formatting_characters(text: str, expected: str) -> None:
    assert printable(text) == expected


def test_a_lead_without_its_prefix_is_in_the_link_escaped() -> None:
    target = _target(link="https://crm.example.com/{lead_id}/x?e={escalation_id}", strip_prefix="hubspot/")
    found = notification_of([a_request(an_escalation("hubspot/5 0/1", escalation_id="e&1"))], target, AT)
    assert found.items[0].link == "https://crm.example.com/5%200%2F1/x?e=e%261"


def test_an_intake_owner_reads_for_whom_they_stand_in() -> None:
    for lead_owner, expected in (("ana", "Owner: desk (for ana)."), ("desk", "Owner: desk."), ("", "Owner: desk.")):
        request = a_request(an_escalation(owner_id="desk", lead_owner_id=lead_owner))
        assert expected in notification_of([request], _target(), AT).items[0].text


def test_no_instant_of_a_record_is_beyond_what_can_be_written() -> None:
    for until in (0, -(1 << 60), 1 << 60, None):
        request = a_request(replace(an_escalation(until=until), occurred_at=1 << 60))
        found = notification_of([request], _target(timezone="Pacific/Kiritimati"), int(NOW * 1000))
        assert found.items[0].text
