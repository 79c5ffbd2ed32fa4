"""Which recycle events an endpoint gets, and which it is remembered not to have got."""

from typing import Any

import pytest

from tests.unit.delivery.builders import a_recycle
from workers.delivery.target import Only, Target


def a_target(**only: Any) -> Target:
    return Target(only=Only(**only))


RECYCLE = a_recycle(reason="price", track="offer", origin="webinar", segment="small")


@pytest.mark.parametrize("only", [{"reasons": ["no_reply"]}, {"tracks": ["nurture"]}])
def test_a_filter_that_a_revoke_says_nothing_about_leaves_its_recycle_out(only: dict[str, Any]) -> None:
    assert a_target(**only).leaves_out(RECYCLE)
    assert a_target(**only).wants(a_recycle("REVOKE", origin="webinar", segment="small"))


@pytest.mark.parametrize("only", [{}, {"origins": ["ads"]}, {"segments": ["big"]}, {"reasons": ["price"]}])
def test_what_is_wanted_or_whose_revoke_is_not_wanted_either_need_not_be_remembered(only: dict[str, Any]) -> None:
    assert not a_target(**only).leaves_out(RECYCLE)


def test_an_endpoint_for_revokes_alone_gets_them() -> None:
    target = a_target(actions=["REVOKE"], tracks=["nurture"])
    assert not target.wants(RECYCLE)
    assert not target.leaves_out(RECYCLE)  # else its REVOKE would be taken for one of what was never sent
    assert target.wants(a_recycle("REVOKE"))


def test_an_endpoint_that_takes_no_revokes_remembers_nothing() -> None:
    assert not a_target(actions=["RECYCLE"], tracks=["nurture"]).leaves_out(RECYCLE)
