"""Which recycle events an endpoint gets, and which it is remembered not to have got."""

from typing import Any

import pytest

from streams.runtime.documents import DocumentError
from tests.unit.delivery.builders import a_recycle, an_escalation
from workers.delivery.endpoints import parse_endpoints
from workers.delivery.target import Limits, Only, Target


def a_target(**only: Any) -> Target:
    return Target(only=Only(**only))


RECYCLE = a_recycle(reason="price", track="offer", origin="webinar", segment="small")


@pytest.mark.parametrize("only", [{"reasons": ["no_reply"]}, {"tracks": ["nurture"]}])
def test_a_recycle_filtered_by_a_field_that_revokes_lack_must_be_remembered(only: dict[str, Any]) -> None:
    assert a_target(**only).leaves_out(RECYCLE)
    assert a_target(**only).wants(a_recycle("REVOKE", origin="webinar", segment="small"))


@pytest.mark.parametrize("only", [{}, {"origins": ["ads"]}, {"segments": ["big"]}, {"reasons": ["price"]}])
def test_a_recycle_that_passes_the_filter_or_fails_it_with_its_revoke_need_not_be_remembered(
    only: dict[str, Any],
) -> None:
    assert not a_target(**only).leaves_out(RECYCLE)


def test_an_endpoint_for_revokes_only_receives_them() -> None:
    target = a_target(actions=["REVOKE"], tracks=["nurture"])
    assert not target.wants(RECYCLE)
    assert not target.leaves_out(RECYCLE)  # else its REVOKE would be taken for one of what was never sent
    assert target.wants(a_recycle("REVOKE"))


def test_an_endpoint_without_revokes_remembers_no_filtered_recycle() -> None:
    assert not a_target(actions=["RECYCLE"], tracks=["nurture"]).leaves_out(RECYCLE)


@pytest.mark.parametrize(
    ("only", "may"),
    [
        ({}, True),
        ({"tracks": ["offer"], "reasons": ["price"], "origins": ["ads"]}, True),  # its origin is not known yet
        ({"tracks": ["nurture"]}, False),
        ({"reasons": ["no_reply"]}, False),
        ({"actions": ["REVOKE"]}, False),
    ],
)
def test_an_endpoint_may_take_what_its_filter_lets_through(only: dict[str, Any], may: bool) -> None:
    assert a_target(**only).may_take("price", "offer") is may


def test_a_reason_that_is_not_known_yet_passes_the_filter() -> None:
    assert a_target(reasons=["price"]).may_take("", "offer")


def limits_of(text: str) -> Limits:
    document = f"endpoints: {{crm: {{kind: kafka, topic: crm, limits: {text}}}}}"
    _, (endpoint,) = parse_endpoints(document, "endpoints.yml")
    return endpoint.limits


def test_a_daily_budget_is_of_calendar_days_in_utc_unless_a_timezone_is_given() -> None:
    assert (limits_of("{per_day: 500}").per_day, limits_of("{per_day: 500}").timezone.key) == (500, "UTC")
    assert limits_of("{per_day: 500, timezone: Europe/Berlin}").timezone.key == "Europe/Berlin"
    assert limits_of("{per_second: 5}").per_day is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{per_day: 0}", "1: endpoints.crm.limits.per_day"),
        ("{per_day: 5, timezone: Europe/Berln}", "there is no time zone 'Europe/Berln'; did you mean 'Europe/Berlin'?"),
        ("{per_day: 5, timezone: 2}", "2 is no time zone; write for example 'Europe/Berlin'"),
        ("{timezone: UTC}", "a timezone without per_day; write 'per_day: 500', or leave the timezone out"),
    ],
)
def test_a_wrong_daily_budget_is_reported_with_the_fix(text: str, said: str) -> None:
    with pytest.raises(DocumentError) as faults:
        limits_of(text)
    assert said in str(faults.value)


@pytest.mark.parametrize("action", ["ESCALATE", "AT_RISK"])
def test_nobody_gets_escalations_who_did_not_subscribe(action: str) -> None:
    assert not a_target().wants(an_escalation(action))
    assert not a_target(actions=["RECYCLE", "REVOKE"]).wants(an_escalation(action))
    assert a_target(actions=["RECYCLE", action]).wants(an_escalation(action))


def test_an_endpoint_for_escalations_gets_no_recycles() -> None:
    target = a_target(actions=["ESCALATE"])
    assert not target.wants(RECYCLE)
    assert not target.wants(a_recycle("REVOKE"))
    assert not target.leaves_out(RECYCLE)


@pytest.mark.parametrize(
    ("only", "is_wanted"),
    [
        ({"reasons": ["never_contacted"]}, True),
        ({"reasons": ["price"]}, False),
        ({"segments": ["big"]}, False),
        ({"origins": ["webinar"]}, True),
        ({"tracks": ["nurture"]}, True),  # an escalation has no track
    ],
)
def test_escalations_are_filtered_by_reason_segment_and_origin(only: dict[str, Any], is_wanted: bool) -> None:
    event = an_escalation(reason="never_contacted", origin="webinar", segment="small")
    assert a_target(actions=["ESCALATE"], **only).wants(event) is is_wanted
