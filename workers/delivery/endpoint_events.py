"""Notifications of operators about endpoints: JSON in the topic `endpoint-events`, for their own tools to consume."""

from typing import Literal

import msgspec

TOPIC = "endpoint-events"
EndpointEventKind = Literal["failing", "recovered", "exhausted", "disabled"]


class EndpointEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event.

    Attributes:
        event_id: The same if it is published again.
        event: `failing`: `percent` of the failures in a row that count as dead. `recovered`: it works again after that.
            `exhausted`: deliveries were given up. `disabled`: nothing is sent to it until somebody resumes it.
        endpoint: Which.
        at: When, epoch ms.
        failures: Failed attempts in a row.
        limit: How many count as dead.
        percent: 50, 70, 90 or 100.
        since: When the failures began, or the first of the deliveries was given up, epoch ms.
        given_up: How many deliveries were given up since.
        status: The HTTP status of the last failure.
        cause: What the last failure was, or why it is disabled, in our words.
    """

    event_id: str
    event: EndpointEventKind
    endpoint: str
    at: int
    failures: int = 0
    limit: int = 0
    percent: int = 0
    since: int = 0
    given_up: int = 0
    status: int | None = None
    cause: str = ""

    @property
    def label(self) -> str:
        """Its name in metrics."""
        return f"{self.event}_{self.percent}" if self.event == "failing" else self.event


LABELS = ("failing_50", "failing_70", "failing_90", "failing_100", "recovered", "exhausted", "disabled")


def decoded(value: bytes | None) -> EndpointEvent | None:
    """What a record of the topic says; None if it is none."""
    try:
        return msgspec.json.decode(value or b"", type=EndpointEvent)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
