"""Three brokers: one leaves in order, leaders move, and another one is killed, while leads are posted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kafka import REQUIRED, NoKafka, jars
from tests.redis import NoRedis, program
from tests.soak.brokers import IN_ORDER, KILLED, lose_brokers, table

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.kafka, pytest.mark.soak]


def test_no_fact_is_lost_and_no_lead_handed_back_twice_while_brokers_leave_and_are_killed(tmp_path: Path) -> None:
    try:
        jars(), program()
    except (NoKafka, NoRedis) as missing:
        if REQUIRED:
            raise
        pytest.skip(f"needs a real server: {missing}")
    run = lose_brokers(tmp_path, 10, print)
    assert run.failures == [], "\n".join(table(run))
    assert {IN_ORDER, KILLED} <= run.accepted.keys()
    assert run.leaders[IN_ORDER].get(1, 0) == run.leaders[KILLED].get(2, 0) == 0
