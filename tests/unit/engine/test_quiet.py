"""Logs in an outage."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from streams.engine.quiet import HoldBack, RateLimit, quieten

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("outage.client")
    yield logger
    for one in list(logger.filters):
        logger.removeFilter(one)


def test_a_repeated_message_is_logged_once_per_interval_with_the_number_of_suppressed_ones(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    logger.addFilter(RateLimit(30, lambda: now[0]))
    for second in range(35):
        now[0] = float(second)
        logger.warning("no broker %s", second)
    assert [record.getMessage() for record in caplog.records] == [
        "no broker 0",
        "no broker 30 (29 more like it held back)",
    ]


def test_different_messages_do_not_suppress_each_other(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    logger.addFilter(RateLimit())
    for _ in range(2):
        logger.warning("no broker")
        logger.error("no coordinator")
    assert [record.getMessage() for record in caplog.records] == ["no broker", "no coordinator"]


def test_every_logger_of_a_library_is_limited(logger: logging.Logger) -> None:
    quieten("outage")
    assert [type(one) for one in logger.filters] == [HoldBack, RateLimit]


def test_a_message_that_is_retried_is_logged_once_it_has_been_repeated_for_ten_seconds(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    logger.addFilter(HoldBack("no coordinator", now=lambda: now[0]))
    for second in (0, 1, 2, 60, 64, 68, 71):
        now[0] = float(second)
        logger.error("no coordinator: %s", second)
        logger.error("refused: %s", second)
    assert [record.getMessage() for record in caplog.records if "coordinator" in record.getMessage()] == [
        "no coordinator: 71"
    ]
    assert len(caplog.records) == 8
