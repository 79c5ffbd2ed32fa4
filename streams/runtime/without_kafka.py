"""A process that is told to stop while Kafka is away leaves without what it can no longer commit."""

from __future__ import annotations

import logging
import os
import time
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, NoReturn

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)
PATIENCE = 5.0
"""Seconds without an answer of any broker; with the time that a question takes, fewer than ten."""
PROBE_SECONDS = 3.0
_POLL = 0.25


def leave_without_kafka(
    is_stopping: Callable[[], bool],
    answers: Callable[[], bool],
    leave: Callable[[int], NoReturn] = os._exit,
    now: Callable[[], float] = time.monotonic,
    pause: Callable[[float], object] = time.sleep,
) -> None:
    """Wait until the process is told to stop; then end it, with exit code 0, if no broker answers any more.

    That is safe at any time: what is not acked is repeated by the next owner, as after a crash. Clients of Kafka wait
    for a broker that hangs for up to a minute, each in its own way, and report it as an error.

    Args:
        is_stopping: whether the process was told to stop.
        answers: asks the brokers, for some seconds at most.
        leave: ends the process with an exit code.
        now: seconds, monotonic.
        pause: waits that many seconds.
    """
    while not is_stopping():
        pause(_POLL)
    answered_at = now()
    while True:
        if answers():
            answered_at = now()
        elif now() - answered_at >= PATIENCE:
            log.warning("told to stop, and no broker answers: leaving; what is not acked is repeated by the next owner")
            leave(os.EX_OK)
        pause(_POLL)


def watch(is_stopping: Callable[[], bool], answers: Callable[[], bool]) -> None:
    """Run `leave_without_kafka` in a thread that ends with the process."""
    Thread(target=leave_without_kafka, args=(is_stopping, answers), name="leaving", daemon=True).start()


def broker_answers(conf: Mapping[str, str | int | float]) -> bool:
    """Whether any broker answers now. `conf`: librdkafka's connection settings."""
    try:
        AdminClient({**conf, "log_level": 0}).list_topics(timeout=PROBE_SECONDS)
    except KafkaException:
        return False
    return True


def watch_brokers(is_stopping: Callable[[], bool], conf: Mapping[str, str | int | float]) -> None:
    """As `watch`, for the brokers of these connection settings."""
    watch(is_stopping, partial(broker_answers, conf))
