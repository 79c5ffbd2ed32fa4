"""Counts the dead letters of the last day, by reason."""

import time
from collections import Counter
from collections.abc import Mapping
from typing import cast

from confluent_kafka import KafkaException

from schemas import dead_letters as dl
from schemas.errors import UserError
from schemas.instants import DAY_MS
from workers.admin import reason_of
from workers.dead_letters.parsing import RawHeaders, marker_of
from workers.kafka import KafkaConf
from workers.reading import records

from .findings import Finding, fail, ok, warn
from .topics import GRANT

ABOUT = "dead letters"
READ_SECONDS = 5.0
FLOOD, FLOOD_MS = 100, 900_000
"""As LeadloopDeadLettersFlood has it."""


def check(conf: KafkaConf, topic: str) -> list[Finding]:
    """Read the topic, for a bounded time."""
    try:
        return [evaluate(*_counted(conf, topic, int(time.time() * 1000)))]
    except KafkaException as error:
        return [warn(ABOUT, f"they cannot be read: {reason_of(error)}", GRANT)]
    except UserError:
        return []  # the check of the topics says it


def _counted(conf: KafkaConf, topic: str, now: int) -> tuple[Counter[str], int]:
    by_reason, recent, until = Counter[str](), 0, time.monotonic() + READ_SECONDS
    for message in records(conf, topic, now - DAY_MS):
        headers = cast("RawHeaders", message.headers() or [])
        if not marker_of(headers):
            reason = (dict(headers).get(dl.REASON) or b"").decode(errors="replace") or "without a reason"
            by_reason[reason] += 1
            recent += reason != "foreign" and now - message.timestamp()[1] <= FLOOD_MS
        if time.monotonic() >= until:
            break
    return by_reason, recent


def evaluate(by_reason: Mapping[str, int], recent: int) -> Finding:
    """The finding. `recent`: without foreign ones, within the last 15 minutes."""
    count = sum(by_reason.values())
    if not count:
        return ok(ABOUT, "none within a day")
    names = ", ".join(f"{number} {reason}" for reason, number in Counter(by_reason).most_common())
    found = f"{count} within a day: {names}"
    if recent > FLOOD:
        todo = "a producer has changed what it sends: docs/runbooks.md#leadloopdeadlettersflood"
        return fail(ABOUT, f"{recent} within 15 minutes; {found}", todo)
    return warn(ABOUT, found, "`leadloop dead-letters list` shows them: docs/runbooks.md#leadloopdeadlettersgrowing")
